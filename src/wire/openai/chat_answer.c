/*
 * OpenAI chat completions: the adapter and its parser of answers.
 *
 * An answer is complete when it says so, by a finish_reason or [DONE]: what
 * comes afterwards, or does not come, changes nothing.  It has failed when it
 * says so, in whatever shape.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wire/failure.h"
#include "wire/frame.h"
#include "wire/openai/openai.h"
#include "wire/text.h"

#define THINKING_DEPTH 2

struct parser {
	struct frame frame;
	bool is_streamed;	      /* a stream was asked for */
	bool is_filtered;	      /* it stopped, and it was the filter */
	bool is_delta;		      /* telling a delta */
	bool told[2], told_deltas[2]; /* by kind: text, reasoning */
	struct text_half half[2];     /* the same */
	bool told_call_deltas;
	struct openai_calls calls;
	size_t max_bytes;
	struct buf text; /* with its escapes decoded */
};

/* It is in a member "error", or all of it; the first of several; or a text. */
static bool
take_error(struct frame *f, const struct scan_text *text)
{
	json_t *root = failure_read(text->at, text->len);
	const json_t *object, *error;
	struct wire_failure failure;

	object = json_is_array(root) ? json_array_get(root, 0) : root;
	error = json_object_get(object, "error");
	if (error == NULL || json_is_null(error) || json_is_false(error) ||
	    (json_is_object(error) && json_object_size(error) == 0) ||
	    (json_is_string(error) && json_string_length(error) == 0))
		error = json_is_object(json_object_get(object, "base_resp")) ? json_object_get(object, "base_resp")
									     : object;
	openai_failure_inside(error, &failure);
	json_decref(root);
	return frame_fail(f, &failure);
}

/* ---- telling text ------------------------------------------------------------ */

static void
tell(struct parser *p, enum wire_event_kind kind, const char *text, size_t len)
{
	if (len == 0)
		return;
	p->told[kind] = true;
	p->told_deltas[kind] |= p->is_delta;
	frame_tell(&p->frame, &(struct wire_event){ .kind = kind, .text = text, .len = len });
}

/* False, having failed, when the text is not UTF-8. */
static bool
tell_raw(struct parser *p, enum wire_event_kind kind, const struct scan_text *raw)
{
	struct scan_text text;

	if (!text_decode(&p->half[kind], raw, &p->text, &text))
		return frame_fail_wire(&p->frame, "the answer has text that is not UTF-8");
	tell(p, kind, text.at, text.len);
	return true;
}

static bool
tell_text(struct parser *p, enum wire_event_kind kind, const struct openai_text *text, int depth)
{
	struct openai_text part, thinking;
	struct scan s;

	if (!text->is_parts)
		return tell_raw(p, kind, &text->raw);
	scan_init(&s, text->raw.at, text->raw.len);
	if (depth == THINKING_DEPTH || !scan_array(&s))
		return true;
	while (openai_part_read(&s, &part, &thinking))
		if (!tell_text(p, WIRE_REASONING, &thinking, depth + 1) || !tell_text(p, kind, &part, depth + 1))
			return false;
	return true;
}

static bool
tell_call(struct parser *p, const struct openai_call *call)
{
	const char *problem = openai_calls_take(&p->calls, call, &p->text, p->max_bytes, frame_tell, &p->frame);

	p->told_call_deltas |= p->is_delta;
	return problem == NULL || frame_fail_wire(&p->frame, problem);
}

/* Every call of an array; false, having failed, when one is wrong. */
static bool
tell_list(struct parser *p, const struct scan_text *list, bool *any)
{
	struct openai_call call;
	struct scan s;

	scan_init(&s, list->at, list->len);
	if (!scan_array(&s))
		return true;
	while (openai_call_read(&s, &call)) {
		*any = true;
		if (!tell_call(p, &call))
			return false;
	}
	return true;
}

/* Some say each call in both ways; what follows the end belongs to none. */
static bool
tell_calls(struct parser *p, const struct openai_message *m)
{
	struct openai_call call = { .index = 0 };
	bool any = false;
	struct scan s;

	if (p->calls.is_over)
		return true;
	if (m->calls.at != NULL && !tell_list(p, &m->calls, &any))
		return false;
	if (any || m->function.at == NULL)
		return true;
	scan_init(&s, m->function.at, m->function.len);
	openai_function_read(&s, &call);
	return tell_call(p, &call);
}

/* What only the end can make whole, and does not. */
static void
tell_halves(struct parser *p)
{
	for (int kind = WIRE_REASONING; kind >= WIRE_TEXT; kind--) {
		if (p->half[kind].len > 0)
			tell(p, (enum wire_event_kind)kind, TEXT_REPLACEMENT, strlen(TEXT_REPLACEMENT));
		p->half[kind].len = 0;
	}
	openai_calls_end(&p->calls, frame_tell, &p->frame);
}

/* ---- telling the rest -------------------------------------------------------- */

/* Why models stop, in the words of those who speak this wire; others are failures. */
static const struct frame_finish finishes[] = {
	{ "complete", FINISH_STOP },
	{ "content_filter", FINISH_FILTERED },
	{ "end_turn", FINISH_STOP },
	{ "eos", FINISH_STOP },
	{ "eos_token", FINISH_STOP },
	{ "function_call", FINISH_CALLS },
	{ "length", FINISH_LENGTH },
	{ "max_tokens", FINISH_LENGTH },
	{ "model_context_window_exceeded", FINISH_LENGTH },
	{ "model_length", FINISH_LENGTH },
	{ "prohibited_content", FINISH_FILTERED },
	{ "safety", FINISH_FILTERED },
	{ "sensitive", FINISH_FILTERED },
	{ "stop", FINISH_STOP },
	{ "stop_sequence", FINISH_STOP },
	{ "tool_calls", FINISH_CALLS },
	{ "tool_use", FINISH_CALLS },
};

/* False when the reason is an error.  That it stopped for its calls, not all tell. */
static bool
tell_finish(struct parser *p, const struct scan_text *reason)
{
	const struct frame_finish *row;

	if (reason->at == NULL || reason->len == 0 || scan_is(reason, "null"))
		return true;
	row = frame_find_finish(finishes, sizeof(finishes) / sizeof(finishes[0]), reason);
	if (row == NULL)
		return frame_fail_finish(&p->frame, "finish_reason ", reason);
	if (p->frame.has_finish && (p->is_filtered || row->finish != FINISH_FILTERED))
		return true;
	tell_halves(p);
	p->is_filtered = row->finish == FINISH_FILTERED;
	frame_tell(&p->frame,
	    &(struct wire_event){ .kind = WIRE_FINISH,
		.finish = row->finish == FINISH_STOP && p->calls.n_told > 0 ? FINISH_CALLS : row->finish });
	return true;
}

/* A message repeats what deltas have said; who sends no deltas says it here. */
static bool
tell_message(struct parser *p, const struct openai_chunk *chunk)
{
	const bool *said = chunk->has_delta ? p->told : p->told_deltas;
	bool skip_text = said[WIRE_TEXT], skip_reasoning = said[WIRE_REASONING];
	bool skip_calls = chunk->has_delta ? p->calls.n > 0 : p->told_call_deltas;
	const struct openai_message *m = &chunk->message;

	return (skip_reasoning || tell_text(p, WIRE_REASONING, &m->reasoning, 0)) &&
	    (skip_text || (tell_text(p, WIRE_TEXT, &m->content, 0) && tell_text(p, WIRE_TEXT, &m->refusal, 0))) &&
	    (skip_calls || tell_calls(p, m));
}

static bool
tell_delta(struct parser *p, const struct openai_message *m)
{
	bool ok;

	p->is_delta = true;
	ok = tell_text(p, WIRE_REASONING, &m->reasoning, 0) && tell_text(p, WIRE_TEXT, &m->content, 0) &&
	    tell_text(p, WIRE_TEXT, &m->refusal, 0) && tell_calls(p, m);
	p->is_delta = false;
	return ok;
}

/* A chunk or a completion. */
static bool
tell_chunk(struct parser *p, const struct openai_chunk *chunk)
{
	if (!tell_delta(p, &chunk->delta) || !tell_message(p, chunk) || !tell_finish(p, &chunk->finish))
		return false;
	if (chunk->usage.input_tokens >= 0 || chunk->usage.output_tokens >= 0)
		frame_tell(&p->frame, &(struct wire_event){ .kind = WIRE_USAGE, .usage = chunk->usage });
	return true;
}

/* ---- the parser -------------------------------------------------------------- */

/* Azure tells what its filters found in chunks of their own, without a choice or with one
 * that has no delta; at either of them some clients fail. */
static bool
says_anything(const struct openai_chunk *chunk)
{
	return !chunk->has_choices || chunk->has_delta || chunk->message.content.raw.at != NULL ||
	    chunk->message.calls.at != NULL || chunk->finish.len > 0 || chunk->usage.input_tokens >= 0 ||
	    chunk->usage.output_tokens >= 0;
}

static bool
take_data(struct parser *p, const struct scan_text *data)
{
	struct openai_chunk chunk;

	if (!openai_chunk_read(data->at, data->len, &chunk))
		return frame_fail_event(&p->frame);
	if (chunk.has_error || chunk.is_error)
		return take_error(&p->frame, data);
	if (p->is_streamed && says_anything(&chunk))
		frame_tell_own(&p->frame, data);
	return tell_chunk(p, &chunk);
}

static bool
take_event(struct frame *f, const struct scan_text *type, const struct scan_text *data)
{
	struct parser *p = (struct parser *)f;

	(void)type;
	if (!scan_is(data, "[DONE]"))
		return take_data(p, data);
	tell_halves(p);
	frame_tell_done(f);
	return false;
}

/* A whole completion, also where a stream was asked for, or an error. */
static bool
take_value(struct frame *f, const struct scan_text *value)
{
	struct openai_chunk chunk;

	if (!openai_chunk_read(value->at, value->len, &chunk))
		return frame_fail_value(f, value);
	if (chunk.has_error || chunk.is_error || (chunk.has_words && !chunk.has_choices))
		return take_error(f, value);
	if (!chunk.has_choices)
		return frame_fail_page(f, value);
	if (!((struct parser *)f)->is_streamed)
		frame_tell_own(f, value);
	return tell_chunk((struct parser *)f, &chunk);
}

static void
close_stream(struct frame *f)
{
	tell_halves((struct parser *)f);
}

static const struct frame_ops ops = {
	.event = take_event,
	.value = take_value,
	.error = take_error,
	.close = close_stream,
};

static void *
parser_start(bool stream, size_t max_bytes)
{
	struct parser *p = xcalloc(1, sizeof(*p));

	frame_init(&p->frame, &ops, !stream, max_bytes);
	p->is_streamed = stream;
	p->max_bytes = max_bytes;
	return p;
}

static void
parser_free(void *parser)
{
	struct parser *p = parser;

	if (p == NULL)
		return;
	frame_free(&p->frame);
	buf_free(&p->text);
	openai_calls_free(&p->calls);
	free(p);
}

const struct parser_ops openai_chat_parser = {
	.start = parser_start,
	.free = parser_free,
	.feed = frame_feed,
	.end = frame_end,
};

#define BYTES openai_op_body, openai_op_head, &openai_op_parser, true, openai_op_meter

static const struct endpoint endpoints[] = {
	{ .op = OP_CHAT, .body = openai_chat_body, .head = openai_chat_head, .parser = &openai_chat_parser },
	{ OP_EMBED, BYTES, openai_vectors },
	{ OP_RERANK, BYTES, NULL },
	{ OP_MODERATE, BYTES, NULL },
	{ OP_IMAGE, BYTES, NULL },
	{ OP_IMAGE_EDIT, BYTES, NULL },
	{ OP_IMAGE_VARY, BYTES, NULL },
	{ OP_SPEECH, BYTES, NULL },
	{ OP_TRANSCRIBE, BYTES, NULL },
	{ OP_TRANSLATE, BYTES, NULL },
};

const struct wire wire_openai = {
	.name = "openai",
	.endpoints = endpoints,
	.n_endpoints = sizeof(endpoints) / sizeof(endpoints[0]),
	.failure = openai_failure,
};
