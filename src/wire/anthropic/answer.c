/*
 * Anthropic's Messages wire: the table of endpoints, and the parser of answers.
 *
 * An answer is complete when it says so, by a stop_reason or message_stop: what comes
 * afterwards, or does not come, changes nothing.  It has failed when it says so.
 * A call's arguments and a seal end with their block; a block ends at its end, or when
 * another begins, or with the answer.
 *
 * Source: docs.anthropic.com/en/api/messages-streaming,
 * /en/build-with-claude/handling-stop-reasons and …/extended-thinking, read 2026-11.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wire/anthropic/anthropic.h"
#include "wire/failure.h"
#include "wire/frame.h"
#include "wire/text.h"

#define FRAME_BYTES (64u << 10) /* of a block, beyond the text in it */

enum block {
	BLOCK_NONE,
	BLOCK_SAID,  /* text or thought */
	BLOCK_CALL,  /* of ours */
	BLOCK_OTHER, /* what the provider calls and answers itself */
};

struct parser {
	struct frame frame;
	bool is_streamed; /* a stream was asked for */
	bool is_filtered; /* it stopped, and it was a refusal */
	enum block block;
	bool has_arguments; /* of the open call, some were told */
	size_t n_calls;
	struct text_half half[WIRE_CALL + 1]; /* by kind: text, reasoning, call */
	struct buf seal, input;		      /* of the open block, until it ends */
	struct buf id, name;		      /* of the open call */
	struct wire_usage usage;	      /* the most that was told of each */
	struct buf text;		      /* with its escapes decoded */
};

/* It is in a member "error", or all of it, or a text. */
static bool
take_error(struct frame *f, const struct scan_text *text)
{
	json_t *root = failure_read(text->at, text->len);
	const json_t *error = json_object_get(root, "error");
	struct wire_failure failure;

	anthropic_failure_inside(error == NULL || json_is_null(error) ? root : error, &failure);
	json_decref(root);
	return frame_fail(f, &failure);
}

/* ---- telling text ------------------------------------------------------------ */

static void
tell(struct parser *p, enum wire_event_kind kind, const char *text, size_t len)
{
	struct wire_event event = { .kind = kind, .text = text, .len = len };

	if (len == 0)
		return;
	if (kind == WIRE_CALL) {
		event.call = p->n_calls - 1;
		p->has_arguments = true;
	}
	frame_tell(&p->frame, &event);
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

/* What only the end can make whole, and does not. */
static void
tell_halves(struct parser *p)
{
	static const enum wire_event_kind kinds[] = { WIRE_REASONING, WIRE_TEXT, WIRE_CALL };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (p->half[kinds[i]].len > 0)
			tell(p, kinds[i], TEXT_REPLACEMENT, strlen(TEXT_REPLACEMENT));
		p->half[kinds[i]].len = 0;
	}
}

/* Append what a raw text stands for, or nothing of it; false, having failed, when it
 * cannot be kept. */
static bool
keep_raw(struct parser *p, struct buf *kept, const struct scan_text *raw)
{
	if (text_keep(kept, raw))
		return true;
	return frame_fail_wire(&p->frame,
	    kept->overflow ? "the answer has a block larger than an answer may be"
			   : "the answer has text that is not UTF-8");
}

/* ---- telling blocks ------------------------------------------------------------ */

/* The open block is over.  A call without arguments has an empty object of them. */
static void
close_block(struct parser *p)
{
	tell_halves(p);
	if (p->block == BLOCK_CALL && !p->has_arguments)
		tell(p, WIRE_CALL, p->input.len > 0 ? p->input.data : "{}", p->input.len > 0 ? p->input.len : 2);
	tell(p, WIRE_SIGNATURE, p->seal.data, p->seal.len);
	p->block = BLOCK_NONE;
	buf_clear(&p->seal);
	buf_clear(&p->input);
}

/* Its arguments, if it brings them all at once, wait for the end: mostly they are {}
 * here, and come in deltas. */
static bool
open_call(struct parser *p, const struct anthropic_block *b)
{
	buf_clear(&p->id);
	buf_clear(&p->name);
	/* The input stays as it stands, with its escapes. */
	if (!keep_raw(p, &p->id, &b->id) || !keep_raw(p, &p->name, &b->name) || !keep_raw(p, &p->input, &b->input))
		return false;
	p->block = BLOCK_CALL;
	p->has_arguments = false;
	frame_tell(&p->frame,
	    &(struct wire_event){ .kind = WIRE_CALL,
		.call = p->n_calls++,
		.text = "",
		.id = buf_str(&p->id),
		.name = buf_str(&p->name) });
	return true;
}

/* What a delta brings, or a block as it opens. */
static bool
tell_block(struct parser *p, const struct anthropic_block *b)
{
	if (!tell_raw(p, WIRE_REASONING, &b->thinking) || !tell_raw(p, WIRE_TEXT, &b->text) ||
	    !keep_raw(p, &p->seal, &b->signature))
		return false;
	return p->block != BLOCK_CALL || tell_raw(p, WIRE_CALL, &b->arguments);
}

static bool
open_block(struct parser *p, const struct anthropic_block *b)
{
	close_block(p);
	if (scan_is(&b->type, "tool_use"))
		return open_call(p, b);
	if (scan_is(&b->type, "redacted_thinking")) {
		buf_puts(&p->seal, ASK_SEAL_REDACTED);
		return keep_raw(p, &p->seal, &b->data);
	}
	if (!scan_is(&b->type, "text") && !scan_is(&b->type, "thinking")) {
		p->block = BLOCK_OTHER;
		return true;
	}
	p->block = BLOCK_SAID;
	return tell_block(p, b);
}

/* The content of a whole message; what deltas have said some gateways say again so. */
static bool
tell_content(struct parser *p, const struct scan_text *content)
{
	struct anthropic_block block;
	struct scan s;

	if (content->at == NULL || p->frame.has_told)
		return true;
	scan_init(&s, content->at, content->len);
	if (!scan_array(&s))
		return true;
	while (anthropic_block_read(&s, &block))
		if (!open_block(p, &block))
			return false;
	return true;
}

/* ---- telling the rest -------------------------------------------------------- */

/* Why models stop, in the words of those who speak this wire; others are failures. */
static const struct frame_finish finishes[] = {
	{ "content_filter", FINISH_FILTERED },
	{ "end_turn", FINISH_STOP },
	{ "length", FINISH_LENGTH },
	{ "max_tokens", FINISH_LENGTH },
	{ "model_context_window_exceeded", FINISH_LENGTH },
	{ "pause_turn", FINISH_OTHER },
	{ "refusal", FINISH_FILTERED },
	{ "sensitive", FINISH_FILTERED },
	{ "stop", FINISH_STOP },
	{ "stop_sequence", FINISH_STOP },
	{ "tool_calls", FINISH_CALLS },
	{ "tool_use", FINISH_CALLS },
};

/* False when the reason is an error. */
static bool
tell_finish(struct parser *p, const struct scan_text *reason)
{
	const struct frame_finish *row;

	if (reason->len == 0)
		return true;
	row = frame_find_finish(finishes, sizeof(finishes) / sizeof(finishes[0]), reason);
	if (row == NULL)
		return frame_fail_finish(&p->frame, "stop_reason ", reason);
	if (p->frame.has_finish && (p->is_filtered || row->finish != FINISH_FILTERED))
		return true;
	close_block(p);
	p->is_filtered = row->finish == FINISH_FILTERED;
	frame_tell(&p->frame, &(struct wire_event){ .kind = WIRE_FINISH, .finish = row->finish });
	return true;
}

static void
keep_most(int64_t *count, int64_t told)
{
	*count = told > *count ? told : *count;
}

/* Counts are of all so far, and some gateways tell each of them only once.  The input
 * is counted without what was cached; the output that message_start tells is none yet. */
static void
tell_usage(struct parser *p, const struct wire_usage *told, bool is_start)
{
	struct wire_usage *u = &p->usage, all;

	if (told->input_tokens < 0 && told->output_tokens < 0)
		return;
	keep_most(&u->input_tokens, told->input_tokens);
	keep_most(&u->cached_tokens, told->cached_tokens);
	keep_most(&u->cache_write_tokens, told->cache_write_tokens);
	keep_most(&u->cache_write_1h_tokens, told->cache_write_1h_tokens);
	if (!is_start) {
		keep_most(&u->output_tokens, told->output_tokens);
		keep_most(&u->reasoning_tokens, told->reasoning_tokens);
	}
	all = *u;
	if (u->input_tokens >= 0)
		all.input_tokens += (u->cached_tokens > 0 ? u->cached_tokens : 0) +
		    (u->cache_write_tokens > 0 ? u->cache_write_tokens : 0);
	frame_tell(&p->frame, &(struct wire_event){ .kind = WIRE_USAGE, .usage = all });
}

/* An event, or a whole message. */
static bool
tell_event(struct parser *p, const struct anthropic_event *e)
{
	if ((e->has_block && !open_block(p, &e->block)) || (e->has_delta && !tell_block(p, &e->delta)) ||
	    !tell_content(p, &e->content) || !tell_finish(p, &e->finish))
		return false;
	tell_usage(p, &e->usage, e->has_message && e->finish.len == 0);
	return true;
}

/* ---- the parser -------------------------------------------------------------- */

/* The events that only say where something ends.  False: the answer is over. */
static bool
take_mark(struct parser *p, const struct scan_text *type)
{
	if (scan_is(type, "content_block_stop"))
		close_block(p);
	if (!scan_is(type, "message_stop"))
		return true;
	close_block(p);
	frame_tell_done(&p->frame);
	return false;
}

static bool
take_event(struct frame *f, const struct scan_text *type, const struct scan_text *data)
{
	struct parser *p = (struct parser *)f;
	struct anthropic_event event;

	if (scan_is(data, "[DONE]")) /* how another wire ends */
		return true;
	if (!anthropic_event_read(data->at, data->len, &event))
		return frame_fail_event(f);
	if (event.has_error)
		return take_error(f, data);
	if (p->is_streamed)
		frame_tell_own(f, data);
	return tell_event(p, &event) && take_mark(p, event.type.len > 0 ? &event.type : type);
}

/* A whole message, also where a stream was asked for, or an error. */
static bool
take_value(struct frame *f, const struct scan_text *value)
{
	struct anthropic_event event;

	if (!anthropic_event_read(value->at, value->len, &event))
		return frame_fail_value(f, value);
	if (event.has_error)
		return take_error(f, value);
	if (event.content.at == NULL)
		return frame_fail_page(f, value);
	if (!((struct parser *)f)->is_streamed)
		frame_tell_own(f, value);
	return tell_event((struct parser *)f, &event);
}

static void
close_stream(struct frame *f)
{
	close_block((struct parser *)f);
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
	p->usage = WIRE_USAGE_UNTOLD;
	p->seal = BUF_INIT(max_bytes + FRAME_BYTES);
	p->input = BUF_INIT(max_bytes + FRAME_BYTES);
	return p;
}

static void
parser_free(void *parser)
{
	struct parser *p = parser;

	if (p == NULL)
		return;
	frame_free(&p->frame);
	buf_free(&p->seal);
	buf_free(&p->input);
	buf_free(&p->id);
	buf_free(&p->name);
	buf_free(&p->text);
	free(p);
}

const struct parser_ops anthropic_parser = {
	.start = parser_start,
	.free = parser_free,
	.feed = frame_feed,
	.end = frame_end,
};

static const struct endpoint endpoints[] = {
	{ OP_CHAT, anthropic_body, anthropic_head, &anthropic_parser },
};

const struct wire wire_anthropic = {
	.name = "anthropic",
	.endpoints = endpoints,
	.n_endpoints = sizeof(endpoints) / sizeof(endpoints[0]),
	.failure = anthropic_failure,
};
