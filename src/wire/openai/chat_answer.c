/*
 * OpenAI chat completions: the adapter and its parser of answers.
 *
 * Source: platform.openai.com/docs/api-reference/chat/object and /streaming.
 * reasoning_content is DeepSeek's name (also Qwen, Kimi), reasoning is
 * OpenRouter's and vLLM's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/scan.h"
#include "base/sse.h"
#include "base/utf8.h"
#include "wire/openai/openai.h"

/* A delta is a few hundred bytes; this is what one stream may cost at most. */
#define EVENT_MAX_BYTES (256u << 10)
/* A whole answer that is not streamed. */
#define BODY_MAX_BYTES (8u << 20)
/* A count above this is a mistake, not a bill. */
#define TOKENS_MAX 1000000000

struct parser {
	bool is_stream;
	bool has_finish; /* finish_reason was seen */
	bool is_done;	 /* [DONE] was seen, or the whole body understood */
	bool is_failed;
	struct sse sse;	 /* of a stream */
	struct buf body; /* of an answer that is not streamed */
	struct buf text; /* with its escapes decoded */
	/* Of the call under way. */
	wire_emit_fn *emit;
	void *arg;
};

/* What one chunk, or a whole completion, says; texts lie in its bytes. */
struct said {
	struct scan_text content, reasoning, refusal, finish;
	int64_t input_tokens, output_tokens; /* -1: not told */
	bool has_error;
};

/* ---- reading ----------------------------------------------------------------- */

/* A string is kept in *out; anything else is skipped. */
static void
read_text(struct scan *s, struct scan_text *out)
{
	if (!scan_string(s, out))
		scan_skip(s);
}

/* A delta of a stream or the message of a whole answer. */
static void
read_message(struct scan *s, struct said *said)
{
	struct scan_text name;

	if (!scan_object(s)) {
		scan_skip(s);
		return;
	}
	while (scan_member(s, &name)) {
		if (scan_is(&name, "content"))
			read_text(s, &said->content);
		else if (scan_is(&name, "reasoning_content") ||
		    (scan_is(&name, "reasoning") && said->reasoning.at == NULL))
			read_text(s, &said->reasoning);
		else if (scan_is(&name, "refusal"))
			read_text(s, &said->refusal);
		else
			scan_skip(s);
	}
}

/* One choice; only the one with index 0 is ours. */
static void
read_choice(struct scan *s, struct said *said)
{
	struct said choice = *said;
	struct scan_text name;
	int64_t index = 0;

	if (!scan_object(s)) {
		scan_skip(s);
		return;
	}
	while (scan_member(s, &name)) {
		if (scan_is(&name, "delta") || scan_is(&name, "message"))
			read_message(s, &choice);
		else if (scan_is(&name, "finish_reason"))
			read_text(s, &choice.finish);
		else if (!scan_is(&name, "index") || !scan_integer(s, &index))
			scan_skip(s);
	}
	if (index == 0)
		*said = choice;
}

static void
read_choices(struct scan *s, struct said *said)
{
	if (!scan_array(s)) {
		scan_skip(s);
		return;
	}
	while (scan_element(s))
		read_choice(s, said);
}

/* -1 for anything that cannot be a count. */
static void
read_count(struct scan *s, int64_t *out)
{
	int64_t n = -1;

	if (!scan_integer(s, &n))
		scan_skip(s);
	*out = n >= 0 && n <= TOKENS_MAX ? n : -1;
}

static void
read_usage(struct scan *s, struct said *said)
{
	struct scan_text name;

	if (!scan_object(s)) {
		scan_skip(s);
		return;
	}
	while (scan_member(s, &name)) {
		if (scan_is(&name, "prompt_tokens"))
			read_count(s, &said->input_tokens);
		else if (scan_is(&name, "completion_tokens"))
			read_count(s, &said->output_tokens);
		else
			scan_skip(s);
	}
}

/* An error that is null is none: some gateways send the member always. */
static void
read_error(struct scan *s, struct said *said)
{
	const char *start = s->at;

	scan_skip(s);
	said->has_error = s->at - start < 4 || memcmp(s->at - 4, "null", 4) != 0;
}

/* False when data is no JSON object. */
static bool
read_said(const char *data, size_t len, struct said *said)
{
	struct scan_text name;
	struct scan s;

	*said = (struct said){ .input_tokens = -1, .output_tokens = -1 };
	scan_init(&s, data, len);
	if (!scan_object(&s))
		return false;
	while (scan_member(&s, &name)) {
		if (scan_is(&name, "choices"))
			read_choices(&s, said);
		else if (scan_is(&name, "usage"))
			read_usage(&s, said);
		else if (scan_is(&name, "error"))
			read_error(&s, said);
		else
			scan_skip(&s);
	}
	return scan_end(&s);
}

/* ---- telling ----------------------------------------------------------------- */

static bool
fail_with(struct parser *p, const struct wire_failure *failure)
{
	p->is_failed = true;
	p->emit(p->arg, &(struct wire_event){ .kind = WIRE_FAILURE, .failure = *failure });
	return false;
}

/* The bytes are no answer of this wire: worth another try. */
static bool
fail_wire(struct parser *p, const char *detail)
{
	struct wire_failure failure;

	wire_failure_transport(&failure, E_UPSTREAM_FAILED, detail);
	return fail_with(p, &failure);
}

/* Errors are rare and of many shapes: they get a tree. */
static bool
fail_inside(struct parser *p, const char *data, size_t len)
{
	json_t *root = json_loadb(data, len, JSON_ALLOW_NUL, NULL);
	struct wire_failure failure;

	openai_failure_inside(json_object_get(root, "error"), &failure);
	json_decref(root);
	return fail_with(p, &failure);
}

/* False, having failed, when the text is not UTF-8. */
static bool
tell_text(struct parser *p, enum wire_event_kind kind, const struct scan_text *text)
{
	const char *at = text->at;
	size_t len = text->len;

	if (text->has_escapes) {
		buf_clear(&p->text);
		at = buf_reserve(&p->text, text->len);
		len = scan_decode(text, p->text.data);
	}
	if (!utf8_valid(at, len))
		return fail_wire(p, "the answer has text that is not UTF-8");
	if (len > 0)
		p->emit(p->arg, &(struct wire_event){ .kind = kind, .text = at, .len = len });
	return true;
}

static void
tell_finish(struct parser *p, const struct scan_text *reason)
{
	enum wire_finish finish = FINISH_OTHER;

	if (reason->at == NULL || p->has_finish)
		return;
	if (scan_is(reason, "stop"))
		finish = FINISH_STOP;
	else if (scan_is(reason, "length"))
		finish = FINISH_LENGTH;
	else if (scan_is(reason, "content_filter"))
		finish = FINISH_FILTERED;
	p->has_finish = true;
	p->emit(p->arg, &(struct wire_event){ .kind = WIRE_FINISH, .finish = finish });
}

/* One JSON object: a chunk or a completion. */
static bool
take_json(struct parser *p, const char *data, size_t len)
{
	struct said said;

	if (!read_said(data, len, &said))
		return fail_wire(p, "the answer has an event that is no JSON object");
	if (said.has_error)
		return fail_inside(p, data, len);
	if (!tell_text(p, WIRE_REASONING, &said.reasoning) || !tell_text(p, WIRE_TEXT, &said.content) ||
	    !tell_text(p, WIRE_TEXT, &said.refusal))
		return false;
	tell_finish(p, &said.finish);
	if (said.input_tokens >= 0 || said.output_tokens >= 0)
		p->emit(p->arg,
		    &(struct wire_event){
			.kind = WIRE_USAGE, .input_tokens = said.input_tokens, .output_tokens = said.output_tokens });
	return true;
}

/* ---- the parser -------------------------------------------------------------- */

static bool
on_event(void *arg, const struct sse_event *event)
{
	struct parser *p = arg;

	if (!p->is_done && event->data_len == 6 && memcmp(event->data, "[DONE]", 6) == 0) {
		p->is_done = true;
		p->emit(p->arg, &(struct wire_event){ .kind = WIRE_DONE });
	}
	/* What follows the end is not read, and not an error either. */
	return p->is_done || take_json(p, event->data, event->data_len);
}

static void *
parser_new(bool stream)
{
	struct parser *p = xcalloc(1, sizeof(*p));

	p->is_stream = stream;
	p->body = BUF_INIT(BODY_MAX_BYTES);
	sse_init(&p->sse, EVENT_MAX_BYTES);
	return p;
}

static void
parser_free(void *parser)
{
	struct parser *p = parser;

	if (p == NULL)
		return;
	sse_free(&p->sse);
	buf_free(&p->body);
	buf_free(&p->text);
	free(p);
}

static bool
parser_feed(void *parser, const char *data, size_t len, wire_emit_fn *emit, void *arg)
{
	struct parser *p = parser;

	p->emit = emit;
	p->arg = arg;
	if (p->is_failed)
		return false;
	if (!p->is_stream)
		return buf_add(&p->body, data, len) || fail_wire(p, "the answer is larger than 8 MB");
	switch (sse_feed(&p->sse, data, len, on_event, p)) {
	case SSE_OK: return true;
	case SSE_TOO_LONG: return fail_wire(p, "the answer has an event larger than 256 KB");
	case SSE_STOPPED: break; /* the event that stopped it has failed already */
	}
	return false;
}

static bool
parser_end(void *parser, wire_emit_fn *emit, void *arg)
{
	struct parser *p = parser;

	p->emit = emit;
	p->arg = arg;
	if (p->is_failed)
		return false;
	if (!p->is_stream)
		return take_json(p, buf_str(&p->body), p->body.len) && p->has_finish;
	/* Not every provider sends [DONE]; a finish_reason ends the text as well. */
	return p->is_done || p->has_finish;
}

const struct parser_ops openai_chat_parser = {
	.new = parser_new,
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
