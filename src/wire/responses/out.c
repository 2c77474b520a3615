/*
 * How clients of OpenAI's Responses API are answered: the inverse of answer.c; and the
 * dialect, whose other half is in.c.
 *
 * Each text and each thought is an item, closed by what is of another kind; calls stay
 * open to the end, since their arguments may come by turns.  Clients take an item when
 * it is done, or the response when it is completed: both say all of it again.  A seal
 * closes the thought before it, or is one without text; one behind a call has no word.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wire/openai/openai.h"
#include "wire/responses/responses.h"

#define HTTP_TOO_MANY 429

/* ---- errors ------------------------------------------------------------------------ */

/* Codex asks again after a 402, and not after this. */
static json_t *
error(enum status st, const char *message, json_t *details, const char *request_id, int *http_status)
{
	json_t *body = dialect_openai.error(st, message, details, request_id, http_status);

	if (st == E_INSUFFICIENT_CREDITS)
		*http_status = HTTP_TOO_MANY;
	return body;
}

static bool
is_final(enum status st)
{
	return st == E_INSUFFICIENT_CREDITS;
}

/* By these codes clients tell whether to ask again; others are as in chat completions. */
static const char *
code_in_stream(enum status st, const json_t *error)
{
	switch (st) {
	case E_TOO_LARGE: return "context_length_exceeded";
	case E_INVALID_REQUEST: return "invalid_prompt";
	case E_OVERLOADED:
	case E_UNAVAILABLE: return "server_is_overloaded";
	case E_INTERNAL:
	case E_UPSTREAM_FAILED:
	case E_UPSTREAM_TIMEOUT: return "server_error";
	default: return json_string_value(json_object_get(error, "code"));
	}
}

/* {message, type, code, param} */
static json_t *
error_in_stream(enum status st, const char *message)
{
	int http_status = 0;
	json_t *body = error(st, message, NULL, NULL, &http_status);
	json_t *inner = json_incref(json_object_get(body, "error"));

	json_object_set_new(inner, "code", json_string(code_in_stream(st, inner)));
	json_decref(body);
	return inner;
}

/* ---- events ------------------------------------------------------------------------- */

/* Where a reader that comes back goes on, with the event that follows. */
static void
put_position(struct encoder *e, uint64_t position, const char *behind)
{
	struct responses_state *s = responses_state(e);

	snprintf(s->event_id, sizeof(s->event_id), "id: %" PRIu64 "%s\n", position, behind);
}

/* An event with more of the answer. */
static void
go_to(struct encoder *e, uint64_t position)
{
	struct responses_state *s = responses_state(e);

	if (position > s->position) {
		s->position = position;
		s->n_here = 0;
	}
	put_position(e, position, "");
}

/* Up to the event's own members. */
static void
begin_event(struct encoder *e, struct buf *out, const char *type)
{
	struct responses_state *s = responses_state(e);

	s->event_at = out->len;
	s->number = s->position * RESPONSES_STEP + s->n_here++;
	buf_puts(out, s->event_id);
	s->event_id[0] = '\0';
	buf_printf(out, "event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%" PRIu64, type, type, s->number);
}

/* Who has it already is not told again. */
static void
end_event(struct encoder *e, struct buf *out)
{
	const struct responses_state *s = responses_state(e);

	buf_puts(out, "}\n\n");
	if (s->number < e->seen_events)
		buf_cut(out, s->event_at);
}

/* An event about an item. */
static void
begin_item_event(struct encoder *e, struct buf *out, const char *type, size_t index)
{
	begin_event(e, out, type);
	buf_puts(out, ",\"item_id\":\"");
	responses_put_item_id(e, out, index);
	buf_printf(out, "\",\"output_index\":%zu", index);
}

static void
put_member(struct buf *out, const char *name, const char *text, size_t len)
{
	buf_printf(out, ",\"%s\":", name);
	buf_json(out, len == 0 ? "" : text, len);
}

static void
put_response_event(struct encoder *e, struct buf *out, const char *type, const char *status,
    const struct encoder_end *end, const json_t *why)
{
	begin_event(e, out, type);
	buf_puts(out, ",\"response\":");
	responses_put_response(e, out, status, end, why);
	end_event(e, out);
}

/* ---- items ---------------------------------------------------------------------------- */

static void
put_item_event(struct encoder *e, struct buf *out, size_t index, bool is_begin)
{
	begin_event(e, out, is_begin ? "response.output_item.added" : "response.output_item.done");
	buf_printf(out, ",\"output_index\":%zu,\"item\":", index);
	responses_put_item(e, out, index, is_begin ? "in_progress" : "completed", is_begin);
	end_event(e, out);
}

/* The part that a text or a thought is within its item. */
static void
put_part_event(struct encoder *e, struct buf *out, size_t index, bool is_begin)
{
	const struct responses_item *item = &responses_state(e)->items[index];
	bool is_text = item->kind == PIECE_TEXT;

	begin_item_event(e, out,
	    is_text ? (is_begin ? "response.content_part.added" : "response.content_part.done")
		    : (is_begin ? "response.reasoning_summary_part.added" : "response.reasoning_summary_part.done"),
	    index);
	buf_puts(out,
	    is_text ? ",\"content_index\":0,\"part\":{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[]"
		    : ",\"summary_index\":0,\"part\":{\"type\":\"summary_text\"");
	put_member(out, "text", item->text.data, is_begin ? 0 : item->text.len);
	buf_puts(out, "}");
	end_event(e, out);
}

static void
put_said(struct encoder *e, struct buf *out, size_t index)
{
	const struct responses_item *item = &responses_state(e)->items[index];
	bool is_text = item->kind == PIECE_TEXT;

	begin_item_event(e, out, is_text ? "response.output_text.done" : "response.reasoning_summary_text.done", index);
	buf_puts(out, is_text ? ",\"content_index\":0,\"logprobs\":[]" : ",\"summary_index\":0");
	put_member(out, "text", item->text.data, item->text.len);
	end_event(e, out);
	put_part_event(e, out, index, false);
}

/* What a custom tool is given is known when its arguments are whole. */
static void
put_called(struct encoder *e, struct buf *out, size_t index)
{
	const struct responses_state *s = responses_state(e);
	const struct responses_item *item = &s->items[index];
	char *input;

	if (!responses_is_custom(s, item)) {
		begin_item_event(e, out, "response.function_call_arguments.done", index);
		put_member(out, "name", item->name, strlen(item->name));
		put_member(out, "arguments", item->text.data, item->text.len);
		end_event(e, out);
		return;
	}
	input = responses_custom_input(item);
	begin_item_event(e, out, "response.custom_tool_call_input.delta", index);
	put_member(out, "delta", input, strlen(input));
	end_event(e, out);
	begin_item_event(e, out, "response.custom_tool_call_input.done", index);
	put_member(out, "input", input, strlen(input));
	end_event(e, out);
	free(input);
}

static void
close_item(struct encoder *e, struct buf *out, size_t index)
{
	struct responses_item *item = &responses_state(e)->items[index];

	item->is_open = false;
	if (item->kind == PIECE_CALL)
		put_called(e, out, index);
	else if (item->text.len > 0)
		put_said(e, out, index);
	put_item_event(e, out, index, false);
}

/* All that are open, or all but calls. */
static void
close_items(struct encoder *e, struct buf *out, bool and_calls)
{
	struct responses_state *s = responses_state(e);

	for (size_t i = 0; i < s->n_items; i++)
		if (s->items[i].is_open && (and_calls || s->items[i].kind != PIECE_CALL))
			close_item(e, out, i);
}

/* The open item of that kind, or a new one. */
static size_t
open_item(struct encoder *e, struct buf *out, enum piece_kind kind)
{
	struct responses_state *s = responses_state(e);

	if (s->n_items > 0 && s->items[s->n_items - 1].is_open && s->items[s->n_items - 1].kind == kind)
		return s->n_items - 1;
	close_items(e, out, false);
	responses_item_add(s, kind);
	put_item_event(e, out, s->n_items - 1, true);
	return s->n_items - 1;
}

/* ---- pieces ------------------------------------------------------------------------------ */

static void
put_text(struct encoder *e, struct buf *out, const struct piece *p)
{
	size_t index = open_item(e, out, p->kind);
	struct responses_item *item = &responses_state(e)->items[index];
	bool is_text = p->kind == PIECE_TEXT;

	if (item->text.len == 0)
		put_part_event(e, out, index, true);
	buf_add(&item->text, p->text, p->len);
	go_to(e, p->position);
	begin_item_event(
	    e, out, is_text ? "response.output_text.delta" : "response.reasoning_summary_text.delta", index);
	buf_puts(out, is_text ? ",\"content_index\":0,\"logprobs\":[]" : ",\"summary_index\":0");
	put_member(out, "delta", p->text, p->len);
	end_event(e, out);
}

/* The id of a call that came without one: its result is told by it. */
static char *
call_id(const struct encoder *e, const char *id, size_t call)
{
	struct buf made = BUF_INIT(0);

	if (id != NULL && *id != '\0')
		return xstrdup(id);
	encoder_put_id(&made, "call_", e->id);
	buf_printf(&made, "_%zu", call);
	return made.data;
}

static void
add_call(struct encoder *e, const char *id, const char *name, size_t call)
{
	struct responses_item *item = responses_item_add(responses_state(e), PIECE_CALL);

	item->call = call;
	item->call_id = call_id(e, id, call);
	item->name = xstrdup(name == NULL ? "" : name);
}

static size_t
open_call(struct encoder *e, struct buf *out, const struct piece *p)
{
	struct responses_state *s = responses_state(e);

	for (size_t i = 0; i < s->n_items; i++)
		if (s->items[i].kind == PIECE_CALL && s->items[i].call == p->call)
			return i;
	close_items(e, out, false);
	add_call(e, p->id, p->name, p->call);
	put_item_event(e, out, s->n_items - 1, true);
	return s->n_items - 1;
}

static void
put_call(struct encoder *e, struct buf *out, const struct piece *p)
{
	size_t index = open_call(e, out, p);
	struct responses_state *s = responses_state(e);
	struct responses_item *item = &s->items[index];

	if (p->len == 0)
		return;
	buf_add(&item->text, p->text, p->len);
	if (responses_is_custom(s, item))
		return;
	go_to(e, p->position);
	begin_item_event(e, out, "response.function_call_arguments.delta", index);
	put_member(out, "delta", p->text, p->len);
	end_event(e, out);
}

static void
put_seal(struct encoder *e, struct buf *out, const struct piece *p)
{
	struct responses_state *s = responses_state(e);
	size_t index;

	if (p->len == 0 || (s->n_items > 0 && s->items[s->n_items - 1].kind == PIECE_CALL))
		return;
	index = open_item(e, out, PIECE_REASONING);
	buf_puts(&s->items[index].seal, RESPONSES_SEAL);
	buf_add(&s->items[index].seal, p->text, p->len);
	close_item(e, out, index);
}

static void
piece(struct encoder *e, struct buf *out, const struct piece *p)
{
	switch (p->kind) {
	case PIECE_TEXT:
	case PIECE_REASONING:
		if (p->len > 0)
			put_text(e, out, p);
		break;
	case PIECE_SIGNATURE: put_seal(e, out, p); break;
	case PIECE_CALL: put_call(e, out, p); break;
	}
}

/* ---- beginning and end --------------------------------------------------------------------- */

static void
start(struct encoder *e, struct buf *out, const char *start_json)
{
	(void)start_json;
	put_position(e, 0, "");
	put_response_event(e, out, "response.created", "in_progress", NULL, NULL);
	put_response_event(e, out, "response.in_progress", "in_progress", NULL, NULL);
}

/* The response says why, and for clients that read no more than errors an error does. */
static void
put_failure(struct encoder *e, struct buf *out, enum status st, const char *message, const struct encoder_end *end)
{
	json_t *why = error_in_stream(st, message);
	char *text = json_dumps(why, JSON_COMPACT);
	struct responses_state *s = responses_state(e);

	if (s->position * RESPONSES_STEP + s->n_here <
	    e->seen_events) /* he has more than was kept: he is told all the same */
		go_to(e, e->seen_events / RESPONSES_STEP + 1);
	s->event_id[0] = '\0';

	put_response_event(e, out, "response.failed", "failed", end, why);
	begin_event(e, out, "error");
	put_member(out, "code", json_string_value(json_object_get(why, "code")),
	    json_string_length(json_object_get(why, "code")));
	put_member(out, "message", message, strlen(message));
	buf_printf(out, ",\"param\":null,\"error\":%s", text);
	end_event(e, out);
	free(text);
	json_decref(why);
}

static bool
is_incomplete(const struct encoder_end *end)
{
	const char *finish = json_string_value(json_object_get(end->usage, "finish"));

	return finish != NULL && strcmp(finish, "length") == 0;
}

static void
end(struct encoder *e, struct buf *out, uint64_t position, const char *end_json)
{
	struct encoder_end end = encoder_read_end(end_json, LANG_EN);

	if (end.status == OK && e->is_own && e->has_finish) {
		responses_put_own_end(e, out);
	} else if (end.status == OK) {
		close_items(e, out, true);
		put_position(e, position, "-1");
		if (is_incomplete(&end))
			put_response_event(e, out, "response.incomplete", "incomplete", &end, NULL);
		else
			put_response_event(e, out, "response.completed", "completed", &end, NULL);
	} else {
		put_failure(e, out, end.status, end.message, &end);
	}
	json_decref(end.event);
}

static void
cut(struct encoder *e, struct buf *out, enum status why, const char *message)
{
	put_failure(e, out, why, message, NULL);
}

/* ---- whole ------------------------------------------------------------------------------------ */

static void
add_said(struct responses_state *s, enum piece_kind kind, const json_t *text, const json_t *seal)
{
	struct responses_item *item;

	if (json_string_length(text) == 0 && json_string_length(seal) == 0)
		return;
	item = responses_item_add(s, kind);
	if (json_string_length(text) > 0)
		buf_add(&item->text, json_string_value(text), json_string_length(text));
	if (json_string_length(seal) > 0) {
		buf_puts(&item->seal, RESPONSES_SEAL);
		buf_puts(&item->seal, json_string_value(seal));
	}
}

static void
add_answer(struct encoder *e, const json_t *data)
{
	struct responses_state *s = responses_state(e);
	const json_t *calls = json_object_get(data, "calls"), *call;
	size_t i;

	add_said(s, PIECE_REASONING, json_object_get(data, "reasoning"), json_object_get(data, "signature"));
	add_said(s, PIECE_TEXT, json_object_get(data, "content"), NULL);
	json_array_foreach(calls, i, call) {
		const char *arguments = json_string_value(json_object_get(call, "arguments"));

		add_call(e, json_string_value(json_object_get(call, "id")),
		    json_string_value(json_object_get(call, "name")), i);
		buf_puts(&s->items[s->n_items - 1].text, arguments == NULL ? "{}" : arguments);
	}
}

static void
put_whole(struct encoder *e, struct buf *out, const struct encoder_end *end)
{
	add_answer(e, end->data);
	responses_put_response(e, out, is_incomplete(end) ? "incomplete" : "completed", end, NULL);
}

static char *
whole(struct encoder *e, const char *start_json, const char *end_json, enum lang lang, const char *request_id,
    int *http_status)
{
	struct encoder_end end = encoder_read_end(end_json, lang);
	struct buf body = BUF_INIT(0);
	json_t *failure;

	(void)start_json;
	*http_status = status_http(end.status);
	if (end.status == OK) {
		put_whole(e, &body, &end);
	} else {
		failure = error(end.status, end.message, NULL, request_id, http_status);
		body.data = json_dumps(failure, JSON_COMPACT);
		json_decref(failure);
	}
	json_decref(end.event);
	return body.data;
}

const struct dialect dialect_responses = {
	.name = "responses",
	.begins_late = true,
	.has_ids = true,
	.is_kept = true,
	.keepalive = ":\n",
	.read = responses_read,
	.wire = "responses",
	.own = responses_own,
	.own_whole = responses_own_whole,
	.start = start,
	.piece = piece,
	.end = end,
	.cut = cut,
	.whole = whole,
	.error = error,
	.is_final = is_final,
	.forget = responses_forget,
};

/* What is compacted is told whole, by whoever keeps it. */
static enum status
read_compact(struct arena *a, const json_t *body, const char *path_model, bool path_stream, struct dialect_ask *out,
    struct dialect_problem *problem)
{
	enum status st = responses_read(a, body, path_model, path_stream, out, problem);

	out->ask.own_behind = "/compact";
	out->stream = false;
	if (out->own_only.text[0] == '\0')
		out->own_only = (struct dialect_problem){ "model", "has no channel that can compact", true };
	return st;
}

const struct dialect dialect_compact = {
	.name = "compact",
	.begins_late = true,
	.has_ids = true,
	.is_kept = true,
	.keepalive = ":\n",
	.read = read_compact,
	.wire = "responses",
	.own = responses_own,
	.own_whole = responses_own_whole,
	.start = start,
	.piece = piece,
	.end = end,
	.cut = cut,
	.whole = whole,
	.error = error,
	.is_final = is_final,
	.forget = responses_forget,
};
