/* A server of tools. The contract is in mcp.h. */
#include "demo/mcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH "/mcp"
#define SESSION "demo-session"
#define PAGE 2
#define LONG_BYTES 200000

/* A tool: its name, what it is for, and the schema of its arguments. */
static const struct {
	const char *name, *description, *schema;
} tools[] = {
	{ "web_search", "Find pages of the web by words.",
	    "{\"type\":\"object\",\"properties\":{\"query\":{\"type\":\"string\"}},\"required\":[\"query\"]}" },
	{ "calculator", "Add two numbers.",
	    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\"},\"b\":{\"type\":\"number\"}},\"required\":[\"a\",\"b\"]}" },
	{ "wait", "Take so many milliseconds.",
	    "{\"type\":\"object\",\"properties\":{\"ms\":{\"type\":\"integer\"}},\"required\":[\"ms\"]}" },
	{ "fail", "Fail.", "{\"type\":\"object\",\"properties\":{}}" },
	{ "long.text", "Say a lot.", "{\"type\":\"object\",\"properties\":{}}" },
	{ "broken", "Answer with what is no answer.", "{\"type\":\"object\",\"properties\":{}}" },
};
#define TOOLS (sizeof tools / sizeof tools[0])

bool
mcp_is_path(struct span path)
{
	return span_is(path, PATH);
}

static void
refuse(struct run *run, int status)
{
	run->log.status = status;
	buf_puts(&run->body, "{}");
}

/* The answer to a request: as JSON, or as events with a notification before it. */
static void
put(struct run *run, const json_t *id, const char *member, json_t *said, bool as_events)
{
	json_t *j = json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, member, said);
	char *text = json_dumps(j, JSON_COMPACT);

	if (as_events) {
		run->body_type = "text/event-stream";
		buf_puts(&run->body,
		    ": hello\n\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
		    "\"params\":{\"progressToken\":1,\"progress\":50}}\n\nevent: message\ndata: ");
		buf_puts(&run->body, text);
		buf_puts(&run->body, "\n\n");
	} else {
		buf_puts(&run->body, text);
	}
	free(text);
	json_decref(j);
}

static void
put_error(struct run *run, const json_t *id, int code, const char *message)
{
	put(run, id, "error", json_pack("{s:i, s:s}", "code", code, "message", message), false);
}

static void
put_text(struct run *run, const json_t *id, const char *text, bool is_error, bool as_events)
{
	put(run, id, "result",
	    json_pack("{s:[{s:s, s:s}], s:b}", "content", "type", "text", "text", text, "isError", is_error),
	    as_events);
}

static void
list(struct run *run, const json_t *id, const json_t *params)
{
	const char *cursor = json_string_value(json_object_get(params, "cursor"));
	size_t from = cursor == NULL ? 0 : strtoul(cursor, NULL, 10);
	json_t *page = json_array(), *result = json_pack("{s:o}", "tools", page);
	char next[16];

	for (size_t i = from; i < TOOLS && i < from + PAGE; i++)
		json_array_append_new(page,
		    json_pack("{s:s, s:s, s:o}", "name", tools[i].name, "description", tools[i].description,
			"inputSchema", json_loads(tools[i].schema, 0, NULL)));
	snprintf(next, sizeof next, "%zu", from + PAGE);
	if (from + PAGE < TOOLS)
		json_object_set_new(result, "nextCursor", json_string(next));
	put(run, id, "result", result, false);
}

static void
search(struct run *run, const json_t *id, const json_t *arguments)
{
	const char *query = json_string_value(json_object_get(arguments, "query"));
	char text[600];

	if (query == NULL) {
		put_text(run, id, "A query is needed.", true, false);
		return;
	}
	snprintf(text, sizeof text,
	    "1. Weir, a platform for AI: https://example.com/weir\n2. What others say of %.200s: https://example.org/said",
	    query);
	put_text(run, id, text, false, true);
}

static void
say_a_lot(struct run *run, const json_t *id)
{
	char *text = malloc(LONG_BYTES + 1);

	if (text == NULL)
		abort();
	for (size_t i = 0; i < LONG_BYTES; i++)
		text[i] = (char)('a' + i % 26);
	text[LONG_BYTES] = '\0';
	put_text(run, id, text, false, false);
	free(text);
}

static void
call(struct run *run, const json_t *id, const json_t *params)
{
	const char *name = json_string_value(json_object_get(params, "name"));
	const json_t *arguments = json_object_get(params, "arguments");
	char text[64];

	snprintf(run->log.model, sizeof run->log.model, "%s", name == NULL ? "" : name);
	if (name == NULL) {
		put_error(run, id, -32602, "A name is needed.");
	} else if (strcmp(name, "web_search") == 0) {
		search(run, id, arguments);
	} else if (strcmp(name, "calculator") == 0) {
		snprintf(text, sizeof text, "%.10g",
		    json_number_value(json_object_get(arguments, "a")) +
			json_number_value(json_object_get(arguments, "b")));
		put_text(run, id, text, false, false);
	} else if (strcmp(name, "wait") == 0) {
		run->script.delay_ms = (uint32_t)json_integer_value(json_object_get(arguments, "ms"));
		put_text(run, id, "That took a while.", false, false);
	} else if (strcmp(name, "fail") == 0) {
		put_text(run, id, "The demo was told to fail.", true, false);
	} else if (strcmp(name, "long.text") == 0) {
		say_a_lot(run, id);
	} else if (strcmp(name, "broken") == 0) {
		buf_puts(&run->body, "<html>no answer</html>");
	} else {
		put_error(run, id, -32602, "Unknown tool.");
	}
}

static void
answer(struct run *run, const struct h1_request *rq, const json_t *root)
{
	const char *method = json_string_value(json_object_get(root, "method"));
	const json_t *id = json_object_get(root, "id"), *params = json_object_get(root, "params");

	if (method == NULL) {
		refuse(run, 400);
	} else if (strcmp(method, "initialize") == 0) {
		snprintf(run->header, sizeof run->header, "Mcp-Session-Id: " SESSION "\r\n");
		put(run, id, "result",
		    json_pack("{s:s, s:{s:{}}, s:{s:s, s:s}}", "protocolVersion", "2025-06-18", "capabilities", "tools",
			"serverInfo", "name", "weir-demo", "version", "1"),
		    false);
	} else if (!span_is(h1_header(rq, "mcp-session-id"), SESSION) ||
	    !span_is(h1_header(rq, "mcp-protocol-version"), "2025-06-18")) {
		refuse(run, 400);
	} else if (id == NULL) {
		run->log.status = 202;
	} else if (strcmp(method, "tools/list") == 0) {
		list(run, id, params);
	} else if (strcmp(method, "tools/call") == 0) {
		call(run, id, params);
	} else {
		put_error(run, id, -32601, "Unknown method.");
	}
}

void
mcp_plan(struct run *run, const struct h1_request *rq, struct span body, bool is_authorized)
{
	json_t *root;

	if (!is_authorized) {
		refuse(run, 401);
	} else if (span_is(rq->method, "DELETE")) {
		run->log.status = 204;
	} else if (!span_is(rq->method, "POST")) {
		refuse(run, 405);
	} else if ((root = json_loadb(body.at, body.len, 0, NULL)) == NULL) {
		refuse(run, 400);
	} else {
		answer(run, rq, root);
		json_decref(root);
	}
}
