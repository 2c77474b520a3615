#include "chat/tool_turn.h"

#include <stdlib.h>
#include <string.h>

#include "chat/tools.h"
#include "chat/turn.h"
#include "core/events.h"
#include "engine/gate.h"
#include "mcp/servers.h"

/* Calls that were taken, while they are made; in the request's arena. */
struct tool_turn {
	const char *conversation_id, *message_id;
	size_t n;
	struct mcp_call *calls;
	int64_t *positions;
};

static enum status
go_on(struct request *rq, const struct tool_turn *t)
{
	return turn_begin(rq,
	    &(struct turn_ask){
		.wants = &wants_stream, .conversation_id = t->conversation_id, .continue_id = t->message_id });
}

/* ---- the user's word ---------------------------------------------------------- */

/* Positions as an array of PostgreSQL. */
static enum status
positions(struct context *cx, const char *field, const json_t *list, const char **out)
{
	struct buf text = BUF_INIT(0);
	const json_t *one;
	size_t i;

	buf_puts(&text, "{");
	json_array_foreach(list, i, one) {
		json_int_t n = json_integer_value(one);

		if (!json_is_integer(one) || n < 0 || n > 1000) {
			buf_free(&text);
			return fail_field(cx, field, "must be positions of calls");
		}
		buf_printf(&text, "%s%lld", i > 0 ? "," : "", (long long)n);
	}
	buf_puts(&text, "}");
	*out = arena_strdup(cx->arena, buf_str(&text));
	buf_free(&text);
	return OK;
}

static enum status
refuse(struct context *cx, const char *outcome, const char *message_id)
{
	static const struct {
		const char *outcome;
		enum status st;
	} known[] = { { "answered", E_TOOLS_ANSWERED }, { "running", E_TOOLS_RUNNING },
		{ "undecided", E_TOOLS_UNDECIDED } };

	if (strncmp(outcome, "bad_", 4) == 0)
		return fail_field(cx, outcome + 4, "must be positions of calls of this message, each in one list");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(outcome, known[i].outcome) == 0)
			return fail(cx, known[i].st, "tools of message %s: %s", message_id, outcome);
	return fail(cx, E_NOT_FOUND, "no calls of tools in message %s", message_id);
}

/* *taken: [{position, tool, arguments, server_id}], which this process makes now; JSON null: none. */
static enum status
decide(struct context *cx, const struct tool_turn_ask *ask, json_t **taken)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *approve, *always, *deny;
	enum status st;

	if ((st = positions(cx, "approve", ask->approve, &approve)) != OK ||
	    (st = positions(cx, "always", ask->always, &always)) != OK ||
	    (st = positions(cx, "deny", ask->deny, &deny)) != OK)
		return st;
	/* not again: a second run would find them running */
	st = pg_query(cx->pg, &rows,
	    "SELECT outcome, calls FROM tool_calls_decide($1::uuid, $2::uuid, $3::uuid, $4::int[], $5::int[], $6::int[], $7::uuid)",
	    PS(cx->caller.user_id), PS(ask->conversation_id), PS(ask->message_id), PS(approve), PS(deny), PS(always),
	    PS(cx->process->id));
	if (st != OK)
		return fail(cx, st, "decide on calls: %s", pg_error(cx->pg));
	if (strcmp(row_text(rows, 0, "outcome"), "ok") != 0)
		return refuse(cx, row_text(rows, 0, "outcome"), ask->message_id);
	*taken = row_null(rows, 0, "calls") ? json_null() : json_own(cx->arena, row_json(rows, 0, "calls"));
	return OK;
}

/* ---- the calls ------------------------------------------------------------------- */

/* The server, once for all calls that go to it; NULL: it is gone, or cannot be opened. */
static const struct mcp_server *
server_of(struct context *cx, const struct tool_turn *t, const char *id)
{
	struct mcp_server *server;

	if (id == NULL)
		return NULL;
	for (size_t i = 0; i < t->n; i++)
		if (t->calls[i].server != NULL && strcmp(t->calls[i].server->id, id) == 0)
			return t->calls[i].server;
	return tool_server_open(cx, id, &server) == OK ? server : NULL;
}

static void
take(struct context *cx, struct tool_turn *t, const json_t *taken)
{
	const json_t *one;
	size_t i;

	t->calls = ARENA_ARRAY(cx->arena, struct mcp_call, json_array_size(taken) + 1);
	t->positions = ARENA_ARRAY(cx->arena, int64_t, json_array_size(taken) + 1);
	json_array_foreach(taken, i, one) {
		struct mcp_call *c = &t->calls[t->n];

		c->server = server_of(cx, t, json_string_value(json_object_get(one, "server_id")));
		c->tool = json_string_value(json_object_get(one, "tool"));
		c->arguments = json_string_value(json_object_get(one, "arguments"));
		t->positions[t->n++] = json_integer_value(json_object_get(one, "position"));
	}
}

static json_t *
ended(const struct mcp_call *c, int64_t position)
{
	static const char *const statuses[] = {
		[MCP_NOT_MADE] = "failed", [MCP_DONE] = "done", [MCP_FAILED] = "failed", [MCP_UNCLEAR] = "unclear"
	};
	const char *status = statuses[c->outcome], *text = c->text;

	if (c->outcome == MCP_NOT_MADE && c->server != NULL)
		status = "asked"; /* the process ends: another makes it, if it still may */
	else if (c->outcome == MCP_NOT_MADE)
		text = "This tool is not available any more.";
	return json_pack("{s:I, s:s, s:s?, s:b}", "position", (json_int_t)position, "status", status, "result", text,
	    "is_cut", c->is_cut);
}

static enum status
made(struct request *rq, void *arg)
{
	struct context *cx = &rq->cx;
	const struct tool_turn *t = arg;
	json_t *list = json_array();
	bool all = true;
	enum status st;
	char *text;

	for (size_t i = 0; i < t->n; i++) {
		json_array_append_new(list, ended(&t->calls[i], t->positions[i]));
		all = all && t->calls[i].outcome != MCP_UNCLEAR &&
		    (t->calls[i].outcome != MCP_NOT_MADE || t->calls[i].server == NULL);
	}
	text = json_dumps(list, JSON_WIRE);
	json_decref(list);
	st = pg_query_again(cx->pg, NULL, "SELECT tool_calls_end($1::uuid, $2::uuid, $3::jsonb)", PS(t->message_id),
	    PS(cx->process->id), PS(text));
	free(text);
	if (st != OK)
		return fail(cx, st, "keep the results of tools: %s", pg_error(cx->pg));
	events_tell(cx, cx->caller.user_id, "message",
	    json_pack(
		"{s:s, s:s, s:s}", "id", t->message_id, "conversation_id", t->conversation_id, "action", "called"));
	return all ? go_on(rq, t) : fail(cx, E_UNAVAILABLE, "the process ends");
}

enum status
tool_turn_begin(struct request *rq, const struct tool_turn_ask *ask)
{
	struct tool_turn *t = ARENA_NEW(rq->cx.arena, struct tool_turn);
	struct gate_key key;
	json_t *taken = NULL;
	bool joined;
	enum status st;

	*t = (struct tool_turn){ .conversation_id = ask->conversation_id, .message_id = ask->message_id };
	gate_key_read(rq, &key);
	if ((st = gate_join(rq, &kind_chat, &key, &wants_stream, &joined)) != OK || joined ||
	    (st = decide(&rq->cx, ask, &taken)) != OK)
		return st;
	take(&rq->cx, t, taken);
	return t->n == 0 ? go_on(rq, t) : mcp_call_all(rq, t->calls, t->n, made, t);
}
