/*
 * OpenAI chat completions: the adapter and its parser of answers.
 *
 * An answer is complete when it says so, by a finish_reason or [DONE]: what
 * comes afterwards, or does not come, changes nothing.  It has failed when it
 * says so, in whatever shape.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/sse.h"
#include "wire/failure.h"
#include "wire/openai/openai.h"

#define FRAME_BYTES (64u << 10) /* of an event, beyond the text in it */
#define FIRST_LINE_BYTES 160	/* of what is no answer */
#define THINKING_DEPTH 2
#define REPLACEMENT "\xEF\xBF\xBD"

/* What the body turned out to be. */
enum shape {
	SHAPE_UNKNOWN,
	SHAPE_EVENTS,
	SHAPE_JSON, /* one value: what was asked for, or an error, or an answer that was to be a stream */
	SHAPE_PAGE, /* no answer */
};

struct parser {
	enum shape shape;
	bool has_finish;  /* a finish_reason was seen */
	bool is_filtered; /* … and it was the filter's */
	bool is_done;	  /* [DONE] was seen, or after a finish_reason something that is no answer */
	bool is_failed;
	bool is_tail;		      /* reading what the end of the bytes has cut off, perhaps */
	bool is_delta;		      /* telling a delta */
	bool has_events;	      /* at least one was seen */
	bool told[2], told_deltas[2]; /* by kind: text, reasoning */
	struct openai_half half[2];   /* the same */
	bool told_call_deltas;
	struct openai_calls calls;
	size_t max_bytes;
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
	if (p->has_finish && (p->told[WIRE_TEXT] || p->calls.n_told > 0) && failure->status != E_CONTENT_VIOLATION)
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

/* Errors are rare and of many shapes: they get a tree.  It is in a member
 * "error", or all of it; the first of several; or a text. */
static bool
fail_inside(struct parser *p, const char *data, size_t len)
{
	json_t *root = json_loadb(data, len, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
	const json_t *object, *error;
	struct wire_failure failure;

	if (root == NULL)
		root = json_stringn(data, len);
	object = json_is_array(root) ? json_array_get(root, 0) : root;
	error = json_object_get(object, "error");
	if (error == NULL || json_is_null(error) || json_is_false(error) ||
	    (json_is_object(error) && json_object_size(error) == 0) ||
	    (json_is_string(error) && json_string_length(error) == 0))
		error = json_is_object(json_object_get(object, "base_resp")) ? json_object_get(object, "base_resp")
									     : object;
	openai_failure_inside(error, &failure);
	json_decref(root);
	return fail_with(p, &failure);
}

/* ---- telling text ------------------------------------------------------------ */

static void
tell(struct parser *p, enum wire_event_kind kind, const char *text, size_t len)
{
	if (len == 0)
		return;
	p->told[kind] = true;
	p->told_deltas[kind] |= p->is_delta;
	p->emit(p->arg, &(struct wire_event){ .kind = kind, .text = text, .len = len });
}

/* False, having failed, when the text is not UTF-8. */
static bool
tell_raw(struct parser *p, enum wire_event_kind kind, const struct scan_text *raw)
{
	struct scan_text text;

	if (!openai_text_decode(&p->half[kind], raw, &p->text, &text))
		return fail_wire(p, "the answer has text that is not UTF-8");
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
	const char *problem = openai_calls_take(&p->calls, call, &p->text, p->max_bytes, p->emit, p->arg);

	p->told_call_deltas |= p->is_delta;
	return problem == NULL || fail_wire(p, problem);
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
			tell(p, (enum wire_event_kind)kind, REPLACEMENT, strlen(REPLACEMENT));
		p->half[kind].len = 0;
	}
	openai_calls_end(&p->calls, p->emit, p->arg);
}

/* ---- telling the rest -------------------------------------------------------- */

/* Why models stop, in the words of those who speak this wire; others are failures. */
static const struct finish_row {
	const char *word;
	enum wire_finish finish;
} finishes[] = {
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

static bool
fail_finish(struct parser *p, const char *word, size_t len)
{
	struct wire_failure failure;

	failure_strange("finish_reason ", word, len, &failure);
	failure.retryable = true; /* an error of the moment, as a 500 is */
	return fail_with(p, &failure);
}

/* False when the reason is an error.  That it stopped for its calls, not all tell. */
static bool
tell_finish(struct parser *p, const struct scan_text *reason)
{
	const struct finish_row *row = NULL;

	if (reason->at == NULL || reason->len == 0 || scan_is(reason, "null"))
		return true;
	for (size_t i = 0; i < sizeof(finishes) / sizeof(finishes[0]); i++)
		if (strlen(finishes[i].word) == reason->len &&
		    strncasecmp(finishes[i].word, reason->at, reason->len) == 0)
			row = &finishes[i];
	if (row == NULL)
		return fail_finish(p, reason->at, reason->len);
	if (p->has_finish && (p->is_filtered || row->finish != FINISH_FILTERED))
		return true;
	tell_halves(p);
	p->has_finish = true;
	p->is_filtered = row->finish == FINISH_FILTERED;
	p->emit(p->arg,
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
		p->emit(p->arg, &(struct wire_event){ .kind = WIRE_USAGE, .usage = chunk->usage });
	return true;
}

/* ---- events ------------------------------------------------------------------ */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct scan_text
trimmed(const char *at, size_t len)
{
	while (len > 0 && is_blank(at[len - 1]))
		len--;
	while (len > 0 && is_blank(*at))
		at++, len--;
	return (struct scan_text){ at, len, false };
}

static bool
take_data(struct parser *p, const struct scan_text *data)
{
	struct openai_chunk chunk;

	if (!openai_chunk_read(data->at, data->len, &chunk))
		return p->is_tail ? false : fail_wire(p, "the answer has an event that is no JSON object");
	if (chunk.has_error || chunk.is_error)
		return fail_inside(p, data->at, data->len);
	if (!p->is_tail)
		p->emit(p->arg, &(struct wire_event){ .kind = WIRE_OWN, .text = data->at, .len = data->len });
	return tell_chunk(p, &chunk);
}

/* False: read no more.  What follows the end is no error. */
static bool
on_event(void *arg, const struct sse_event *event)
{
	struct parser *p = arg;
	struct scan_text data = trimmed(event->data, event->data_len);

	p->has_events = true;
	buf_free(&p->head);
	if (strcmp(event->type, "error") == 0)
		return fail_inside(p, data.at, data.len);
	if (data.len == 0 || *data.at == ':' || scan_is(&data, "null")) /* to keep the connection alive */
		return true;
	if (!scan_is(&data, "[DONE]"))
		return take_data(p, &data);
	tell_halves(p);
	tell_done(p);
	return false;
}

/* ---- the parser -------------------------------------------------------------- */

static void *
parser_start(bool stream, size_t max_bytes)
{
	struct parser *p = xcalloc(1, sizeof(*p));

	p->shape = stream ? SHAPE_UNKNOWN : SHAPE_JSON;
	p->body = BUF_INIT(max_bytes + FRAME_BYTES);
	p->head = BUF_INIT(FIRST_LINE_BYTES);
	p->max_bytes = max_bytes;
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
	openai_calls_free(&p->calls);
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

/* A whole completion, also where a stream was asked for, or an error. */
static bool
end_json(struct parser *p)
{
	struct scan_text body = trimmed(buf_str(&p->body), p->body.len);
	struct openai_chunk chunk;
	json_t *root;

	if (openai_chunk_read(body.at, body.len, &chunk)) {
		if (chunk.has_error || chunk.is_error || (chunk.has_words && !chunk.has_choices))
			return fail_inside(p, body.at, body.len);
		if (!chunk.has_choices)
			return fail_page(p, body.at, strcspn(body.at, "\r\n"));
		return tell_chunk(p, &chunk) && p->has_finish;
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
	if (p->is_failed)
		return false;
	if (p->has_finish || p->is_done) {
		tell_halves(p);
		return true;
	}
	is_stream = p->has_events;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		len = p->head.len < strlen(fields[i]) ? p->head.len
						      : strlen(fields[i]); /* it may be cut in its first word */
		is_stream |= strncmp(buf_str(&p->head), fields[i], len) == 0;
	}
	return is_stream ? false : fail_page(p, buf_str(&p->head), strcspn(buf_str(&p->head), "\r\n"));
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

const struct parser_ops openai_chat_parser = {
	.start = parser_start,
	.free = parser_free,
	.feed = parser_feed,
	.end = parser_end,
};

static const struct endpoint endpoints[] = {
	{ OP_CHAT, openai_chat_body, openai_chat_head, &openai_chat_parser },
};

const struct wire wire_openai = {
	.name = "openai",
	.endpoints = endpoints,
	.n_endpoints = sizeof(endpoints) / sizeof(endpoints[0]),
	.failure = openai_failure,
};
