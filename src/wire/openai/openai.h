/*
 * OpenAI's wire, and what speaks like it.
 *
 *	chat_ask.c     what is asked, as an HTTP request
 *	chat_answer.c  the parser of answers; the table of endpoints
 *	chat_chunk.c   one JSON object of an answer, read
 *	chat_calls.c   calls of tools that do
 *	op.c	       what is no chat, asked and measured
 *	images.c       pictures as something that is made, not passed on
 *	embed.c	       vectors of texts, read and told
 *	own_words.c    what passes as it stands, from a client of this wire to a provider of it
 *	failure.c      statuses and error bodies to failures
 *	completions.c  the older way to ask for text: a dialect alone
 *	in.c           what clients that speak so ask of us
 *	in_messages.c  its messages
 *	reading.c      with an eye on where in it we are
 *	out.c          what they are answered; the dialect
 */
#ifndef WEIR_WIRE_OPENAI_OPENAI_H
#define WEIR_WIRE_OPENAI_OPENAI_H

#include <jansson.h>

#include "base/scan.h"
#include "wire/dialect.h"
#include "wire/wire.h"

extern const struct wire wire_openai;
/* How clients of chat completions are talked to. */
extern const struct dialect dialect_openai;
/* … and clients of completions of a text: completions.c */
extern const struct dialect dialect_completions;

/* A text of a message: a string, or (is_parts) an array of parts as it stands. */
struct openai_text {
	struct scan_text raw;
	bool is_parts;
};

/* A delta, or a whole message. */
struct openai_message {
	struct openai_text content, reasoning, refusal;
	struct scan_text calls;	   /* an array of calls as it stands */
	struct scan_text function; /* a call of the old kind, the same */
};

/* What one chunk, or a whole completion, says; texts lie in its bytes. */
struct openai_chunk {
	struct openai_message delta, message;
	struct scan_text finish;
	struct wire_usage usage;
	bool has_code, has_words; /* on the top level: without choices, an error */
	bool has_choices, has_delta;
	bool has_error; /* a member "error" that says something */
	bool is_error;	/* it is an error itself */
};

/* Read a chunk; false when data is no JSON object. */
bool openai_chunk_read(const char *data, size_t len, struct openai_chunk *out);
/* The next part of an array of parts opened with scan_array(): *text is what is to be
 * read, *thinking what the model thought.  False after the last one. */
bool openai_part_read(struct scan *s, struct openai_text *text, struct openai_text *thinking);

/* A piece of a call, or all of one. */
struct openai_call {
	int64_t index; /* -1: not told */
	struct scan_text id, name, arguments;
};

/* The next of an array of calls opened with scan_array(); false after the last one. */
bool openai_call_read(struct scan *s, struct openai_call *out);
/* A call of the old kind: an object of name and arguments. */
void openai_function_read(struct scan *s, struct openai_call *out);

/* The calls of one answer; zero is none. */
struct openai_calls {
	struct openai_open_call *list;
	size_t n, n_told;
	bool is_over; /* nothing is to be taken any more */
};

/* Take a piece of a call: WIRE_CALL, once its name is known.  NULL, or what is wrong
 * with it; arguments longer than max_bytes are. */
const char *openai_calls_take(struct openai_calls *calls, const struct openai_call *delta, struct buf *scratch,
    size_t max_bytes, wire_emit_fn *emit, void *arg);
/* There will be no more of them: tell what makes them whole. */
void openai_calls_end(struct openai_calls *calls, wire_emit_fn *emit, void *arg);
void openai_calls_free(struct openai_calls *calls);

/* endpoint.body and .head of OP_CHAT */
enum status openai_chat_body(struct arena *a, const struct ask *ask, bool stream, struct wire_body *out);
enum status openai_chat_head(
    struct arena *a, const struct wire_target *to, struct wire_body *body, struct wire_request *out);
extern const struct parser_ops openai_chat_parser;
/* endpoint.body, .head, .parser and .meter of all but OP_CHAT: op.c */
enum status openai_op_body(struct arena *a, const struct ask *ask, bool stream, struct wire_body *out);
enum status openai_op_head(
    struct arena *a, const struct wire_target *to, struct wire_body *body, struct wire_request *out);
extern const struct parser_ops openai_op_parser;
/* Where one of those is asked; NULL: the base is no URL.  A mark for a form, that nobody can know. */
const char *openai_op_url(struct arena *a, const char *base, enum op op);
const char *openai_op_boundary(struct arena *a);
/* As a maker of pictures: images.c */
struct media_wire;
extern const struct media_wire media_openai;
bool openai_op_meter(const char *json, size_t len, struct wire_units *out);
/* endpoint.vectors; dialect.read_embed and .vectors: embed.c */
bool openai_vectors(const char *json, size_t len, struct wire_vectors *out);
enum status openai_embed_read(struct arena *a, const json_t *body, const char *path_model, bool is_single,
    struct dialect_ask *out, struct dialect_problem *problem);
void openai_put_vectors(struct buf *out, const struct wire_vectors *vectors, const struct ask_embed *how,
    const char *model, int64_t input_tokens);
/* Append what a client says in its own words, but what the wire says itself.  False: it
 * is no JSON object. */
bool openai_own_ask(struct buf *out, const struct ask *ask) MUST_CHECK;
/* Append a provider's chunk as an event, with the model's name as the client knows it. */
void openai_own_chunk(struct buf *out, const char *chunk, size_t len, const char *model);
/* Is it the chunk that tells nothing but the usage? */
bool openai_is_usage_alone(const char *chunk, size_t len) MUST_CHECK;
/* wire.failure */
void openai_failure(int http_status, const char *retry_after, const char *body, size_t len, struct wire_failure *out);
/* An error object, or an error's text, inside an answer: its own code says which status it would have had. */
void openai_failure_inside(const json_t *error, struct wire_failure *out);
/* What the dialects of this vendor's clients share of their answers: dialect.error; the last words of
 * a stream that failed; what it took, and why it stopped, of an end (wire/encoder.h). */
struct encoder_end;
json_t *openai_error(enum status st, const char *message, json_t *details, const char *request_id, int *http_status);
void openai_put_error(struct buf *out, enum status st, const char *message);
json_t *openai_usage(const struct encoder_end *end);
const char *openai_finish(const struct encoder_end *end, bool has_calls);
/* dialect.read */
enum status openai_chat_read(struct arena *a, const json_t *body, const char *path_model, bool path_stream,
    struct dialect_ask *out, struct dialect_problem *problem);

#endif
