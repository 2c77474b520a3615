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

#include "base/sse.h"
#include "providers/openai_private.h"
#include "providers/providers.h"

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
	/* Of the call under way. */
	provider_emit_fn *emit;
	void *arg;
};

/* ---- events ------------------------------------------------------------------ */

static void
emit_text(struct parser *p, enum provider_event_kind kind, const json_t *value)
{
	const char *s = json_string_value(value), *end;

	if (s == NULL)
		return;
	/* PostgreSQL keeps no NUL in a text, and no answer needs one. */
	for (end = s + json_string_length(value); s < end;) {
		const char *nul = memchr(s, '\0', (size_t)(end - s));
		size_t len = (size_t)((nul == NULL ? end : nul) - s);

		if (len > 0)
			p->emit(p->arg, &(struct provider_event){ .kind = kind, .text = s, .len = len });
		s += len + 1;
	}
}

static bool
fail_with(struct parser *p, const struct provider_failure *failure)
{
	p->is_failed = true;
	p->emit(p->arg, &(struct provider_event){ .kind = PROVIDER_FAILURE, .failure = *failure });
	return false;
}

/* The bytes are no answer of this wire: worth another try. */
static bool
fail_wire(struct parser *p, const char *detail)
{
	struct provider_failure failure;

	provider_failure_transport(&failure, E_UPSTREAM_FAILED, detail);
	return fail_with(p, &failure);
}

static void
emit_finish(struct parser *p, const char *reason)
{
	enum provider_finish finish = FINISH_OTHER;

	if (reason == NULL || p->has_finish)
		return;
	if (strcmp(reason, "stop") == 0)
		finish = FINISH_STOP;
	else if (strcmp(reason, "length") == 0)
		finish = FINISH_LENGTH;
	else if (strcmp(reason, "content_filter") == 0)
		finish = FINISH_FILTERED;
	p->has_finish = true;
	p->emit(p->arg, &(struct provider_event){ .kind = PROVIDER_FINISH, .finish = finish });
}

/* -1 for anything that cannot be a count. */
static int64_t
count(const json_t *value)
{
	json_int_t n = json_integer_value(value);

	return json_is_integer(value) && n >= 0 && n <= TOKENS_MAX ? n : -1;
}

static void
emit_usage(struct parser *p, const json_t *usage)
{
	struct provider_event event = { .kind = PROVIDER_USAGE,
		.input_tokens = count(json_object_get(usage, "prompt_tokens")),
		.output_tokens = count(json_object_get(usage, "completion_tokens")) };

	if (event.input_tokens >= 0 || event.output_tokens >= 0)
		p->emit(p->arg, &event);
}

/* ---- answers ----------------------------------------------------------------- */

/* A delta of a stream or the message of a whole answer. */
static void
take_message(struct parser *p, const json_t *message)
{
	const json_t *reasoning = json_object_get(message, "reasoning_content");

	if (!json_is_string(reasoning))
		reasoning = json_object_get(message, "reasoning");
	emit_text(p, PROVIDER_REASONING, reasoning);
	emit_text(p, PROVIDER_TEXT, json_object_get(message, "content"));
	emit_text(p, PROVIDER_TEXT, json_object_get(message, "refusal"));
}

/* One JSON object: a chunk or a completion.  Only the first choice is ours. */
static bool
take_json(struct parser *p, const char *data, size_t len)
{
	json_t *root = json_loadb(data, len, JSON_ALLOW_NUL, NULL);
	const json_t *error = json_object_get(root, "error");
	const json_t *choice = json_array_get(json_object_get(root, "choices"), 0);
	struct provider_failure failure;

	if (!json_is_object(root)) {
		json_decref(root);
		return fail_wire(p, "the answer has an event that is no JSON object");
	}
	if (error != NULL && !json_is_null(error)) {
		openai_failure_inside(error, &failure);
		json_decref(root);
		return fail_with(p, &failure);
	}
	if (json_integer_value(json_object_get(choice, "index")) == 0) {
		take_message(p, json_object_get(choice, p->is_stream ? "delta" : "message"));
		emit_finish(p, json_string_value(json_object_get(choice, "finish_reason")));
	}
	emit_usage(p, json_object_get(root, "usage"));
	json_decref(root);
	return true;
}

static bool
on_event(void *arg, const struct sse_event *event)
{
	struct parser *p = arg;

	if (event->data_len == 6 && memcmp(event->data, "[DONE]", 6) == 0)
		p->is_done = true;
	/* What follows the end is not read, and not an error either. */
	return p->is_done || take_json(p, event->data, event->data_len);
}

static void *
parser_new(bool stream)
{
	struct parser *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		fputs("weir: out of memory\n", stderr);
		abort();
	}
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
	free(p);
}

static bool
parser_feed(void *parser, const char *data, size_t len, provider_emit_fn *emit, void *arg)
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
parser_end(void *parser, provider_emit_fn *emit, void *arg)
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

const struct provider provider_openai = {
	.name = "openai",
	.build = openai_build,
	.parser_new = parser_new,
	.parser_free = parser_free,
	.parser_feed = parser_feed,
	.parser_end = parser_end,
	.failure = openai_failure,
};
