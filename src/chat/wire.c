#include "chat/wire.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "chat/messages.h"
#include "core/context.h"

static const char *const event_types[] = { "done", "error", "cancelled" };

char *
turn_end_json(const struct turn_end *e)
{
	json_t *data = json_object(), *event;
	char *text;

	message_localize(e->message, e->lang);
	json_object_set_new(data, "task_id", json_string(e->task_id));
	json_object_set_new(data, "assistant_message", e->message);
	json_object_set_new(data, "credits_consumed", json_credits(e->charged_ucr));
	json_object_set_new(data, "balance", json_credits(e->balance_ucr));
	if (e->outcome == OUTCOME_FAILED) {
		json_object_set_new(data, "code", json_string(status_code(e->why)));
		json_object_set_new(data, "message", json_string(status_text(e->why, e->lang)));
	}
	json_object_set_new(data, "usage",
	    json_pack("{s:I, s:I, s:b, s:s?, s:o}", "input_tokens", (json_int_t)e->usage.input_tokens, "output_tokens",
		(json_int_t)e->usage.output_tokens, "estimated", e->usage.estimated, "finish", e->finish,
		"first_token_ms", e->first_token_ms > 0 ? json_integer(e->first_token_ms) : json_null()));
	event = json_pack("{s:s, s:o}", "type", event_types[e->outcome], "data", data);
	text = json_dumps(event, JSON_WIRE);
	json_decref(event);
	return text;
}

/* ---- the dialect ------------------------------------------------------------------ */

static void
start(struct encoder *e, struct buf *out, const char *start_json)
{
	(void)e;
	buf_printf(out, "id: 0\ndata: {\"type\":\"start\",\"data\":%s}\n\n", start_json);
}

/* Our own pages ask for nothing that brings calls and seals. */
static void
piece(struct encoder *e, struct buf *out, const struct piece *p)
{
	(void)e;
	if (p->kind != PIECE_TEXT && p->kind != PIECE_REASONING)
		return;
	buf_printf(out, "id: %" PRIu64 "\ndata: {\"type\":\"%s\",\"data\":{\"text\":", p->position,
	    p->kind == PIECE_REASONING ? "reasoning" : "content");
	buf_json(out, p->text, p->len);
	buf_add(out, "}}\n\n", 4);
}

static void
end(struct encoder *e, struct buf *out, uint64_t position, const char *end_json)
{
	(void)e;
	buf_printf(out, "id: %" PRIu64 "-1\ndata: ", position);
	buf_puts(out, end_json);
	buf_puts(out, "\n\ndata: [DONE]\n\n");
}

static void
cut(struct encoder *e, struct buf *out, enum status why, const char *message)
{
	(void)e;
	buf_printf(out, "data: {\"type\":\"error\",\"data\":{\"code\":\"%s\",\"message\":", status_code(why));
	buf_json(out, message, strlen(message));
	buf_puts(out, "}}\n\ndata: [DONE]\n\n");
}

static json_t *
error(enum status st, const char *message, json_t *details, const char *request_id, int *http_status)
{
	(void)http_status;
	return json_pack("{s:s, s:s, s:o, s:s}", "code", status_code(st), "message", message, "details",
	    details == NULL ? json_object() : details, "request_id", request_id);
}

/* What `done` says, with what `start` said besides; or an error body. */
static char *
whole(struct encoder *e, const char *start_json, const char *end_json, enum lang lang, const char *request_id,
    int *http_status)
{
	json_t *event = json_loads(end_json, 0, NULL), *data = json_object_get(event, "data"), *body;
	const char *type = json_string_value(json_object_get(event, "type"));
	const char *code = json_string_value(json_object_get(data, "code"));
	const char *message = json_string_value(json_object_get(data, "message"));
	bool done = type != NULL && strcmp(type, "done") == 0;
	enum status st = done ? OK : code == NULL ? E_CANCELLED : status_from_code(code);
	char *text;

	(void)e;
	*http_status = status_http(st);
	if (done) {
		json_t *start = start_json == NULL ? NULL : json_loads(start_json, 0, NULL);

		json_object_update_missing(data, start);
		json_decref(start);
		body = json_incref(data);
	} else {
		body = error(
		    st, message == NULL ? status_text(st, lang) : message, json_incref(data), request_id, http_status);
	}
	text = json_dumps(body, JSON_WIRE);
	json_decref(body);
	json_decref(event);
	return text;
}

const struct dialect dialect_weir = {
	.name = "weir",
	.keepalive = ":\n\n",
	.start = start,
	.piece = piece,
	.end = end,
	.cut = cut,
	.whole = whole,
	.error = error,
};
