/*
 * Gemini's generateContent: the adapter and its parser of answers.
 *
 * A stream is server-sent events, one response object each, and nothing says that
 * it is over but a finishReason and the end of the connection.  Without alt=sse
 * the same objects come as the elements of one JSON array; a whole answer is one
 * object.  All are read alike, whatever was asked for.
 *
 * Source: ai.google.dev/api/generate-content#v1beta.GenerateContentResponse,
 * #FinishReason and #BlockReason; ai.google.dev/gemini-api/docs/thought-signatures.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "wire/failure.h"
#include "wire/frame.h"
#include "wire/gemini/gemini.h"
#include "wire/text.h"

#define KEEP_BYTES 4096

struct parser {
	struct frame frame;
	bool is_streamed;	 /* a stream was asked for */
	enum wire_finish finish; /* where one was told */
	size_t n_calls;
	int64_t output_tokens; /* of the candidate alone */
	struct wire_usage usage;
	struct buf text, id, name; /* with their escapes decoded */
};

/* ---- failing ----------------------------------------------------------------- */

static bool
take_error(struct frame *f, const struct scan_text *text)
{
	json_t *root = failure_read(text->at, text->len);
	const json_t *error = json_object_get(root, "error");
	struct wire_failure failure;

	gemini_failure_inside(error == NULL ? root : error, &failure);
	json_decref(root);
	return frame_fail(f, &failure);
}

static bool
fail_blocked(struct parser *p, const struct scan_text *reason)
{
	struct wire_failure failure;

	failure_strange("blockReason ", reason->at, reason->len, &failure);
	failure.status = E_CONTENT_VIOLATION;
	failure.next_channel = false;
	return frame_fail(&p->frame, &failure);
}

/* ---- telling ----------------------------------------------------------------- */

static bool
tell_text(struct parser *p, enum wire_event_kind kind, const struct scan_text *raw)
{
	if (raw->len == 0)
		return true;
	buf_clear(&p->text);
	if (!text_keep(&p->text, raw))
		return frame_fail_wire(&p->frame, "the answer has text that is not UTF-8");
	if (p->text.len > 0)
		frame_tell(&p->frame, &(struct wire_event){ .kind = kind, .text = p->text.data, .len = p->text.len });
	if (p->text.cap > KEEP_BYTES)
		buf_free(&p->text);
	return true;
}

/* As a C string in *into; false when it is not UTF-8. */
static bool
keep_name(const struct scan_text *raw, struct buf *into)
{
	buf_clear(into);
	return text_keep(into, raw);
}

static bool
tell_call(struct parser *p, const struct gemini_part *part)
{
	if (!keep_name(&part->id, &p->id) || !keep_name(&part->name, &p->name) ||
	    !utf8_valid(part->args, part->args_len))
		return frame_fail_wire(&p->frame, "the answer has a call that is not UTF-8");
	if (p->name.len == 0)
		return frame_fail_wire(&p->frame, "the answer has a call without a name");
	if (p->id.len == 0)
		buf_printf(&p->id, "call_%zu", p->n_calls);
	buf_clear(&p->text);
	gemini_put_args(&p->text, part->args, part->args_len);
	frame_tell(&p->frame,
	    &(struct wire_event){ .kind = WIRE_CALL,
		.call = p->n_calls++,
		.id = p->id.data,
		.name = p->name.data,
		.text = p->text.data,
		.len = p->text.len });
	return true;
}

static bool
tell_parts(struct parser *p, const struct gemini_chunk *chunk)
{
	struct gemini_part part;
	struct scan s;

	if (chunk->parts == NULL)
		return true;
	scan_init(&s, chunk->parts, chunk->parts_len);
	if (!scan_array(&s))
		return true;
	while (gemini_part_read(&s, &part))
		if (!tell_text(p, part.is_thought ? WIRE_REASONING : WIRE_TEXT, &part.text) ||
		    (part.is_call && !tell_call(p, &part)) || !tell_text(p, WIRE_SIGNATURE, &part.signature))
			return false;
	return true;
}

/* Why models stop; what is not here is a failure. */
static const struct frame_finish finishes[] = {
	{ "BLOCKLIST", FINISH_FILTERED },
	{ "IMAGE_PROHIBITED_CONTENT", FINISH_FILTERED },
	{ "IMAGE_RECITATION", FINISH_FILTERED },
	{ "IMAGE_SAFETY", FINISH_FILTERED },
	{ "MAX_TOKENS", FINISH_LENGTH },
	{ "PROHIBITED_CONTENT", FINISH_FILTERED },
	{ "RECITATION", FINISH_FILTERED },
	{ "SAFETY", FINISH_FILTERED },
	{ "SPII", FINISH_FILTERED },
	{ "STOP", FINISH_STOP },
};

/* A model that calls functions just stops.  False when the reason is an error. */
static bool
tell_finish(struct parser *p, const struct scan_text *reason)
{
	const struct frame_finish *row;
	enum wire_finish finish;

	if (reason->at == NULL || reason->len == 0 || scan_is(reason, "FINISH_REASON_UNSPECIFIED"))
		return true;
	row = frame_find_finish(finishes, sizeof(finishes) / sizeof(finishes[0]), reason);
	if (row == NULL)
		return frame_fail_finish(&p->frame, "finishReason ", reason);
	finish = row->finish == FINISH_STOP && p->n_calls > 0 ? FINISH_CALLS : row->finish;
	/* Some say STOP in every chunk, and call in the last. */
	if (p->frame.has_finish && (finish == p->finish || (finish != FINISH_FILTERED && finish != FINISH_CALLS)))
		return true;
	if (p->frame.has_finish && p->finish == FINISH_FILTERED)
		return true;
	p->finish = finish;
	frame_tell(&p->frame, &(struct wire_event){ .kind = WIRE_FINISH, .finish = finish });
	return true;
}

static void
take_count(int64_t *count, int64_t told)
{
	if (told >= 0)
		*count = told;
}

/* Counts are of all that came so far, and each chunk may leave some out. */
static void
tell_usage(struct parser *p, const struct gemini_chunk *chunk)
{
	struct wire_usage *u = &p->usage;

	if (chunk->usage.input_tokens >= 0)
		u->input_tokens = chunk->usage.input_tokens + (chunk->tool_tokens < 0 ? 0 : chunk->tool_tokens);
	take_count(&u->cached_tokens, chunk->usage.cached_tokens);
	take_count(&u->reasoning_tokens, chunk->usage.reasoning_tokens);
	take_count(&p->output_tokens, chunk->usage.output_tokens);
	u->output_tokens = p->output_tokens;
	if (u->reasoning_tokens > 0)
		u->output_tokens = u->reasoning_tokens + (p->output_tokens < 0 ? 0 : p->output_tokens);
	if (u->input_tokens >= 0 || u->output_tokens >= 0)
		frame_tell(&p->frame, &(struct wire_event){ .kind = WIRE_USAGE, .usage = *u });
}

/* One response object.  False: read no more. */
static bool
tell_chunk(struct parser *p, const struct gemini_chunk *chunk)
{
	if (chunk->blocked.len > 0 && !scan_is(&chunk->blocked, "BLOCK_REASON_UNSPECIFIED"))
		return fail_blocked(p, &chunk->blocked);
	if (!tell_parts(p, chunk) || !tell_finish(p, &chunk->finish))
		return false;
	if (chunk->has_usage)
		tell_usage(p, chunk);
	return true;
}

/* ---- the parser -------------------------------------------------------------- */

static bool
take_data(struct parser *p, const struct scan_text *data)
{
	struct gemini_chunk chunk;

	if (!gemini_chunk_read(data->at, data->len, &chunk))
		return frame_fail_event(&p->frame);
	if (chunk.has_error)
		return take_error(&p->frame, data);
	if (p->is_streamed)
		frame_tell_own(&p->frame, data);
	return tell_chunk(p, &chunk);
}

/* [DONE] is not of this wire; gateways that speak many add it. */
static bool
take_event(struct frame *f, const struct scan_text *type, const struct scan_text *data)
{
	(void)type;
	if (!scan_is(data, "[DONE]"))
		return take_data((struct parser *)f, data);
	if (f->has_finish)
		frame_tell_done(f);
	return !f->is_done;
}

static bool
take_value(struct frame *f, const struct scan_text *value)
{
	struct gemini_chunk chunk;

	if (!gemini_chunk_read(value->at, value->len, &chunk))
		return frame_fail_wire(f, "the answer has a value that is no JSON object");
	if (chunk.has_error)
		return take_error(f, value);
	if (!chunk.has_candidates && !chunk.has_usage && chunk.blocked.at == NULL)
		return frame_fail_page(f, value);
	if (!((struct parser *)f)->is_streamed)
		frame_tell_own(f, value);
	return tell_chunk((struct parser *)f, &chunk);
}

static const struct frame_ops ops = {
	.event = take_event,
	.value = take_value,
	.error = take_error,
	.has_arrays = true,
};

static void *
parser_start(bool stream, size_t max_bytes)
{
	struct parser *p = xcalloc(1, sizeof(*p));

	p->is_streamed = stream; /* what comes, the bytes tell */
	p->usage = WIRE_USAGE_UNTOLD;
	p->output_tokens = -1;
	frame_init(&p->frame, &ops, false, max_bytes);
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
	buf_free(&p->id);
	buf_free(&p->name);
	free(p);
}

const struct parser_ops gemini_chat_parser = {
	.start = parser_start,
	.free = parser_free,
	.feed = frame_feed,
	.end = frame_end,
};

static const struct endpoint endpoints[] = {
	{ .op = OP_CHAT, .body = gemini_chat_body, .head = gemini_chat_head, .parser = &gemini_chat_parser },
	{ .op = OP_EMBED,
	    .body = gemini_embed_body,
	    .head = gemini_embed_head,
	    .passes_bytes = true,
	    .meter = gemini_embed_meter,
	    .vectors = gemini_vectors },
};

const struct wire wire_gemini = {
	.name = "gemini",
	.endpoints = endpoints,
	.n_endpoints = sizeof(endpoints) / sizeof(endpoints[0]),
	.failure = gemini_failure,
};
