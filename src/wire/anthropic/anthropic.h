/*
 * Anthropic's Messages wire, and what speaks like it; and the dialect of its clients.
 *
 *	ask.c      what is asked: the body of a request
 *	head.c     whom: URL, headers, and what of the body depends on the model
 *	answer.c   the parser of answers; the table of endpoints
 *	event.c    one JSON object of an answer, read
 *	failure.c  statuses and error bodies to failures
 *	in.c       what a client asks
 *	out.c      what a client is answered
 */
#ifndef WEIR_WIRE_ANTHROPIC_ANTHROPIC_H
#define WEIR_WIRE_ANTHROPIC_ANTHROPIC_H

#include <jansson.h>

#include "base/scan.h"
#include "wire/dialect.h"
#include "wire/wire.h"

extern const struct wire wire_anthropic;
extern const struct dialect dialect_anthropic;

/* ---- asking -------------------------------------------------------------------- */

/* How to answer: which of it a model takes depends on its generation, so that body
 * and head pass it through the front of the gap. */
struct anthropic_manner {
	double temperature, top_p; /* negative: not said */
	int64_t top_k, thinking_tokens;
	enum ask_effort effort;
	bool has_format; /* the body begins within "output_config" */
	bool may_think;	 /* nothing in the conversation forbids it */
};

/* endpoint.body and .head of OP_CHAT */
enum status anthropic_body(struct arena *a, const struct ask *ask, bool stream, struct wire_body *out);
enum status anthropic_head(
    struct arena *a, const struct wire_target *to, struct wire_body *body, struct wire_request *out);

/* ---- answers ------------------------------------------------------------------- */

/* A block of content, or a delta of one; texts lie in the bytes that were read. */
struct anthropic_block {
	struct scan_text type, text, thinking, signature, data;
	struct scan_text id, name;
	struct scan_text arguments; /* a piece of them, as a string */
	struct scan_text input;	    /* all of them: a JSON value as it stands */
};

/* One event of a stream, or a whole message. */
struct anthropic_event {
	struct scan_text type;
	struct anthropic_block block, delta;
	struct scan_text content; /* the array of blocks as it stands, which .at tells */
	struct scan_text finish;
	struct wire_usage usage;		/* input_tokens without what was cached */
	bool has_block, has_delta, has_message; /* content_block, delta, message */
	bool has_error;
};

/* Read an event; false when data is no JSON object. */
bool anthropic_event_read(const char *data, size_t len, struct anthropic_event *out);
/* The next block of an array opened with scan_array(); false after the last one. */
bool anthropic_block_read(struct scan *s, struct anthropic_block *out);

extern const struct parser_ops anthropic_parser;
/* wire.failure */
void anthropic_failure(
    int http_status, const char *retry_after, const char *body, size_t len, struct wire_failure *out);
/* An error object, or an error's text, inside an answer: its type says which status it would have had. */
void anthropic_failure_inside(const json_t *error, struct wire_failure *out);

/* ---- the dialect --------------------------------------------------------------- */

/* dialect.read */
enum status anthropic_read(struct arena *a, const json_t *body, const char *path_model, bool path_stream,
    struct dialect_ask *out, struct dialect_problem *problem);

#endif
