/*
 * Google's Gemini API: a wire, and the dialect of its clients.
 *
 *	ask.c      what is asked, as an HTTP request
 *	answer.c   the parser of answers; the table of endpoints
 *	chunk.c    one JSON object of an answer, read
 *	embed.c    vectors of texts, asked, read and told
 *	failure.c  statuses and error bodies to failures
 *	in.c       what a client asks
 *	out.c      what it is told
 */
#ifndef WEIR_WIRE_GEMINI_GEMINI_H
#define WEIR_WIRE_GEMINI_GEMINI_H

#include <jansson.h>

#include "base/scan.h"
#include "wire/dialect.h"
#include "wire/wire.h"

/* Google's own word for the seal of a call that has none. */
#define GEMINI_ANY_SEAL "skip_thought_signature_validator"

extern const struct wire wire_gemini;
extern const struct dialect dialect_gemini;

/* One response object; texts lie in its bytes. */
struct gemini_chunk {
	const char *parts; /* the array as it stands; NULL: none */
	size_t parts_len;
	struct scan_text finish;
	struct scan_text blocked; /* why the question is not answered */
	struct wire_usage usage;  /* input without what tools took, output without thoughts */
	int64_t tool_tokens;	  /* -1: not told */
	bool has_candidates, has_usage, has_error;
};

/* One part of it. */
struct gemini_part {
	struct scan_text text, signature, id, name;
	const char *args; /* of a call, as it stands; "" when there are none */
	size_t args_len;
	bool is_thought, is_call;
};

/* Read a response; false when data is no JSON object. */
bool gemini_chunk_read(const char *data, size_t len, struct gemini_chunk *out);
/* The next part of an array opened with scan_array().  False after the last one. */
bool gemini_part_read(struct scan *s, struct gemini_part *out);

/* endpoint.body and .head of OP_CHAT */
enum status gemini_chat_body(struct arena *a, const struct ask *ask, bool stream, struct wire_body *out);
enum status gemini_chat_head(
    struct arena *a, const struct wire_target *to, struct wire_body *body, struct wire_request *out);
extern const struct parser_ops gemini_chat_parser;
/* Append the arguments of a call, on one line: a JSON object, {} for nothing, anything else
 * as a text in an object, since this wire knows no other. */
void gemini_put_args(struct buf *out, const char *json, size_t len);

/* Append a model's name as it stands in a path: "models/…", escaped. */
void gemini_put_model(struct buf *out, const char *model);

/* endpoint.body, .head, .meter and .vectors of OP_EMBED; dialect.read_embed and .vectors: embed.c */
enum status gemini_embed_body(struct arena *a, const struct ask *ask, bool stream, struct wire_body *out);
enum status gemini_embed_head(
    struct arena *a, const struct wire_target *to, struct wire_body *body, struct wire_request *out);
bool gemini_embed_meter(const char *json, size_t len, struct wire_units *out);
bool gemini_vectors(const char *json, size_t len, struct wire_vectors *out);
enum status gemini_embed_read(struct arena *a, const json_t *body, const char *path_model, bool is_single,
    struct dialect_ask *out, struct dialect_problem *problem);
void gemini_put_vectors(struct buf *out, const struct wire_vectors *vectors, const struct ask_embed *how,
    const char *model, int64_t input_tokens);

/* wire.failure */
void gemini_failure(int http_status, const char *retry_after, const char *body, size_t len, struct wire_failure *out);
/* An error object inside an answer: its own code says which status it would have had. */
void gemini_failure_inside(const json_t *error, struct wire_failure *out);

/* dialect.read */
enum status gemini_read(struct arena *a, const json_t *body, const char *path_model, bool path_stream,
    struct dialect_ask *out, struct dialect_problem *problem);

#endif
