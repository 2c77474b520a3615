#include "mcp/rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define CALLED_MAX 64 /* as all providers take it */
#define NAME_JOIN "__"

/* ---- what is said ------------------------------------------------------------ */

static void
begin(struct buf *out, const char *method)
{
	buf_printf(out, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\"", method);
}

void
rpc_initialize(struct buf *out, int id)
{
	begin(out, "initialize");
	buf_printf(out,
	    ",\"id\":%d,\"params\":{\"protocolVersion\":\"" RPC_VERSION "\",\"capabilities\":{},"
	    "\"clientInfo\":{\"name\":\"weir\",\"version\":\"1\"}}}",
	    id);
}

void
rpc_initialized(struct buf *out)
{
	begin(out, "notifications/initialized");
	buf_puts(out, "}");
}

void
rpc_list(struct buf *out, int id, const char *cursor)
{
	begin(out, "tools/list");
	buf_printf(out, ",\"id\":%d", id);
	if (cursor != NULL) {
		buf_puts(out, ",\"params\":{\"cursor\":");
		buf_json(out, cursor, strlen(cursor));
		buf_puts(out, "}");
	}
	buf_puts(out, "}");
}

void
rpc_call(struct buf *out, int id, const char *tool, const char *arguments)
{
	begin(out, "tools/call");
	buf_printf(out, ",\"id\":%d,\"params\":{\"name\":", id);
	buf_json(out, tool, strlen(tool));
	buf_printf(out, ",\"arguments\":%s}}", arguments);
}

/* ---- what is answered -------------------------------------------------------- */

void
rpc_reader_init(struct rpc_reader *r, int id, size_t max_bytes, bool is_events)
{
	*r = (struct rpc_reader){ .id = id, .max_bytes = max_bytes, .is_events = is_events };
	r->body = BUF_INIT(max_bytes);
	sse_init(&r->sse, max_bytes);
}

void
rpc_reader_free(struct rpc_reader *r)
{
	sse_free(&r->sse);
	buf_free(&r->body);
	json_decref(r->result);
	r->result = NULL;
}

static enum rpc_state
bad(struct rpc_reader *r, const char *why)
{
	snprintf(r->error, sizeof(r->error), "%s", why);
	return r->state = RPC_BAD;
}

/* The server's words for why not, without what would spoil a line. */
static void
take_error(struct rpc_reader *r, const json_t *error)
{
	const char *said = json_string_value(json_object_get(error, "message"));

	snprintf(r->error, sizeof(r->error), "%s", said == NULL ? "" : said);
	r->error[strlen(r->error) - utf8_tail(r->error, strlen(r->error))] = '\0';
	for (char *p = r->error; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	if (r->error[0] == '\0')
		snprintf(r->error, sizeof(r->error), "error %lld",
		    (long long)json_integer_value(json_object_get(error, "code")));
}

/* Is it the answer we wait for?  Requests and notifications of the server are none of ours: we told it
 * that we can do nothing for it. */
static bool
take(struct rpc_reader *r, const json_t *message)
{
	const json_t *id = json_object_get(message, "id");
	json_t *result = json_object_get(message, "result");
	const json_t *error = json_object_get(message, "error");

	if (json_object_get(message, "method") != NULL || !json_is_integer(id) || json_integer_value(id) != r->id)
		return false;
	if (json_is_object(error))
		take_error(r, error);
	else if (json_is_object(result))
		r->result = json_incref(result);
	else {
		(void)bad(r, "the answer has neither a result nor an error");
		return true;
	}
	r->state = RPC_DONE;
	return true;
}

/* False: nothing more is of interest. */
static bool
read_message(struct rpc_reader *r, const char *text, size_t len)
{
	json_t *root = json_loadb(text, len, 0, NULL), *one;
	size_t i;

	if (root == NULL) {
		(void)bad(r, "the answer is no JSON");
		return false;
	}
	if (json_is_array(root)) { /* 2025-03-26 has batches */
		json_array_foreach(root, i, one)
			if (take(r, one))
				break;
	} else {
		(void)take(r, root);
	}
	json_decref(root);
	return r->state == RPC_WAITS;
}

static bool
on_event(void *arg, const struct sse_event *e)
{
	struct rpc_reader *r = arg;

	if (e->type_len > 0 && strcmp(e->type, "message") != 0)
		return true;
	return e->data_len == 0 || read_message(r, e->data, e->data_len);
}

enum rpc_state
rpc_feed(struct rpc_reader *r, const char *data, size_t len)
{
	if (r->state != RPC_WAITS)
		return r->state;
	if (r->is_events) {
		if (sse_feed(&r->sse, data, len, on_event, r) == SSE_TOO_LONG)
			return bad(r, "the answer is too long");
	} else if (!buf_add(&r->body, data, len)) {
		return bad(r, "the answer is too long");
	}
	return r->state;
}

enum rpc_state
rpc_end(struct rpc_reader *r)
{
	if (r->state != RPC_WAITS)
		return r->state;
	if (r->is_events)
		(void)!sse_end(&r->sse, on_event, r);
	else
		(void)read_message(r, buf_str(&r->body), r->body.len);
	return r->state == RPC_WAITS ? bad(r, "the server did not answer the request") : r->state;
}

/* ---- tools --------------------------------------------------------------------- */

/* The schema of its arguments: an object that is no longer than it may be. */
static json_t *
schema_of(const json_t *tool)
{
	json_t *schema = json_object_get(tool, "inputSchema");
	char *text;
	bool fits;

	if (schema == NULL)
		return json_pack("{s:s, s:{}}", "type", "object", "properties");
	if (!json_is_object(schema) || (text = json_dumps(schema, JSON_COMPACT)) == NULL)
		return NULL;
	fits = strlen(text) <= RPC_SCHEMA_MAX;
	free(text);
	return fits ? json_incref(schema) : NULL;
}

/* Is there one of that name, or that is called so? */
static bool
has(const json_t *tools, const char *member, const char *value)
{
	const json_t *one;
	size_t i;

	json_array_foreach(tools, i, one) {
		const char *name = json_string_value(json_object_get(one, member));

		if (name != NULL && strcmp(name, value) == 0)
			return true;
	}
	return false;
}

static void
add_tool(json_t *tools, const json_t *tool)
{
	const char *name = json_string_value(json_object_get(tool, "name"));
	const char *description = json_string_value(json_object_get(tool, "description"));
	json_t *schema;

	if (name == NULL || *name == '\0' || strlen(name) > RPC_TOOL_NAME_MAX || has(tools, "name", name) ||
	    (schema = schema_of(tool)) == NULL)
		return;
	if (description == NULL)
		description = "";
	json_array_append_new(tools,
	    json_pack("{s:s, s:s%, s:o}", "name", name, "description", description,
		utf8_prefix(description, strlen(description), RPC_DESCRIPTION_CHARS), "parameters", schema));
}

bool
rpc_tools(const json_t *result, json_t *tools, const char **cursor)
{
	const json_t *list = json_object_get(result, "tools"), *one;
	size_t i;

	*cursor = NULL;
	if (!json_is_array(list))
		return false;
	json_array_foreach(list, i, one)
		if (json_array_size(tools) < RPC_TOOLS_MAX)
			add_tool(tools, one);
	if (json_array_size(tools) < RPC_TOOLS_MAX)
		*cursor = json_string_value(json_object_get(result, "nextCursor"));
	return true;
}

static bool
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

void
rpc_name_tools(json_t *tools, const char *server)
{
	json_t *one;
	size_t i;

	json_array_foreach(tools, i, one) {
		char called[CALLED_MAX + 1], end[8] = "";
		int n = snprintf(called, sizeof(called), "%s" NAME_JOIN "%s", server,
		    json_string_value(json_object_get(one, "name")));
		size_t len = n < CALLED_MAX ? (size_t)n : CALLED_MAX;

		for (char *p = called; *p != '\0'; p++)
			if (!is_plain(*p))
				*p = '_';
		/* one that is taken gets a number */
		for (int k = 2; has(tools, "called", called); k++) {
			size_t keep = CALLED_MAX - (size_t)snprintf(end, sizeof(end), "_%d", k);

			snprintf(
			    called + (len < keep ? len : keep), sizeof(called) - (len < keep ? len : keep), "%s", end);
		}
		json_object_set_new(one, "called", json_string(called));
	}
}

/* ---- results --------------------------------------------------------------------- */

/* As much of it as there is room for, behind what is there. */
static void
add_text(struct buf *out, size_t max_bytes, const char *text, bool *is_cut)
{
	size_t room = out->len < max_bytes ? max_bytes - out->len : 0, len = strlen(text);

	if (len > room) {
		len = room - utf8_tail(text, room);
		*is_cut = true;
	}
	(void)buf_add(out, text, len);
}

/* What there is instead of a text: a picture, a sound, or what is elsewhere. */
static void
add_other(struct buf *out, size_t max_bytes, const json_t *part, const char *type, bool *is_cut)
{
	const json_t *resource = json_object_get(part, "resource");
	const json_t *at = resource == NULL ? part : resource;
	const char *text = json_string_value(json_object_get(resource, "text"));
	const char *what = json_string_value(json_object_get(at, "uri"));

	if (what == NULL)
		what = json_string_value(json_object_get(at, "mimeType"));
	add_text(out, max_bytes, "[", is_cut);
	add_text(out, max_bytes, type == NULL ? "unknown" : type, is_cut);
	if (what != NULL) {
		add_text(out, max_bytes, " ", is_cut);
		add_text(out, max_bytes, what, is_cut);
	}
	add_text(out, max_bytes, "]", is_cut);
	if (text != NULL) {
		add_text(out, max_bytes, "\n", is_cut);
		add_text(out, max_bytes, text, is_cut);
	}
}

bool
rpc_content(const json_t *result, struct buf *out, size_t max_bytes, bool *is_cut)
{
	const json_t *content = json_object_get(result, "content"),
		     *data = json_object_get(result, "structuredContent");
	const json_t *part;
	char *text;
	size_t i;

	*is_cut = false;
	json_array_foreach(content, i, part) {
		const char *type = json_string_value(json_object_get(part, "type"));
		const char *said = json_string_value(json_object_get(part, "text"));

		if (out->len > 0)
			add_text(out, max_bytes, "\n", is_cut);
		if (type != NULL && strcmp(type, "text") == 0)
			add_text(out, max_bytes, said == NULL ? "" : said, is_cut);
		else
			add_other(out, max_bytes, part, type, is_cut);
	}
	if (out->len == 0 && data != NULL && (text = json_dumps(data, JSON_COMPACT)) != NULL) {
		add_text(out, max_bytes, text, is_cut);
		free(text);
	}
	return (json_is_array(content) || data != NULL) && !json_is_true(json_object_get(result, "isError"));
}
