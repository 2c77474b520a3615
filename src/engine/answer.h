/*
 * What came of a call: text, reasoning, calls of tools, usage, why it stopped;
 * with its cap.  Knows nothing of wires and readers.  One thread at a time.
 */
#ifndef WEIR_ENGINE_ANSWER_H
#define WEIR_ENGINE_ANSWER_H

#include "base/buf.h"
#include "engine/seal.h"
#include "wire/dialect.h"
#include "wire/wire.h"

/* A call of a tool that the model wants. */
struct answer_call {
	char *id, *name;
	struct buf arguments; /* JSON text */
	struct buf signature; /* the seal that followed it */
	bool is_begun;	      /* somebody was given its first piece */
};

struct answer {
	struct buf text, reasoning; /* the whole of it */
	struct buf signature;	    /* the last one that followed no call */
	struct answer_call *calls;
	size_t n_calls;
	uint64_t delivered; /* bytes of all that, which somebody was given */

	/* The end of it, that nobody was given yet: all of one kind, and of one call. */
	struct buf pending;
	enum piece_kind pending_kind;
	size_t pending_call;

	/* The same and more as it stands, for a reader of the provider's own words: a
	 * line for each piece, or one for a whole answer, that nobody was given yet. */
	struct buf own;
	size_t own_before;	   /* the last line, which says more than what is pending, begins here */
	size_t own_due;		   /* so much of it goes with what is pending */
	bool has_own;		   /* somebody was given some of it */
	char *own_id;		   /* what its provider calls it, where that is told; NULL: nothing */
	char seal_id[SEAL_ID_LEN]; /* of the last seal in it; "": there is none */

	/* Of an answer that passes as bytes (wire.h): what nobody was given yet, or once it
	 * is whole all of it. */
	struct buf bytes;
	char *bytes_type; /* their Content-Type; NULL: the answer is no such one */
	bool bytes_pass;  /* they are given away as they come */
	bool bytes_whole; /* they have all come */

	struct wire_usage usage; /* what the provider says */
	bool finished;		 /* it said why it stopped, */
	enum wire_finish finish; /* namely */
};

/* An empty answer that keeps at most so much text, and as much reasoning, and as
 * much of all calls. */
void answer_init(struct answer *a, size_t max_bytes);
void answer_free(struct answer *a);
/* A new try: what an earlier one said of itself counts no more. */
void answer_try(struct answer *a);
/* Must what is pending be given away before a piece of this kind (CALL: of that
 * call) is added? */
bool answer_turns(const struct answer *a, enum piece_kind kind, size_t call);
/* Add a piece to the whole and to what is pending: text, reasoning or a signature.  Of
 * one that does not fit, as much as fits, and the answer is finished by its length. */
void answer_add(struct answer *a, enum piece_kind kind, const char *text, size_t len);
/* The same of a call; id and name with its first piece, else NULL.  False: the
 * answer has no room for it. */
bool answer_add_call(
    struct answer *a, size_t call, const char *id, const char *name, const char *text, size_t len) MUST_CHECK;
/* Add a piece as it stands, with its line ends as blanks (JSON has no others). */
void answer_add_own(struct answer *a, const char *text, size_t len);
/* It is one of bytes, of this type; they pass as they come, or are kept. */
void answer_take_bytes(struct answer *a, const char *type, bool pass);
/* Are there bytes to be given away? */
bool answer_has_bytes(const struct answer *a);
/* Note what its provider calls it. */
void answer_name(struct answer *a, const char *id);
/* Is anything pending?  A call's name waits for its arguments, so that a position says
 * what was given. */
bool answer_pends(const struct answer *a);
/* Own words go with what is pending: all of them, or all but the last line. */
void answer_own_due(struct answer *a, bool but_last);
/* Has a call a name, and nothing else yet?  Own words of it wait as well, then. */
bool answer_awaits(const struct answer *a);
/* What is pending, that ends at a->delivered. */
struct piece answer_piece(const struct answer *a);
/* It was given away. */
void answer_given(struct answer *a);
/* Was anybody given anything of it?  Own words that mean nothing to others count when they came to their end. */
bool answer_says(const struct answer *a);
/* Is it as long as it may be? */
bool answer_full(const struct answer *a);
/* "stop", "length" …; NULL: not told. */
const char *answer_finish_name(const struct answer *a);

#endif
