#include "wire/tasks/tasks.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/failure.h"
#include "wire/headers.h"
#include "wire/url.h"

#define URL_BYTES_MAX 2048
#define RATE_WAIT_MS 10000
#define NAME_BYTES_MAX 200
#define POINTER_BYTES_MAX 64

static const struct task_api *
api_of(const struct media_wire *self)
{
	return &((const struct task_wire *)self)->api;
}

/* ---- addresses ---------------------------------------------------------------------- */

/* A model is put into an address as it is: words with slashes between, none of which leads elsewhere. */
static bool
is_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/";
	size_t len = name == NULL ? 0 : strlen(name);

	return len > 0 && len <= NAME_BYTES_MAX && strspn(name, letters) == len && name[0] != '/' &&
	    strstr(name, "//") == NULL && strstr(name, "..") == NULL;
}

static void
put_escaped(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (isalnum((unsigned char)*text) || strchr("-_.~", *text) != NULL)
			buf_add(out, text, 1);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
}

/* The first two words of a model. */
static size_t
app_len(const char *model)
{
	const char *slash = strchr(model, '/');

	slash = slash == NULL ? NULL : strchr(slash + 1, '/');
	return slash == NULL ? strlen(model) : (size_t)(slash - model);
}

struct names {
	const char *model, *callback, *id;
};

static bool
put_name(struct buf *out, const char *what, size_t len, const struct names *n)
{
	if (len == 5 && memcmp(what, "model", len) == 0 && is_name(n->model))
		return buf_puts(out, n->model);
	if (len == 3 && memcmp(what, "app", len) == 0 && is_name(n->model))
		return buf_add(out, n->model, app_len(n->model));
	if (len == 2 && memcmp(what, "id", len) == 0 && media_is_id(n->id))
		return buf_puts(out, n->id);
	if (len != 8 || memcmp(what, "callback", len) != 0)
		return false;
	if (n->callback != NULL)
		put_escaped(out, n->callback);
	return true;
}

/* The base URL and a row's path with the names put in; in the arena, NULL: one of them cannot be. */
static const char *
address(struct arena *a, const char *base, const char *path, const struct names *n)
{
	struct buf text = BUF_INIT(2 * URL_BYTES_MAX);
	struct url url;
	const char *made = NULL;
	bool ok = url_read(base, &url);

	while (ok && *path != '\0') {
		size_t plain = strcspn(path, "{");
		const char *end;

		buf_add(&text, path, plain);
		path += plain;
		if (*path == '\0')
			break;
		end = strchr(path, '}');
		ok = put_name(&text, path + 1, (size_t)(end - path) - 1, n);
		path = end + 1;
	}
	if (ok && !text.overflow)
		made = url_join(a, &url, buf_str(&text));
	buf_free(&text);
	return made;
}

static enum status
ask(struct arena *a, const struct task_api *api, const struct wire_target *to, const char *method, const char *path,
    const struct names *n, struct wire_request *out)
{
	*out = (struct wire_request){ .method = method, .url = address(a, to->base_url, path, n) };
	out->headers = headers_make(a, to, api->key, NULL);
	return out->url == NULL || out->headers == NULL ? E_INVALID_REQUEST : OK;
}

/* ---- asking --------------------------------------------------------------------------- */

static json_t *
body_of(const struct task_api *api, const struct wire_target *to, const struct media_ask *ask)
{
	json_t *body, *also = api->also == NULL ? NULL : json_loads(api->also, 0, NULL);

	if (api->input == NULL) {
		body = json_copy((json_t *)ask->input);
	} else {
		body = json_object();
		json_object_set(body, api->input, (json_t *)ask->input);
	}
	if (api->model != NULL)
		json_object_set_new(body, api->model, json_string(to->model));
	if (api->callback != NULL && ask->callback != NULL) {
		json_object_set_new(body, api->callback, json_string(ask->callback));
		json_object_update(body, also);
	}
	json_decref(also);
	return body;
}

static enum status
submit(const struct media_wire *self, struct arena *a, const struct wire_target *to, const struct media_ask *what,
    struct wire_request *out)
{
	const struct task_api *api = api_of(self);
	json_t *body;
	char *text;

	if (!is_name(to->model) ||
	    ask(a, api, to, "POST", api->submit, &(struct names){ .model = to->model, .callback = what->callback },
		out) != OK)
		return E_INVALID_REQUEST;
	body = body_of(api, to, what);
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	out->body = arena_strdup(a, text);
	out->body_len = text == NULL ? 0 : strlen(text);
	free(text);
	return out->body == NULL ? E_INVALID_REQUEST : OK;
}

static enum status
query(const struct media_wire *self, struct arena *a, const struct wire_target *to, const char *id,
    struct wire_request *out)
{
	const struct task_api *api = api_of(self);

	return ask(a, api, to, "GET", api->status, &(struct names){ .model = to->model, .id = id }, out);
}

static enum status
query_result(const struct media_wire *self, struct arena *a, const struct wire_target *to, const char *id,
    struct wire_request *out)
{
	const struct task_api *api = api_of(self);

	return ask(a, api, to, "GET", api->result, &(struct names){ .model = to->model, .id = id }, out);
}

/* ---- understanding ---------------------------------------------------------------------- */

typedef void found_fn(void *arg, const char *text);

/* Each text at a pointer. */
static void
walk(const json_t *at, const char *pointer, size_t len, found_fn *found, void *arg)
{
	char name[POINTER_BYTES_MAX];
	size_t step, i;
	json_t *element;

	if (len == 0) {
		if (json_is_string(at))
			found(arg, json_string_value(at));
		return;
	}
	pointer++, len--; /* its "/" */
	for (step = 0; step < len && pointer[step] != '/';)
		step++;
	snprintf(name, sizeof(name), "%.*s", (int)step, pointer);
	if (strcmp(name, "*") != 0) {
		walk(json_object_get(at, name), pointer + step, len - step, found, arg);
		return;
	}
	json_array_foreach((json_t *)at, i, element)
		walk(element, pointer + step, len - step, found, arg);
}

/* The texts at the first of the pointers that has any; how many. */
struct texts {
	struct arena *a;
	const char *list[MEDIA_URLS_MAX];
	size_t n;
};

static void
keep(void *arg, const char *text)
{
	struct texts *t = arg;

	if (*text != '\0' && strlen(text) <= URL_BYTES_MAX && t->n < MEDIA_URLS_MAX)
		t->list[t->n++] = arena_strdup(t->a, text);
}

static void
find(struct arena *a, const json_t *root, const char *pointers, struct texts *out)
{
	*out = (struct texts){ .a = a };
	while (*pointers != '\0' && out->n == 0) {
		size_t len = strcspn(pointers, " ");

		walk(root, pointers, len, keep, out);
		pointers += len;
		pointers += strspn(pointers, " ");
	}
}

static const char *
find_one(struct arena *a, const json_t *root, const char *pointers)
{
	struct texts t;

	find(a, root, pointers, &t);
	return t.n == 0 ? NULL : t.list[0];
}

static bool
is_among(const char *word, const char *words)
{
	size_t len = strlen(word);

	for (const char *at = words; (at = strstr(at, word)) != NULL; at += len)
		if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

static void
describe(struct arena *a, char detail[256], int http_status, const json_t *root, const char *pointers)
{
	struct wire_failure f = { .status = OK };
	const char *said = find_one(a, root, pointers);

	if (said == NULL)
		said = find_one(a, root, "/detail /detail/*/msg /title /message");
	failure_describe(http_status, "", said == NULL ? "" : said, &f);
	snprintf(detail, 256, "%s", f.detail);
}

static json_t *
read_answer(int http_status, const char *body, size_t len)
{
	return http_status == 0 || body == NULL ? NULL : json_loadb(body, len, 0, NULL);
}

/* What each status means for a task that was to be made; others are unclear. */
static void
refuse(int http_status, struct media_submitted *out)
{
	static const int known[] = { 400, 401, 402, 403, 404, 405, 413, 415, 422 };

	if (http_status == 429)
		out->what = MEDIA_LATER;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == http_status)
			out->what = MEDIA_REFUSED;
	out->status = http_status == 400 ? E_INVALID_REQUEST : E_UPSTREAM_FAILED;
	out->next_channel = out->what != MEDIA_UNKNOWN && http_status != 400;
	out->wait_ms = RATE_WAIT_MS;
}

static void
submitted(const struct media_wire *self, struct arena *a, int http_status, const char *body, size_t len,
    struct media_submitted *out)
{
	const struct task_api *api = api_of(self);
	json_t *root = read_answer(http_status, body, len);
	const char *id = find_one(a, root, api->id);

	*out = (struct media_submitted){ .what = MEDIA_UNKNOWN, .status = E_UPSTREAM_FAILED };
	describe(a, out->detail, http_status, root, api->error);
	if (http_status / 100 == 2 && media_is_id(id)) {
		out->what = MEDIA_ACCEPTED;
		out->id = id;
	} else if (http_status / 100 != 2) {
		refuse(http_status, out);
	}
	json_decref(root);
}

/* What was made, of one that is done. */
static void
take_urls(struct arena *a, const struct task_api *api, const json_t *root, struct media_told *out)
{
	struct texts urls;

	find(a, root, api->urls, &urls);
	memcpy(out->urls, urls.list, sizeof(urls.list));
	out->n_urls = urls.n;
	out->state = MEDIA_DONE;
}

static void
told(const struct media_wire *self, struct arena *a, int http_status, const char *body, size_t len,
    struct media_told *out)
{
	const struct task_api *api = api_of(self);
	json_t *root = read_answer(http_status, body, len);
	const char *word = find_one(a, root, api->state);

	*out = (struct media_told){ .state = MEDIA_UNTOLD, .progress = -1, .cost = -1, .status = E_UPSTREAM_FAILED };
	describe(a, out->detail, http_status, root, api->error);
	out->is_missing = http_status == 404;
	if (http_status / 100 == 2 && word != NULL) {
		out->state = is_among(word, api->waiting) ? MEDIA_WAITING : MEDIA_RUNNING;
		if (is_among(word, api->failed) || find_one(a, root, api->error) != NULL)
			out->state = MEDIA_FAILED;
		else if (is_among(word, api->done) && api->result != NULL)
			out->state = MEDIA_READY;
		else if (is_among(word, api->done))
			take_urls(a, api, root, out);
	}
	json_decref(root);
}

/* 4xx: it has failed, and the answer says why. */
static void
told_result(const struct media_wire *self, struct arena *a, int http_status, const char *body, size_t len,
    struct media_told *out)
{
	const struct task_api *api = api_of(self);
	json_t *root = read_answer(http_status, body, len);

	*out = (struct media_told){ .state = MEDIA_UNTOLD, .progress = -1, .cost = -1, .status = E_UPSTREAM_FAILED };
	describe(a, out->detail, http_status, root, api->error);
	if (http_status == 400 || http_status == 422) {
		out->state = MEDIA_FAILED;
		out->status = E_INVALID_REQUEST;
	} else if (http_status / 100 == 2 && json_is_object(root)) {
		take_urls(a, api, root, out);
	}
	json_decref(root);
}

static const char *
called(const struct media_wire *self, struct arena *a, const char *body, size_t len)
{
	json_t *root = json_loadb(body, len, 0, NULL);
	const char *id = find_one(a, root, api_of(self)->called);

	json_decref(root);
	return media_is_id(id) ? id : NULL;
}

/* ---- who -------------------------------------------------------------------------------- */

#define TASKS(name, ...) \
	{ .wire = { .provider = name, \
	      .submit = submit, \
	      .submitted = submitted, \
	      .query = query, \
	      .told = told, \
	      .query_result = query_result, \
	      .told_result = told_result, \
	      .called = called }, \
		.api = { __VA_ARGS__ } },
static const struct task_wire all[] = {
#include "wire/tasks/rows.def"
};
#undef TASKS

const struct media_wire *
task_wire_find(const char *provider)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i].wire.provider, provider) == 0)
			return &all[i].wire;
	return NULL;
}

/* ---- as a wire -------------------------------------------------------------------------- */

/* Nothing is asked of it that is answered at once. */
static void
failure(int http_status, const char *retry_after, const char *body, size_t len, struct wire_failure *out)
{
	(void)body, (void)len;
	failure_by_http(http_status, out);
	failure_describe(http_status, "", "", out);
	out->retry_after_ms = failure_wait_ms(retry_after, "s");
}

extern const struct wire wire_tasks;
const struct wire wire_tasks = { .name = "tasks", .endpoints = NULL, .n_endpoints = 0, .failure = failure };
