/*
 * How a client of some vendor's SDK talks to us, or our own page: what it asks,
 * the events of a stream, a whole answer, an error.  Formats and nothing else.
 *
 * What an answer consists of is told in pieces, between two neutral lines of
 * JSON, which the journal keeps, so that a stream may be resumed in any dialect:
 *
 *	start	{model, task_id, …}
 *	end	{"type":"done"|"error"|"cancelled","data":{…}}
 *
 * The data of an end has "usage":{input_tokens, output_tokens, estimated, finish,
 * cached_tokens?, cache_write_tokens?, reasoning_tokens?} with finish one of
 * "stop", "length", "content_filter", "tool_calls", "other" or null; of an error
 * "code" and "message".  The end of a relayed answer that is wanted whole has
 * also "content", "reasoning"?, "signature"?, "calls"?: [{id, name, arguments, signature?}].
 *
 * TO ADD A DIALECT: in.c and out.c beside the wire of the same vendor; out.c is
 * the inverse of the wire's parser, in.c of its ask.c, and a test holds them to it.
 * encoder.h has what all out.c need.
 */
#ifndef WEIR_WIRE_DIALECT_H
#define WEIR_WIRE_DIALECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/ids.h"
#include "base/status.h"
#include "wire/ask.h"
#include "wire/wire.h"

enum piece_kind { PIECE_TEXT, PIECE_REASONING, PIECE_SIGNATURE, PIECE_CALL };

/* A piece of an answer. */
struct piece {
	enum piece_kind kind;
	const char *text; /* CALL: of its arguments, JSON text */
	size_t len;
	size_t call;	       /* CALL: which, from 0 */
	const char *id, *name; /* CALL: with its first piece; later NULL */
	uint64_t position;     /* byte of the answer after it: where a reader that comes back goes on */
};

/* What a dialect must remember of one answer it tells. */
struct encoder {
	const char *id, *model; /* of the answer; live as long as it */
	int64_t created_s;	/* Unix time */
	bool wants_usage;	/* in a stream, where that is a choice */
	const char *echo;	/* JSON: what its answer must know of what was asked (NULL: nothing); lives as long */
	uint64_t seen_events;	/* of a stream whose events are numbered: all before this number are not told again */
	bool is_own;		/* the provider's own words are passed on: only the end is told */

	/* the dialect's own */
	bool in_block, has_calls;
	bool has_finish;       /* of its own words: why it stopped was told */
	enum piece_kind block; /* the open one */
	size_t n_blocks, call;
	struct buf kept; /* what must not leave in pieces; freed with the reader */
	void *state;	 /* more of it; freed by forget() */
};

/* What is wrong with what is asked: "messages[2].content", "is not …", in English. */
struct dialect_problem {
	char field[96], text[160];
	bool is_unsupported; /* it is understood, and not done */
};

/* What a client asks for. */
struct dialect_ask {
	struct ask ask;
	const char *model;
	bool stream;
	bool wants_usage; /* as in the encoder */
	const char *echo; /* as in the encoder; NULL: nothing */
	/* What of it no neutral words can say, so that it has to be asked in its own; text "": nothing. */
	struct dialect_problem own_only;
	const char *after; /* id of an answer that its provider keeps and that it follows; NULL: none */
	bool is_reworded;  /* its own words hold what nobody here can read: they are said anew */
};

struct dialect {
	const char *name;
	const char *keepalive; /* what keeps a quiet stream alive */
	/* The header in which clients look for the request's id, where it is not X-Request-Id; NULL: it is. */
	const char *request_id_header;
	/* Append the header lines, each with its end, by which its clients know how many of `limit`
	 * requests they have left until reset_s (Unix time), `left_s` seconds from now.
	 * NULL: it has none. */
	void (*rate_headers)(struct buf *out, int64_t limit, int64_t remaining, int64_t left_s, int64_t reset_s);
	/* A stream begins with its first piece: what fails before has a status of its
	 * own, by which SDKs know whether to try again. */
	bool begins_late;
	/* Its events have ids, by which a reader that comes back says where it was. */
	bool has_ids;
	/* Who is asked in its words may keep the answer, for what names it later. */
	bool is_kept;

	/* Read what is asked; strings and lists go to `a` or are `body`'s.  `path_model`
	 * and `path_stream`: what the path says, for whose clients say it there.  What
	 * cannot be understood, or cannot be said in neutral words, is
	 * E_INVALID_REQUEST with *problem; E_TOO_LARGE, without: more than the arena may
	 * hold.  What is harmless is passed over.  NULL in dialects that ask nothing.  Worker. */
	enum status (*read)(struct arena *a, const json_t *body, const char *path_model, bool path_stream,
	    struct dialect_ask *out, struct dialect_problem *problem);

	/* The same for OP_EMBED, as one text or (`is_single` false) several; NULL: it has no such thing. */
	enum status (*read_embed)(struct arena *a, const json_t *body, const char *path_model, bool is_single,
	    struct dialect_ask *out, struct dialect_problem *problem);
	/* Append the answer to that. */
	void (*vectors)(struct buf *out, const struct wire_vectors *vectors, const struct ask_embed *how,
	    const char *model, int64_t input_tokens);

	/* The wire of the same vendor: what is asked in this dialect passes to it as it
	 * stands, and pieces of the answer (WIRE_OWN) come back by own().  NULL: neither. */
	const char *wire;
	void (*own)(struct encoder *e, struct buf *out, const char *text, size_t len);
	/* The body of a whole answer that came in the provider's own words, from the lines of
	 * it (engine/answer.h), malloc'ed, once it ended as it should.  NULL: it cannot be told
	 * so, and whole() tells it.  Worker. */
	char *(*own_whole)(const struct encoder *e, const struct buf *lines, const char *end_json);
	const char *const *own_headers; /* of a request, that pass with it; NULL-terminated, NULL: none */

	/* Append to a stream.  What the dialect has no word for is dropped: a signature, in
	 * some, or one behind a call.  Reactor. */
	void (*start)(struct encoder *e, struct buf *out, const char *start_json);
	void (*piece)(struct encoder *e, struct buf *out, const struct piece *piece);
	void (*end)(struct encoder *e, struct buf *out, uint64_t position, const char *end_json);
	/* The stream ends for this reader, who is told why; the answer may go on, and
	 * its place in it stays what the last piece said. */
	void (*cut)(struct encoder *e, struct buf *out, enum status why, const char *message);
	/* The body of an answer that is not streamed, malloc'ed, and its status.
	 * start_json may be NULL.  Worker: it costs what the answer is long. */
	char *(*whole)(struct encoder *e, const char *start_json, const char *end_json, enum lang lang,
	    const char *request_id, int *http_status);
	/* The body of an error before any of that; the reference to `details` (may be
	 * NULL) is taken over.  *http_status is what it would be, and may be changed. */
	json_t *(*error)(
	    enum status st, const char *message, json_t *details, const char *request_id, int *http_status);
	/* Is it no use to try that again, whatever its status says?  Told in x-should-retry; NULL: never. */
	bool (*is_final)(enum status st);
	/* Free e->state; NULL: there is none. */
	void (*forget)(struct encoder *e);
};

#endif
