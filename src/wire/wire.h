/*
 * What a model provider's adapter does: build a request, understand the
 * answer.  Wire formats and nothing else: no I/O, no database, no clock.
 *
 * TO ADD A PROVIDER: 1. src/providers/NAME.c fills one struct provider;
 * 2. add it to providers_all() in src/house/wires.c; 3. transcripts in
 * tests/unit/test_provider_NAME.c and a fuzz target; 4. its wire in weir-demo.
 */
#ifndef WEIR_WIRE_WIRE_H
#define WEIR_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

/* One message of the conversation as it goes upstream. */
struct provider_message {
	const char *role; /* "system", "user", "assistant" */
	const char *content;
	const char *image_url, *video_url, *audio_url; /* NULL: none */
};

/* What to ask. */
struct provider_call {
	const char *base_url, *api_key; /* api_key may be NULL */
	const char *model;		/* the provider's name for it */
	const struct provider_message *messages;
	size_t n_messages;
	int64_t max_output_tokens; /* 0: the provider's default */
	double temperature;	   /* negative: the provider's default */
	bool stream;
	const char *traceparent; /* W3C, passed on; may be NULL */
	const char *task_id;	 /* sent as X-Weir-Task; may be NULL */
};

/* The HTTP request for it; everything lives in the arena given to build(). */
struct provider_request {
	const char *method, *url;
	const char *const *headers; /* "Name: value", NULL-terminated */
	const char *body;
	size_t body_len;
};

enum provider_event_kind {
	PROVIDER_TEXT,	    /* text, len: answer text, well-formed UTF-8 */
	PROVIDER_REASONING, /* text, len: the model's reasoning */
	PROVIDER_USAGE,	    /* input_tokens, output_tokens as the provider counts */
	PROVIDER_FINISH,    /* finish: why the model stopped */
	PROVIDER_FAILURE,   /* failure: the provider reports an error inside the answer */
};

enum provider_finish { FINISH_STOP, FINISH_LENGTH, FINISH_FILTERED, FINISH_OTHER };

/* A failure, in the words the engine decides by. */
struct provider_failure {
	enum status status;	/* E_CONTENT_VIOLATION, E_UPSTREAM_FAILED, E_UPSTREAM_TIMEOUT, E_INVALID_REQUEST … */
	bool retryable;		/* the same channel may succeed a moment later */
	bool next_channel;	/* another channel may succeed (auth, quota, 5xx): try it */
	int64_t retry_after_ms; /* what the provider asked for; 0: nothing */
	char detail[256];	/* for the log, never for users; no secrets */
};

struct provider_event {
	enum provider_event_kind kind;
	const char *text;
	size_t len;
	int64_t input_tokens, output_tokens; /* -1: not told */
	enum provider_finish finish;
	struct provider_failure failure;
};

typedef void provider_emit_fn(void *arg, const struct provider_event *event);

/* One adapter.  All functions are pure but for the parser they are given. */
struct provider {
	const char *name; /* "openai", as in channels.provider */

	/* Build the request for `call`.  E_INVALID_REQUEST when it cannot be said
	 * in this wire (an attachment kind it does not know). */
	enum status (*build)(struct arena *a, const struct provider_call *call, struct provider_request *out);

	/* A parser of one response.  `stream` as in the call.  Free with parser_free. */
	void *(*parser_new)(bool stream);
	void (*parser_free)(void *parser);
	/* Feed body bytes of a 2xx answer in any slicing; calls emit for each event
	 * in order.  False when the bytes are no valid answer (after emitting a
	 * PROVIDER_FAILURE); nothing more may be fed then. */
	bool (*parser_feed)(void *parser, const char *data, size_t len, provider_emit_fn *emit, void *arg);
	/* The body ended.  True when the answer is complete by the wire's own rules
	 * (a terminal marker was seen); false: it was cut. */
	bool (*parser_end)(void *parser, provider_emit_fn *emit, void *arg);

	/* Understand a non-2xx answer. `retry_after` is that header or NULL. */
	void (*failure)(
	    int http_status, const char *retry_after, const char *body, size_t len, struct provider_failure *out);
};

/* The adapter of that name, or NULL.  Provided by src/house/wires.c;
 * the programs hand it to the engine with provider_register(). */
void provider_register(const struct provider *const *all); /* NULL-terminated; main thread, at start */
const struct provider *provider_find(const char *name);
/* A failure for a transfer that got no HTTP answer (refused, reset, time-out). */
void provider_failure_transport(struct provider_failure *out, enum status status, const char *detail);

#endif
