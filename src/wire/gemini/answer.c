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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sse.h"
#include "base/utf8.h"
#include "wire/gemini/gemini.h"
#include "wire/failure.h"

#define FRAME_BYTES (64u << 10) /* of an event, beyond the text in it */
#define FIRST_LINE_BYTES 160	/* of what is no answer */
#define KEEP_BYTES 4096

/* What the body turned out to be. */
enum shape {
	SHAPE_UNKNOWN,
	SHAPE_EVENTS,
	SHAPE_JSON, /* one response, or an array of them */
	SHAPE_PAGE, /* no answer */
};

struct parser {
	enum shape shape;
	bool has_finish; /* a finishReason was seen */
	enum wire_finish finish;
	bool has_text; /* some was told */
	bool is_done;  /* whatever comes is of no interest */
	bool is_failed;
	bool is_tail;	 /* reading what the end of the bytes has cut off, perhaps */
	bool has_events; /* at least one was seen */
	size_t n_calls;
	int64_t output_tokens; /* of the candidate alone */
	struct wire_usage usage;
	struct sse sse;
	struct buf head; /* first line of a page, or the beginning of a stream without an event */
	struct buf body; /* of SHAPE_JSON: the response that is coming in */
	unsigned depth;	 /* of its brackets so far */
	unsigned base;	 /* where responses lie: 1 in an array */
	bool is_in_string, is_escaped;
	bool is_closed;		   /* the body is a whole response */
	bool is_whole;		   /* the bracket that opened first is closed */
	struct buf text, id, name; /* with their escapes decoded */
	/* Of the call under way. */
	wire_emit_fn *emit;
	void *arg;
};

/* ---- failing ----------------------------------------------------------------- */

/* After the end nothing fails any more, but that the answer must not be shown.
 * True: what was wrong is passed over, and usage may follow it. */
static bool
fail_with(struct parser *p, const struct wire_failure *failure)
{
	if (p->has_finish && (p->has_text || p->n_calls > 0) && failure->status != E_CONTENT_VIOLATION)
		return true;
	p->is_failed = true;
	p->emit(p->arg, &(struct wire_event){ .kind = WIRE_FAILURE, .failure = *failure });
	return false;
}

static bool
fail_strange(struct parser *p, const char *before, const char *text, size_t len)
{
	struct wire_failure failure;

	failure_strange(before, text, len, &failure);
	return fail_with(p, &failure);
}

/* The bytes are no answer of this wire, and would not be one if asked for again. */
static bool
fail_wire(struct parser *p, const char *detail)
{
	return fail_strange(p, detail, "", 0);
}

static bool
fail_page(struct parser *p, const char *text, size_t len)
{
	return fail_strange(p, "no answer, but: ", text, len);
}

/* A body that is no JSON: most likely it was cut. */
static bool
fail_cut(struct parser *p)
{
	struct wire_failure failure;

	wire_failure_transport(&failure, E_UPSTREAM_FAILED, "the answer is no whole JSON value");
	return fail_with(p, &failure);
}

/* Errors are rare: they get a tree. */
static bool
fail_inside(struct parser *p, const char *data, size_t len)
{
	json_t *root = json_loadb(data, len, JSON_ALLOW_NUL, NULL);
	const json_t *error = json_object_get(root, "error");
	struct wire_failure failure;

	gemini_failure_inside(error == NULL ? root : error, &failure);
	json_decref(root);
	return fail_with(p, &failure);
}

static bool
fail_blocked(struct parser *p, const struct scan_text *reason)
{
	struct wire_failure failure;

	failure_strange("blockReason ", reason->at, reason->len, &failure);
	failure.status = E_CONTENT_VIOLATION;
	failure.next_channel = false;
	return fail_with(p, &failure);
}

/* An error of the moment, as a 500 is. */
static bool
fail_finish(struct parser *p, const struct scan_text *reason)
{
	struct wire_failure failure;

	failure_strange("finishReason ", reason->at, reason->len, &failure);
	failure.retryable = true;
	return fail_with(p, &failure);
}

/* ---- telling ----------------------------------------------------------------- */

static void
tell_done(struct parser *p)
{
	if (!p->is_done)
		p->emit(p->arg, &(struct wire_event){ .kind = WIRE_DONE });
	p->is_done = true;
}

/* What a text stands for, in *into or where it lies.  False when it is not UTF-8. */
static bool
decode(const struct scan_text *raw, struct buf *into, const char **text, size_t *len)
{
	*text = raw->at;
	*len = raw->len;
	if (raw->has_escapes) {
		buf_clear(into);
		*text = buf_reserve(into, raw->len);
		*len = scan_decode(raw, into->data);
		buf_commit(into, *len);
	}
	return utf8_valid(*text, *len);
}

static bool
tell_text(struct parser *p, enum wire_event_kind kind, const struct scan_text *raw)
{
	const char *text;
	size_t len;

	if (raw->len == 0)
		return true;
	if (!decode(raw, &p->text, &text, &len))
		return fail_wire(p, "the answer has text that is not UTF-8");
	if (len > 0) {
		p->has_text |= kind == WIRE_TEXT;
		p->emit(p->arg, &(struct wire_event){ .kind = kind, .text = text, .len = len });
	}
	if (p->text.cap > KEEP_BYTES)
		buf_free(&p->text);
	return true;
}

/* As a C string in *into; false as above. */
static bool
keep_name(const struct scan_text *raw, struct buf *into)
{
	const char *text;
	size_t len;

	if (raw->len == 0) {
		buf_clear(into);
		return true;
	}
	if (!decode(raw, into, &text, &len))
		return false;
	if (!raw->has_escapes) {
		buf_clear(into);
		buf_add(into, text, len);
	}
	return true;
}

static bool
tell_call(struct parser *p, const struct gemini_part *part)
{
	if (!keep_name(&part->id, &p->id) || !keep_name(&part->name, &p->name) ||
	    !utf8_valid(part->args, part->args_len))
		return fail_wire(p, "the answer has a call that is not UTF-8");
	if (p->name.len == 0)
		return fail_wire(p, "the answer has a call without a name");
	if (p->id.len == 0)
		buf_printf(&p->id, "call_%zu", p->n_calls);
	buf_clear(&p->text);
	gemini_put_args(&p->text, part->args, part->args_len);
	p->emit(p->arg,
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
static const struct finish_row {
	const char *word;
	enum wire_finish finish;
} finishes[] = {
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
	const struct finish_row *row = NULL;
	enum wire_finish finish;

	if (reason->at == NULL || reason->len == 0 || scan_is(reason, "FINISH_REASON_UNSPECIFIED"))
		return true;
	for (size_t i = 0; i < sizeof(finishes) / sizeof(finishes[0]); i++)
		if (scan_is(reason, finishes[i].word))
			row = &finishes[i];
	if (row == NULL)
		return fail_finish(p, reason);
	finish = row->finish == FINISH_STOP && p->n_calls > 0 ? FINISH_CALLS : row->finish;
	/* Some say STOP in every chunk, and call in the last. */
	if (p->has_finish && (finish == p->finish || (finish != FINISH_FILTERED && finish != FINISH_CALLS)))
		return true;
	if (p->has_finish && p->finish == FINISH_FILTERED)
		return true;
	p->has_finish = true;
	p->finish = finish;
	p->emit(p->arg, &(struct wire_event){ .kind = WIRE_FINISH, .finish = finish });
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
		p->emit(p->arg, &(struct wire_event){ .kind = WIRE_USAGE, .usage = *u });
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

/* ---- events ------------------------------------------------------------------ */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
take_data(struct parser *p, const char *data, size_t len)
{
	struct gemini_chunk chunk;

	if (!gemini_chunk_read(data, len, &chunk))
		return p->is_tail ? false : fail_wire(p, "the answer has an event that is no JSON object");
	if (chunk.has_error)
		return fail_inside(p, data, len);
	if (!p->is_tail)
		p->emit(p->arg, &(struct wire_event){ .kind = WIRE_OWN, .text = data, .len = len });
	return tell_chunk(p, &chunk);
}

/* [DONE] is not of this wire; gateways that speak many add it. */
static bool
on_event(void *arg, const struct sse_event *event)
{
	struct parser *p = arg;
	const char *data = event->data;
	size_t len = event->data_len;

	p->has_events = true;
	buf_free(&p->head);
	while (len > 0 && is_blank(data[len - 1]))
		len--;
	while (len > 0 && is_blank(*data))
		data++, len--;
	if (len == 0)
		return true;
	if (len != 6 || memcmp(data, "[DONE]", 6) != 0)
		return take_data(p, data, len);
	if (p->has_finish)
		tell_done(p);
	return !p->is_done;
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

/* A stream that ended. */
static bool
end_events(struct parser *p)
{
	static const char *const fields[] = { "data", "event", "id", "retry", ":" };
	bool is_stream;
	size_t len;

	p->is_tail = true;
	if (!p->is_done && sse_end(&p->sse, on_event, p) == SSE_TOO_LONG && !p->has_finish)
		return false;
	if (p->is_failed || p->has_finish)
		return !p->is_failed;
	is_stream = p->has_events;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		len = p->head.len < strlen(fields[i]) ? p->head.len
						      : strlen(fields[i]); /* it may be cut in its first word */
		is_stream |= strncmp(buf_str(&p->head), fields[i], len) == 0;
	}
	return is_stream ? false : fail_page(p, buf_str(&p->head), strcspn(buf_str(&p->head), "\r\n"));
}

/* ---- values ------------------------------------------------------------------ */

/* How many of these bytes belong to the response that is coming in: all, or up to
 * the bracket that closes it. */
static size_t
response_bytes(struct parser *p, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = data[i];

		if (p->is_in_string) {
			p->is_in_string = c != '"' || p->is_escaped;
			p->is_escaped = c == '\\' && !p->is_escaped;
		} else if (c == '"') {
			p->is_in_string = true;
		} else if (c == '{' || c == '[') {
			p->base = p->depth == 0 && c == '[' ? 1 : p->base;
			p->depth++;
		} else if ((c == '}' || c == ']') && p->depth > 0) {
			p->depth--;
			p->is_closed = p->depth == p->base;
			p->is_whole = p->depth == 0;
			if (p->is_closed || p->is_whole)
				return i + 1;
		}
	}
	return len;
}

/* The response in p->body, behind what stands between two of them. */
static bool
take_response(struct parser *p)
{
	size_t between = p->base == 0 ? 0 : strspn(p->body.data, "[, \t\r\n");
	const char *data = p->body.data + between;
	size_t len = p->body.len - between;
	struct gemini_chunk chunk;

	if (!gemini_chunk_read(data, len, &chunk))
		return fail_wire(p, "the answer has a value that is no JSON object");
	p->has_events = true;
	if (chunk.has_error)
		return fail_inside(p, data, len);
	if (!chunk.has_candidates && !chunk.has_usage && chunk.blocked.at == NULL)
		return fail_page(p, data, strcspn(data, "\r\n"));
	return tell_chunk(p, &chunk);
}

/* A response is understood as soon as it is whole, whether the connection ends or not. */
static bool
feed_json(struct parser *p, const char *data, size_t len)
{
	while (len > 0 && !p->is_whole) {
		size_t n = response_bytes(p, data, len);

		if (!buf_add(&p->body, data, n))
			return fail_wire(p, "the answer is larger than it may be");
		if (p->is_closed && !take_response(p))
			return false;
		if (p->is_closed)
			buf_clear(&p->body);
		p->is_closed = false;
		data += n;
		len -= n;
	}
	if (p->is_whole && !p->has_events)
		return fail_page(p, buf_str(&p->body), strcspn(buf_str(&p->body), "\r\n"));
	if (p->is_whole && p->has_finish)
		tell_done(p);
	return true;
}

/* ---- the parser -------------------------------------------------------------- */

static void *
parser_start(bool stream, size_t max_bytes)
{
	struct parser *p = xcalloc(1, sizeof(*p));

	(void)stream; /* the bytes tell */
	p->usage = WIRE_USAGE_UNTOLD;
	p->output_tokens = -1;
	p->body = BUF_INIT(max_bytes + FRAME_BYTES);
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
	buf_free(&p->text);
	buf_free(&p->id);
	buf_free(&p->name);
	free(p);
}

/* The first byte that is neither blank nor of a byte order mark tells the
 * shape.  Returns how many bytes came before it. */
static size_t
look(struct parser *p, const char *data, size_t len)
{
	size_t i = 0;

	while (i < len && (is_blank(data[i]) || memchr("\xEF\xBB\xBF", data[i], 3) != NULL))
		i++;
	if (i < len)
		p->shape = data[i] == '{' || data[i] == '[' ? SHAPE_JSON : data[i] == '<' ? SHAPE_PAGE : SHAPE_EVENTS;
	return i;
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
	if (p->has_finish || p->is_whole)
		return p->has_finish;
	fail_cut(p);
	return false;
}

const struct parser_ops gemini_chat_parser = {
	.start = parser_start,
	.free = parser_free,
	.feed = parser_feed,
	.end = parser_end,
};

static const struct endpoint endpoints[] = {
	{ OP_CHAT, gemini_chat_body, gemini_chat_head, &gemini_chat_parser },
};

const struct wire wire_gemini = {
	.name = "gemini",
	.endpoints = endpoints,
	.n_endpoints = sizeof(endpoints) / sizeof(endpoints[0]),
	.failure = gemini_failure,
};
