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
#include <strings.h>

#include "base/memory.h"
#include "base/sse.h"
#include "base/utf8.h"
#include "wire/anthropic/anthropic.h"
#include "wire/failure.h"

#define FRAME_BYTES (64u << 10) /* of an event, beyond the text in it */
#define FIRST_LINE_BYTES 160	/* of what is no answer */
#define KEEP_BYTES 4096
#define HALF_BYTES 6 /* of a character that began in one delta and ends in the next: an escape, or UTF-8 */
#define REPLACEMENT "\xEF\xBF\xBD"

/* What the body turned out to be. */
enum shape {
	SHAPE_UNKNOWN,
	SHAPE_EVENTS,
	SHAPE_JSON, /* one value: what was asked for, or an error, or an answer that was to be a stream */
	SHAPE_PAGE, /* no answer */
};

enum block {
	BLOCK_NONE,
	BLOCK_SAID,  /* text or thought */
	BLOCK_CALL,  /* of ours */
	BLOCK_OTHER, /* what the provider calls and answers itself */
};

struct half {
	char bytes[HALF_BYTES];
	size_t len;
};

struct parser {
	enum shape shape;
	bool has_finish;  /* a stop_reason was seen */
	bool is_filtered; /* … and it was a refusal */
	bool is_done;	  /* message_stop was seen, or the whole body */
	bool is_failed;
	bool is_tail;	 /* reading what the end of the bytes has cut off, perhaps */
	bool has_events; /* at least one was seen */
	bool has_told;	 /* text, or a call */
	enum block block;
	bool has_arguments; /* of the open call, some were told */
	size_t n_calls;
	struct half half[WIRE_CALL + 1]; /* by kind: text, reasoning, call */
	struct buf seal, input;		 /* of the open block, until it ends */
	struct buf id, name;		 /* of the open call */
	struct wire_usage usage;	 /* the most that was told of each */
	struct sse sse;
	struct buf head; /* first line of a page, or the beginning of a stream without an event */
	struct buf body; /* of SHAPE_JSON */
	unsigned depth;	 /* of its brackets so far */
	bool is_in_string, is_escaped, is_whole;
	struct buf text; /* with its escapes decoded */
	/* Of the call under way. */
	wire_emit_fn *emit;
	void *arg;
};

/* ---- failing ----------------------------------------------------------------- */

static void
tell_done(struct parser *p)
{
	if (!p->is_done)
		p->emit(p->arg, &(struct wire_event){ .kind = WIRE_DONE });
	p->is_done = true;
}

/* After the end nothing fails any more, but that the answer must not be shown.
 * True: what was wrong is passed over, and usage may follow it. */
static bool
fail_with(struct parser *p, const struct wire_failure *failure)
{
	if (p->has_finish && p->has_told && failure->status != E_CONTENT_VIOLATION)
		return true;
	p->is_failed = true;
	p->emit(p->arg, &(struct wire_event){ .kind = WIRE_FAILURE, .failure = *failure });
	return false;
}

/* The bytes are no answer of this wire, and would not be one if asked for again. */
static bool
fail_wire(struct parser *p, const char *detail)
{
	struct wire_failure failure;

	failure_strange(detail, "", 0, &failure);
	return fail_with(p, &failure);
}

/* A body that is no JSON: most likely it was cut. */
static bool
fail_cut(struct parser *p)
{
	struct wire_failure failure;

	wire_failure_transport(&failure, E_UPSTREAM_FAILED, "the answer is no whole JSON value");
	return fail_with(p, &failure);
}

static bool
fail_page(struct parser *p, const char *text, size_t len)
{
	struct wire_failure failure;

	failure_strange("no answer, but: ", text, len, &failure);
	return fail_with(p, &failure);
}

/* Errors are rare and of many shapes: they get a tree.  It is in a member "error", or
 * all of it, or a text. */
static bool
fail_inside(struct parser *p, const char *data, size_t len)
{
	json_t *root = json_loadb(data, len, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
	const json_t *error;
	struct wire_failure failure;

	if (root == NULL)
		root = json_stringn(data, len);
	error = json_object_get(root, "error");
	anthropic_failure_inside(error == NULL || json_is_null(error) ? root : error, &failure);
	json_decref(root);
	return fail_with(p, &failure);
}

/* ---- telling text ------------------------------------------------------------ */

/* Bytes at the end of a raw text that begin a character the next delta ends:
 * the first half of a surrogate pair, or of a UTF-8 sequence. */
static size_t
half_at_end(const char *at, size_t len)
{
	size_t tail = utf8_tail(at, len), slashes = 0;
	const char *u = at + len - HALF_BYTES;

	if (tail > 0)
		return (unsigned char)at[len - tail] >= 0xC2 && (unsigned char)at[len - tail] <= 0xF4 ? tail : 0;
	if (len < HALF_BYTES || u[0] != '\\' || u[1] != 'u' || (u[2] | 0x20) != 'd' ||
	    memchr("89abAB", u[3], 6) == NULL)
		return 0;
	while (u - slashes > at && u[-1 - (ptrdiff_t)slashes] == '\\')
		slashes++;
	return slashes % 2 == 0 ? HALF_BYTES : 0;
}

static void
tell(struct parser *p, enum wire_event_kind kind, const char *text, size_t len)
{
	struct wire_event event = { .kind = kind, .text = text, .len = len };

	if (len == 0)
		return;
	p->has_told |= kind == WIRE_TEXT;
	if (kind == WIRE_CALL) {
		event.call = p->n_calls - 1;
		p->has_arguments = true;
	}
	p->emit(p->arg, &event);
}

/* False, having failed, when the text is not UTF-8. */
static bool
tell_raw(struct parser *p, enum wire_event_kind kind, const struct scan_text *raw)
{
	struct half *half = &p->half[kind];
	struct scan_text text = *raw;
	size_t keep;

	if (raw->len == 0)
		return true;
	if (half->len > 0 || raw->has_escapes) {
		buf_clear(&p->text);
		buf_add(&p->text, half->bytes, half->len);
		buf_add(&p->text, raw->at, raw->len);
		text = (struct scan_text){ p->text.data, p->text.len,
			raw->has_escapes || (half->len > 0 && half->bytes[0] == '\\') };
	}
	keep = half_at_end(text.at, text.len);
	text.len -= keep;
	half->len = keep;
	memcpy(half->bytes, text.at + text.len, keep);
	if (text.has_escapes)
		text.len = scan_decode(&text, p->text.data); /* never longer than what it reads */
	if (!utf8_valid(text.at, text.len))
		return fail_wire(p, "the answer has text that is not UTF-8");
	tell(p, kind, text.at, text.len);
	if (p->text.cap > KEEP_BYTES)
		buf_free(&p->text);
	return true;
}

/* What only the end can make whole, and does not. */
static void
tell_halves(struct parser *p)
{
	static const enum wire_event_kind kinds[] = { WIRE_REASONING, WIRE_TEXT, WIRE_CALL };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (p->half[kinds[i]].len > 0)
			tell(p, kinds[i], REPLACEMENT, strlen(REPLACEMENT));
		p->half[kinds[i]].len = 0;
	}
}

/* Append what a raw text stands for, or nothing of it; false, having failed, when it
 * cannot be kept. */
static bool
keep_raw(struct parser *p, struct buf *kept, const struct scan_text *raw)
{
	char *room;
	size_t len = raw->len;

	if (raw->len == 0)
		return true;
	if ((room = buf_reserve(kept, raw->len)) == NULL)
		return fail_wire(p, "the answer has a block larger than an answer may be");
	if (raw->has_escapes)
		len = scan_decode(raw, room);
	else
		memcpy(room, raw->at, len);
	if (utf8_valid(room, len)) {
		buf_commit(kept, len);
		return true;
	}
	buf_commit(kept, 0);
	return fail_wire(p, "the answer has text that is not UTF-8");
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
	p->has_told = true;
	p->emit(p->arg,
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
		buf_puts(&p->seal, ANTHROPIC_REDACTED);
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

	if (content->at == NULL || p->has_told)
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
static const struct finish_row {
	const char *word;
	enum wire_finish finish;
} finishes[] = {
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

static bool
fail_finish(struct parser *p, const char *word, size_t len)
{
	struct wire_failure failure;

	failure_strange("stop_reason ", word, len, &failure);
	failure.retryable = true; /* an error of the moment, as a 500 is */
	return fail_with(p, &failure);
}

/* False when the reason is an error. */
static bool
tell_finish(struct parser *p, const struct scan_text *reason)
{
	const struct finish_row *row = NULL;

	if (reason->len == 0)
		return true;
	for (size_t i = 0; i < sizeof(finishes) / sizeof(finishes[0]); i++)
		if (strlen(finishes[i].word) == reason->len &&
		    strncasecmp(finishes[i].word, reason->at, reason->len) == 0)
			row = &finishes[i];
	if (row == NULL)
		return fail_finish(p, reason->at, reason->len);
	if (p->has_finish && (p->is_filtered || row->finish != FINISH_FILTERED))
		return true;
	close_block(p);
	p->has_finish = true;
	p->is_filtered = row->finish == FINISH_FILTERED;
	p->emit(p->arg, &(struct wire_event){ .kind = WIRE_FINISH, .finish = row->finish });
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
	if (!is_start) {
		keep_most(&u->output_tokens, told->output_tokens);
		keep_most(&u->reasoning_tokens, told->reasoning_tokens);
	}
	all = *u;
	if (u->input_tokens >= 0)
		all.input_tokens += (u->cached_tokens > 0 ? u->cached_tokens : 0) +
		    (u->cache_write_tokens > 0 ? u->cache_write_tokens : 0);
	p->emit(p->arg, &(struct wire_event){ .kind = WIRE_USAGE, .usage = all });
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

/* ---- events ------------------------------------------------------------------ */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct scan_text
trimmed(const char *at, size_t len)
{
	while (len > 0 && is_space(at[len - 1]))
		len--;
	while (len > 0 && is_space(*at))
		at++, len--;
	return (struct scan_text){ at, len, false };
}

/* The events that only say where something ends.  False: the answer is over. */
static bool
take_mark(struct parser *p, const struct scan_text *type)
{
	if (scan_is(type, "content_block_stop"))
		close_block(p);
	if (!scan_is(type, "message_stop"))
		return true;
	close_block(p);
	tell_done(p);
	return false;
}

static bool
take_data(struct parser *p, const struct scan_text *data, const struct scan_text *type)
{
	struct anthropic_event event;

	if (!anthropic_event_read(data->at, data->len, &event))
		return p->is_tail ? false : fail_wire(p, "the answer has an event that is no JSON object");
	if (event.has_error)
		return fail_inside(p, data->at, data->len);
	if (!p->is_tail)
		p->emit(p->arg, &(struct wire_event){ .kind = WIRE_OWN, .text = data->at, .len = data->len });
	return tell_event(p, &event) && take_mark(p, event.type.len > 0 ? &event.type : type);
}

/* False: read no more.  What follows the end is no error. */
static bool
on_event(void *arg, const struct sse_event *event)
{
	struct parser *p = arg;
	struct scan_text data = trimmed(event->data, event->data_len);
	struct scan_text type = { event->type, event->type_len, false };

	p->has_events = true;
	buf_free(&p->head);
	if (scan_is(&type, "error"))
		return fail_inside(p, data.at, data.len);
	/* What keeps the connection alive, and how another wire ends. */
	if (data.len == 0 || *data.at == ':' || scan_is(&data, "null") || scan_is(&data, "[DONE]"))
		return true;
	return take_data(p, &data, &type);
}

/* ---- the parser -------------------------------------------------------------- */

static void *
parser_start(bool stream, size_t max_bytes)
{
	struct parser *p = xcalloc(1, sizeof(*p));

	p->shape = stream ? SHAPE_UNKNOWN : SHAPE_JSON;
	p->usage = WIRE_USAGE_UNTOLD;
	p->body = BUF_INIT(max_bytes + FRAME_BYTES);
	p->seal = BUF_INIT(max_bytes + FRAME_BYTES);
	p->input = BUF_INIT(max_bytes + FRAME_BYTES);
	p->head = BUF_INIT(FIRST_LINE_BYTES);
	sse_init(&p->sse, max_bytes + FRAME_BYTES);
	return p;
}

static void
parser_free(void *parser)
{
	struct parser *p = parser;

	if (p == NULL)
		return;
	sse_free(&p->sse);
	buf_free(&p->head);
	buf_free(&p->body);
	buf_free(&p->seal);
	buf_free(&p->input);
	buf_free(&p->id);
	buf_free(&p->name);
	buf_free(&p->text);
	free(p);
}

/* The first byte that is neither blank nor of a byte order mark tells the
 * shape.  Returns how many bytes came before it. */
static size_t
look(struct parser *p, const char *data, size_t len)
{
	size_t i = 0;

	while (i < len && (is_space(data[i]) || memchr("\xEF\xBB\xBF", data[i], 3) != NULL))
		i++;
	if (i < len)
		p->shape = data[i] == '{' || data[i] == '[' ? SHAPE_JSON : data[i] == '<' ? SHAPE_PAGE : SHAPE_EVENTS;
	return i;
}

/* Note what fits. */
static void
note_head(struct parser *p, const char *data, size_t len)
{
	size_t room = FIRST_LINE_BYTES - p->head.len;

	buf_add(&p->head, data, len < room ? len : room);
}

static bool
feed_events(struct parser *p, const char *data, size_t len)
{
	if (!p->has_events)
		note_head(p, data, len);
	if (sse_feed(&p->sse, data, len, on_event, p) == SSE_TOO_LONG && !p->is_done &&
	    fail_wire(p, "the answer has an event larger than an answer may be"))
		tell_done(p);
	return !p->is_failed;
}

static bool
feed_page(struct parser *p, const char *data, size_t len)
{
	size_t line = 0;

	while (line < len && data[line] != '\n' && data[line] != '\r')
		line++;
	note_head(p, data, line);
	if (line < len || p->head.len == FIRST_LINE_BYTES)
		return fail_page(p, buf_str(&p->head), p->head.len);
	return true;
}

/* A whole message, also where a stream was asked for, or an error. */
static bool
end_json(struct parser *p)
{
	struct scan_text body = trimmed(buf_str(&p->body), p->body.len);
	struct anthropic_event event;
	json_t *root;

	if (anthropic_event_read(body.at, body.len, &event)) {
		if (event.has_error)
			return fail_inside(p, body.at, body.len);
		if (event.content.at == NULL)
			return fail_page(p, body.at, strcspn(body.at, "\r\n"));
		return tell_event(p, &event) && p->has_finish;
	}
	if (body.len > 0 && *body.at != '{' && *body.at != '[')
		return fail_page(p, body.at, strcspn(body.at, "\r\n"));
	if ((root = json_loadb(body.at, body.len, JSON_ALLOW_NUL, NULL)) == NULL)
		return fail_cut(p);
	json_decref(root);
	return fail_inside(p, body.at, body.len);
}

/* How many of these bytes are the body's: all, or up to the bracket that closes it. */
static size_t
body_bytes(struct parser *p, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = data[i];

		if (p->is_in_string) {
			p->is_in_string = c != '"' || p->is_escaped;
			p->is_escaped = c == '\\' && !p->is_escaped;
		} else if (c == '"') {
			p->is_in_string = true;
		} else if (c == '{' || c == '[') {
			p->depth++;
		} else if ((c == '}' || c == ']') && p->depth > 0 && --p->depth == 0) {
			p->is_whole = true;
			return i + 1;
		}
	}
	return len;
}

/* A body is understood as soon as it is whole, whether the connection ends or not. */
static bool
feed_json(struct parser *p, const char *data, size_t len)
{
	if (p->is_whole)
		return true;
	if (!buf_add(&p->body, data, body_bytes(p, data, len)))
		return fail_wire(p, "the answer is larger than it may be");
	if (!p->is_whole)
		return true;
	if (end_json(p))
		tell_done(p);
	return !p->is_failed;
}

static bool
parser_feed(void *parser, const char *data, size_t len, wire_emit_fn *emit, void *arg)
{
	struct parser *p = parser;
	size_t skip;

	p->emit = emit;
	p->arg = arg;
	if (p->is_failed || p->is_done)
		return !p->is_failed;
	skip = p->shape == SHAPE_UNKNOWN ? look(p, data, len) : 0;
	data += skip;
	len -= skip;
	switch (p->shape) {
	case SHAPE_UNKNOWN: return true;
	case SHAPE_EVENTS: return feed_events(p, data, len);
	case SHAPE_PAGE: return feed_page(p, data, len);
	case SHAPE_JSON: break;
	}
	return feed_json(p, data, len);
}

/* Do the bytes that made no event begin like a stream, even if cut in their first word? */
static bool
is_stream_head(const struct parser *p)
{
	static const char *const fields[] = { "data", "event", "id", "retry", ":" };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t len = p->head.len < strlen(fields[i]) ? p->head.len : strlen(fields[i]);

		if (strncmp(buf_str(&p->head), fields[i], len) == 0)
			return true;
	}
	return false;
}

/* A stream that ended. */
static bool
end_events(struct parser *p)
{
	p->is_tail = true;
	if (!p->is_done && sse_end(&p->sse, on_event, p) == SSE_TOO_LONG && !p->has_finish)
		return false;
	if (p->is_failed)
		return false;
	if (p->has_finish || p->is_done) {
		close_block(p);
		return true;
	}
	if (p->has_events || is_stream_head(p))
		return false;
	return fail_page(p, buf_str(&p->head), strcspn(buf_str(&p->head), "\r\n"));
}

static bool
parser_end(void *parser, wire_emit_fn *emit, void *arg)
{
	struct parser *p = parser;

	p->emit = emit;
	p->arg = arg;
	if (p->is_failed)
		return false;
	switch (p->shape) {
	case SHAPE_UNKNOWN: return false;
	case SHAPE_EVENTS: return end_events(p);
	case SHAPE_PAGE: return fail_page(p, buf_str(&p->head), p->head.len);
	case SHAPE_JSON: break;
	}
	return p->is_whole ? p->is_done : end_json(p); /* it was cut: this tells so */
}

const struct parser_ops anthropic_parser = {
	.start = parser_start,
	.free = parser_free,
	.feed = parser_feed,
	.end = parser_end,
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
