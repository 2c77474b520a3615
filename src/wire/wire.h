/*
 * What a model provider's wire is: how to say what is asked, how to understand
 * the answer.  Formats and nothing else: no I/O, no database, no clock.
 *
 * TO ADD A WIRE: 1. a folder src/wire/NAME: ask.c, answer.c, failure.c fill one
 * struct wire, on what all wires share: url.h and headers.h, frame.h, text.h and
 * value.h, failure.h; 2. a row in src/house/wires.def, and one in quirks.def for its
 * maker; 3. transcripts in tests/unit/wire/test_NAME.c and a fuzz target; 4. let
 * weir-demo speak it.  Who speaks a wire in his own way is a row of quirks.def.
 * TO ADD AN ENDPOINT: an op in wire/ask.h (and a struct, where other wires can say it), a
 * row in the `endpoints` of each wire that has it, and one in relay/op.c.
 */
#ifndef WEIR_WIRE_WIRE_H
#define WEIR_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"
#include "wire/ask.h"
#include "wire/quirks.h"

/* ---- asking -------------------------------------------------------------------- */

/* A request's body: made once for a wire, and for each candidate completed in
 * place.  The text begins within the gap. */
struct wire_body {
	char *bytes;	 /* WIRE_GAP_BYTES, then what depends on no candidate */
	size_t len;	 /* with the gap; 0: there is no body */
	const void *own; /* what head() must know besides of what is asked; lives as long */
};
/* Room before a body, for the model's name and its like. */
#define WIRE_GAP_BYTES 4096

/* Whom to ask, and how. */
struct wire_target {
	const char *base_url, *api_key; /* api_key may be NULL */
	const struct quirks *quirks;	/* of whoever that is; NULL: by the base URL */
	const char *model;		/* the provider's name for it */
	int64_t max_output_tokens;	/* 0: the provider's default */
	bool stream;
	const char *traceparent; /* W3C, passed on; may be NULL */
	const char *task_id;	 /* sent as X-Weir-Task; may be NULL */
	/* Of a client whose own words pass: "Name: value", checked, NULL-terminated; NULL: none. */
	const char *const *own_headers;
};

/* The HTTP request; lives in the arena given to head() and in the body. */
struct wire_request {
	const char *method, *url;
	const char *const *headers; /* "Name: value", NULL-terminated */
	const char *body;
	size_t body_len;
};

/* ---- answers ------------------------------------------------------------------- */

enum wire_event_kind {
	WIRE_TEXT,	/* text, len: answer text, well-formed UTF-8 */
	WIRE_REASONING, /* text, len: the model's reasoning */
	WIRE_SIGNATURE, /* text, len: the seal of the reasoning, or of the call, before it; whole */
	WIRE_CALL,	/* call, text, len: a piece of its arguments; id and name with its first */
	WIRE_OWN, /* text, len: a piece of the answer as it stands, before the events it means; where own words were asked.  id: what its provider calls the answer */
	WIRE_USAGE,   /* usage, as the provider counts */
	WIRE_FINISH,  /* finish: why the model stopped; FINISH_FILTERED may follow another */
	WIRE_DONE,    /* the answer is over, whatever else the connection brings */
	WIRE_FAILURE, /* failure: the provider reports an error inside the answer */
};

enum wire_finish { FINISH_STOP, FINISH_LENGTH, FINISH_FILTERED, FINISH_CALLS, FINISH_OTHER };

/* What the provider counted; -1: not told.  Input includes what was cached, output
 * includes reasoning, whatever the wire's own way of counting. */
struct wire_usage {
	int64_t input_tokens, output_tokens;
	int64_t cached_tokens, cache_write_tokens; /* of the input: read from, written to the provider's cache */
	int64_t reasoning_tokens;		   /* of the output */
	int64_t cache_write_1h_tokens;		   /* of cache_write_tokens: kept for an hour */
};
#define WIRE_USAGE_UNTOLD ((struct wire_usage){ -1, -1, -1, -1, -1, -1 })

/* A failure, in the words the engine decides by. */
struct wire_failure {
	enum status status;	/* E_CONTENT_VIOLATION, E_UPSTREAM_FAILED, E_UPSTREAM_TIMEOUT, E_INVALID_REQUEST … */
	bool retryable;		/* the same channel may succeed a moment later */
	bool next_channel;	/* another channel may succeed (auth, quota, 5xx): try it */
	int64_t retry_after_ms; /* what the provider asked for; 0: nothing */
	char detail[256];	/* for the log, never for users; no secrets */
};

struct wire_event {
	enum wire_event_kind kind;
	const char *text;
	size_t len;
	size_t call; /* from 0 */
	const char *id, *name;
	bool is_begun; /* OWN: the answer has begun, though perhaps with nothing that other events tell */
	struct wire_usage usage;
	enum wire_finish finish;
	struct wire_failure failure;
};

typedef void wire_emit_fn(void *arg, const struct wire_event *event);

/* A parser of one response. */
struct parser_ops {
	/* `stream` as in the target; an answer longer than max_bytes is not wanted, so
	 * that it keeps little more. */
	void *(*start)(bool stream, size_t max_bytes);
	void (*free)(void *parser);
	/* Feed body bytes of a 2xx answer in any slicing, whatever they turn out to
	 * be; calls emit for each event in order.  False when the bytes are no valid answer (after emitting a
	 * WIRE_FAILURE); nothing more may be fed then. */
	bool (*feed)(void *parser, const char *data, size_t len, wire_emit_fn *emit, void *arg);
	/* The body ended, or will bring nothing more.  True when the answer is
	 * complete by the wire's own rules (a terminal marker was seen), however the
	 * connection ended; false: it was cut. */
	bool (*end)(void *parser, wire_emit_fn *emit, void *arg);
};

/* What an answer that passes as bytes says of itself; -1: not told. */
struct wire_units {
	int64_t input_tokens, output_tokens;
	int64_t images, seconds, queries; /* made; of sound, begun ones too; searched */
};
#define WIRE_UNITS_UNTOLD ((struct wire_units){ -1, -1, -1, -1, -1 })

/* Vectors, one after the other, all of as many numbers. */
struct wire_vectors {
	float *values; /* malloc'ed, the caller's */
	size_t n, dimensions;
};

/* One thing that can be asked in a wire.  Pure, but for the parser. */
struct endpoint {
	enum op op;
	/* What of the body depends on no candidate, into the arena (or freed with
	 * it).  E_INVALID_REQUEST it cannot be said in this wire.  Costs what the
	 * conversation is long: on a worker. */
	enum status (*body)(struct arena *a, const struct ask *ask, bool stream, struct wire_body *out);
	/* The request to that candidate, with the body's gap filled in: cheap, on
	 * the reactor, again for each try.  E_INVALID_REQUEST. */
	enum status (*head)(
	    struct arena *a, const struct wire_target *to, struct wire_body *body, struct wire_request *out);
	/* Where the answer passes as bytes (below) it reads along in a stream of events, for
	 * usage and failures alone; NULL: nobody does. */
	const struct parser_ops *parser;

	/* The answer is no chat's: its bytes pass as they stand, whole when their framing says so. */
	bool passes_bytes;
	/* What a whole answer in JSON says that it took.  False: it is no answer.  Worker. */
	bool (*meter)(const char *json, size_t len, struct wire_units *out);
	/* OP_EMBED: its vectors, for a client of another wire.  False: there are none.  Worker. */
	bool (*vectors)(const char *json, size_t len, struct wire_vectors *out);
};

struct wire {
	const char *name;		  /* "openai", as in quirks.wire */
	const struct endpoint *endpoints; /* `n_endpoints` rows, one for each op it has */
	size_t n_endpoints;
	/* Understand a non-2xx answer. `retry_after` is that header or NULL. */
	void (*failure)(
	    int http_status, const char *retry_after, const char *body, size_t len, struct wire_failure *out);
};

/* The wire that a provider speaks (quirks.h), or NULL.  house/wires.c knows all wires; the
 * programs hand them over at start, on the main thread. */
void wires_register(const struct wire *const *all); /* NULL-terminated */
const struct wire *wire_find(const char *provider);
/* How `op` is said in it; NULL: it is not. */
const struct endpoint *wire_endpoint(const struct wire *w, enum op op);
/* A failure for a transfer that got no HTTP answer (refused, reset, time-out). */
void wire_failure_transport(struct wire_failure *out, enum status status, const char *detail);
/* Begin a body's text: the gap, with what head() must know of the question at its front,
 * `len` bytes, which no head may reach (NULL: nothing). */
void wire_body_begin(struct buf *text, const void *front, size_t len);
/* A body of `text`, which begins with WIRE_GAP_BYTES of anything and is taken over;
 * freed with the arena. */
void wire_body_make(struct arena *a, struct buf *text, struct wire_body *out);
/* Put `head` right before the rest; the whole text in *body and *len.  False
 * when it does not fit. */
bool wire_body_head(struct wire_body *b, const struct buf *head, const char **body, size_t *len) MUST_CHECK;

#endif
