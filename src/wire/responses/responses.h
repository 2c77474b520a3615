/*
 * OpenAI's Responses API: a wire of its own, and the dialect of its clients.
 *
 *	in.c      what clients ask of us, but
 *	items.c   the items of their input
 *	tools.c   and the tools
 *	out.c     what they are answered, as a stream; the dialect
 *	object.c  the items of an answer and the response around them, as JSON
 *	ask.c     what is asked of a provider, as an HTTP request
 *	answer.c  the parser of answers; the table of endpoints
 *	own.c     what passes as it stands, from a client of this wire to a provider of it
 *
 * The words of errors are those of OpenAI's chat completions (wire/openai).
 *
 * Source: platform.openai.com/docs/api-reference/responses and
 * /responses-streaming, read 2026-11.
 */
#ifndef WEIR_WIRE_RESPONSES_RESPONSES_H
#define WEIR_WIRE_RESPONSES_RESPONSES_H

#include <jansson.h>

#include "wire/dialect.h"
#include "wire/encoder.h"
#include "wire/openai/reading.h"
#include "wire/wire.h"

extern const struct wire wire_responses;
extern const struct dialect dialect_responses;
/* The same for POST /v1/responses/compact, which only a provider can. */
extern const struct dialect dialect_compact;

/* ---- asked of us ----------------------------------------------------------------- */

/* Seals of thoughts, which are valid at their maker only, leave in encrypted_content behind
 * this and come back so; those of others are dropped. */
#define RESPONSES_SEAL "weir1."

/* dialect.read */
enum status responses_read(struct arena *a, const json_t *body, const char *path_model, bool path_stream,
    struct dialect_ask *out, struct dialect_problem *problem);
/* "input" and "instructions", into *r->out. */
bool responses_items_read(struct reading *r, const json_t *body);
/* "tools" and what says how to use them, into *r->out.  `names`, an object, gets what
 * responses_name() knows of functions that have another name here than there:
 * {name: {"name", "namespace"? , "is_custom"?}}. */
bool responses_tools_read(struct reading *r, const json_t *body, json_t *names);
/* The name of a function of a namespace, where all have one room: in the request's arena. */
const char *responses_flat_name(struct arena *a, const char *space, const char *name);

/* ---- answered --------------------------------------------------------------------- */

/* An item of an answer. */
struct responses_item {
	enum piece_kind kind; /* TEXT: a message; SIGNATURE: no item */
	bool is_open;
	size_t call; /* CALL */
	char *call_id, *name;
	struct buf text; /* what it says: text, a thought, arguments */
	struct buf seal; /* REASONING */
};

/* What a dialect remembers of one answer: encoder.state. */
/*
 * Events are numbered by where they stand in the answer, so that they have the same numbers when it is told again in
 * other pieces: bytes of the answer before and with the event, times RESPONSES_STEP, and which of those that stand there.
 */
#define RESPONSES_STEP 1024

struct responses_state {
	uint64_t position; /* bytes of the answer that were told */
	uint64_t n_here;   /* events there so far */
	uint64_t number;   /* of the event at hand, */
	size_t event_at;   /* where it begins, */
	char event_id[32]; /* and the line before it: "id: …", or "" */
	struct responses_item *items;
	size_t n_items;
	json_t *echo; /* NULL: none */
	char *own_id; /* the provider's, in its own words */
};

/* That of an encoder, made with the first call. */
struct responses_state *responses_state(struct encoder *e);
void responses_forget(struct encoder *e);
/* A new item at the end, which is open; lives until the next one. */
struct responses_item *responses_item_add(struct responses_state *s, enum piece_kind kind);
/* Is it the call of a custom tool, which takes text? */
bool responses_is_custom(const struct responses_state *s, const struct responses_item *item);
/* What such a call is given: the text in its arguments, or those.  Malloc'ed. */
char *responses_custom_input(const struct responses_item *item);
/* Append its id. */
void responses_put_item_id(struct encoder *e, struct buf *out, size_t index);
/* Append it as JSON: as it begins, without what it says, or all of it. */
void responses_put_item(struct encoder *e, struct buf *out, size_t index, const char *status, bool is_empty);
/* Append the response around them; `end` NULL: it has not ended. */
void responses_put_response(
    struct encoder *e, struct buf *out, const char *status, const struct encoder_end *end, const json_t *error);

/* ---- a provider's ------------------------------------------------------------------- */

/* endpoint.body and .head of OP_CHAT */
enum status responses_body(struct arena *a, const struct ask *ask, bool stream, struct wire_body *out);
enum status responses_head(
    struct arena *a, const struct wire_target *to, struct wire_body *body, struct wire_request *out);
extern const struct parser_ops responses_parser;
/* The address of responses at a provider's base URL, with `behind`: "/ID"; NULL: it is no
 * http(s) URL.  `q`: of whoever that is; NULL: nobody's. */
const char *responses_url(struct arena *a, const char *base, const struct quirks *q, const char *behind);
/* The header lines of a request to one; NULL as headers_make(). */
const char *const *responses_headers(struct arena *a, const struct wire_target *to);
/* Append what a client says in its own words, but what the wire says itself.  False: it is
 * no JSON object. */
bool responses_own_ask(struct buf *out, const struct ask *ask) MUST_CHECK;
/* dialect.own */
void responses_own(struct encoder *e, struct buf *out, const char *text, size_t len);
/* Append the provider's last event, with the name of the model as the client knows it. */
void responses_put_own_end(struct encoder *e, struct buf *out);
/* dialect.own_whole */
char *responses_own_whole(const struct encoder *e, const struct buf *lines, const char *end_json);

#endif
