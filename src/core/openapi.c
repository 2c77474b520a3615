#include "core/openapi.h"

#include "config.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/gzip.h"
#include "core/schemas.h"

static const struct {
	const char *name, *code;
	int http;
	const char *en;
} errors[] = {
#define ERROR(NAME, code, http, en, zh) { #NAME, code, http, en },
#include "base/errors.def"
#undef ERROR
};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

static json_t *
ref(const char *kind, const char *name)
{
	return json_pack("{s:o}", "$ref", json_sprintf("#/components/%s/%s", kind, name));
}

/* ---- components ---- */

static json_t *
error_schema(void)
{
	json_t *codes = json_array();

	for (size_t i = 0; i < ERRORS; i++)
		json_array_append_new(codes, json_string(errors[i].code));
	return json_pack("{s:s, s:[s,s,s], s:{s:{s:s, s:s, s:o}, s:{s:s, s:s}, s:{s:s, s:s}, s:{s:s, s:s}}}", "type",
	    "object", "required", "code", "message", "request_id", "properties", "code", "type", "string",
	    "description", "Stable; switch on it.", "enum", codes, "message", "type", "string", "description",
	    "For people, in the caller's language.", "details", "type", "object", "description",
	    "What the code calls for: field, balance, required, ...", "request_id", "type", "string", "description",
	    "As in X-Request-Id and in the log.");
}

/* "E400" … : one response per HTTP status, naming the codes it may carry. */
static json_t *
error_responses(void)
{
	json_t *all = json_object();

	for (size_t i = 0; i < ERRORS; i++) {
		char name[16];
		json_t *seen;
		const char *old;

		snprintf(name, sizeof(name), "E%d", errors[i].http);
		seen = json_object_get(all, name);
		if (seen == NULL) {
			json_object_set_new(all, name,
			    json_pack("{s:o, s:{s:{s:o}}}", "description",
				json_sprintf("`%s`: %s", errors[i].code, errors[i].en), "content", "application/json",
				"schema", ref("schemas", "Error")));
			continue;
		}
		old = json_string_value(json_object_get(seen, "description"));
		json_object_set_new(
		    seen, "description", json_sprintf("%s `%s`: %s", old, errors[i].code, errors[i].en));
	}
	return all;
}

static json_t *
components(void)
{
	json_t *schemas = schemas_all();

	json_object_set_new(schemas, "Error", error_schema());
	return json_pack("{s:o, s:o, s:{s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s}}}", "schemas", schemas,
	    "responses", error_responses(), "securitySchemes", "bearer", "type", "http", "scheme", "bearer",
	    "description", "An access token from /api/auth/login.", "key", "type", "http", "scheme", "bearer",
	    "description", "An API key, as Bearer, x-api-key, x-goog-api-key or ?key=.", "ops", "type", "http",
	    "scheme", "bearer", "description", "[server] ops_token; not needed from loopback.");
}

/* ---- one operation ---- */

/* Every {name} of the path. */
static json_t *
path_parameters(const char *path)
{
	json_t *list = json_array();

	for (const char *at = strchr(path, '{'); at != NULL; at = strchr(at, '{')) {
		size_t len = strcspn(++at, "}");

		json_array_append_new(list,
		    json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", at, len, "in", "path", "required", 1, "schema",
			"type", "string"));
	}
	return list;
}

/* A list that says what its query takes: no other GET has fields. */
static bool
takes_query(const struct route *r)
{
	return strcmp(r->method, "GET") == 0 && r->fields != NULL && r->fields[0].name != NULL;
}

static void
query_parameters(const struct route *r, json_t *list)
{
	json_t *schema = fields_schema(r->fields), *properties = json_object_get(schema, "properties"), *property;
	const char *name;

	json_object_foreach(properties, name, property)
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:b, s:O}", "name", name, "in", "query", "required", 0, "schema", property));
	json_decref(schema);
}

static json_t *
parameters(const struct route *r)
{
	json_t *list = path_parameters(r->path);

	if (r->flags & ROUTE_IDEMPOTENT)
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:b, s:{s:s, s:i}, s:s}", "name", "Idempotency-Key", "in", "header",
			"required", 0, "schema", "type", "string", "maxLength", 255, "description",
			"The same key and body within 24 h replay the first outcome."));
	if (takes_query(r))
		query_parameters(r, list);
	return list;
}

static json_t *
request_body(const struct route *r)
{
	return json_pack("{s:b, s:{s:{s:o}}}", "required", !(r->flags & ROUTE_OPTIONAL), "content",
	    r->flags & ROUTE_FORM ? "multipart/form-data" : "application/json", "schema", fields_schema(r->fields));
}

static void
may_fail(json_t *responses, int http)
{
	char status[8], name[16];

	snprintf(status, sizeof(status), "%d", http);
	snprintf(name, sizeof(name), "E%d", http);
	json_object_set_new(responses, status, ref("responses", name));
}

static json_t *
responses_of(const struct route *r)
{
	json_t *all = json_object();
	char status[4];
	json_t *reply = schemas_reply(r->reply, status);

	json_object_set_new(all, status, reply);
	if (takes_query(r))
		may_fail(all, 400);
	if (r->flags & (ROUTE_JSON | ROUTE_RAW | ROUTE_FILE)) {
		may_fail(all, 400);
		may_fail(all, 413);
		may_fail(all, 415);
	}
	if (r->caller != CALLER_ANYONE) {
		may_fail(all, 401);
		may_fail(all, 403);
	}
	if (strchr(r->path, '{') != NULL)
		may_fail(all, 404);
	if (r->flags & ROUTE_IDEMPOTENT)
		may_fail(all, 409);
	if (r->rate != RATE_NONE)
		may_fail(all, 429);
	may_fail(all, 500);
	may_fail(all, 503);
	if (r->flags & ROUTE_FILE)
		may_fail(all, 507);
	return all;
}

static json_t *
security_of(const struct route *r)
{
	switch (r->caller) {
	case CALLER_USER:
	case CALLER_ADMIN: return json_pack("[{s:[]}]", "bearer");
	case CALLER_CLIENT: return json_pack("[{s:[]}, {s:[]}]", "key", "bearer");
	case CALLER_OPS: return json_pack("[{}, {s:[]}]", "ops");
	case CALLER_ANYONE: break;
	}
	return json_array();
}

/* Handlers of several paths have an operation for each: the second is called …_2. */
static int
nth_of_handler(const struct route *routes, const struct route *r)
{
	int n = 1;

	for (const struct route *other = routes; other < r; other++)
		n += strcmp(other->name, r->name) == 0;
	return n;
}

/* "h_tasks_abort" is operation tasks_abort, tagged tasks. */
static json_t *
operation(const struct route *routes, const struct route *r)
{
	const char *name = strncmp(r->name, "h_", 2) == 0 ? r->name + 2 : r->name;
	int nth = nth_of_handler(routes, r);
	char id[96];
	json_t *op;

	snprintf(id, sizeof(id), nth == 1 ? "%s" : "%s_%d", name, nth);
	op = json_pack("{s:s, s:s, s:[s%], s:o, s:o, s:o}", "operationId", id, "summary", r->summary, "tags", name,
	    strcspn(name, "_"), "parameters", parameters(r), "security", security_of(r), "responses", responses_of(r));

	if (r->flags & ROUTE_JSON)
		json_object_set_new(op, "requestBody", request_body(r));
	if (r->flags & (ROUTE_FILE | ROUTE_RAW))
		json_object_set_new(op, "requestBody",
		    json_pack("{s:b, s:{s:{s:{s:s, s:s}}}}", "required", 1, "content", "*/*", "schema", "type",
			"string", "format", "binary"));
	if (r->caller == CALLER_ADMIN)
		json_object_set_new(op, "description", json_string("Needs the role admin."));
	return op;
}

static json_t *
openapi_document(const struct route *routes, const char *base_url)
{
	json_t *paths = json_object();

	for (const struct route *r = routes; r->method != NULL; r++) {
		json_t *path = json_object_get(paths, r->path);
		char method[16];
		size_t i;

		if (path == NULL) {
			path = json_object();
			json_object_set_new(paths, r->path, path);
		}
		for (i = 0; r->method[i] != '\0' && i < sizeof(method) - 1; i++)
			method[i] = (char)tolower((unsigned char)r->method[i]);
		method[i] = '\0';
		json_object_set_new(path, method, operation(routes, r));
	}
	return json_pack("{s:s, s:{s:s, s:s, s:{s:s, s:s}}, s:[{s:s}], s:o, s:o}", "openapi", "3.1.0", "info", "title",
	    "Weir", "version", PACKAGE_VERSION, "license", "name", "Apache-2.0", "identifier", "Apache-2.0", "servers",
	    "url", base_url, "paths", paths, "components", components());
}

/* ---- as it is sent ---- */

static void
text_make(struct openapi_text *t, const struct route *routes, const char *base_url)
{
	json_t *document = openapi_document(routes, base_url);
	unsigned char hash[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];

	t->json = json_dumps(document, JSON_WIRE);
	json_decref(document);
	if (t->json == NULL)
		abort(); /* out of memory, as xmalloc() */
	t->json_len = strlen(t->json);
	t->gzip = gzip_pack(t->json, t->json_len, &t->gzip_len);
	crypto_sha256(t->json, t->json_len, hash);
	crypto_hex(hash, sizeof(hash), hex);
	snprintf(t->etag, sizeof(t->etag), "\"%.16s\"", hex);
}

const struct openapi_text *
openapi_text(const struct route *routes, const char *base_url)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct openapi_text text;

	pthread_mutex_lock(&lock);
	if (text.json == NULL)
		text_make(&text, routes, base_url);
	pthread_mutex_unlock(&lock);
	return &text;
}
