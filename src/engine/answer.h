/*
 * What came of a call: text, reasoning, usage, why it stopped; with its cap.
 * Knows nothing of wires and readers.  One thread at a time.
 */
#ifndef WEIR_ENGINE_ANSWER_H
#define WEIR_ENGINE_ANSWER_H

#include "base/buf.h"
#include "wire/wire.h"

struct answer {
	struct buf text, reasoning; /* the whole of it */
	struct buf pending;	    /* the end of it, that nobody was given yet: all text or all reasoning */
	bool pending_reasoning;
	uint64_t delivered; /* bytes of text and reasoning that somebody was given */

	int64_t usage_input, usage_output; /* what the provider says; -1: it did not */
	bool finished;			   /* it said why it stopped, */
	enum wire_finish finish;	   /* namely */
};

/* An empty answer that keeps at most so much text, and as much reasoning. */
void answer_init(struct answer *a, size_t max_bytes);
void answer_free(struct answer *a);
/* A new try: what an earlier one said of itself counts no more. */
void answer_try(struct answer *a);
/* Must what is pending be given away before a piece of this kind is added? */
bool answer_turns(const struct answer *a, bool reasoning);
/* Add a piece to the whole and to what is pending.  Of one that does not fit, as
 * much as fits, and the answer is finished by its length. */
void answer_add(struct answer *a, bool reasoning, const char *text, size_t len);
/* Is it as long as it may be? */
bool answer_full(const struct answer *a);
/* "stop", "length" …; NULL: not told. */
const char *answer_finish_name(const struct answer *a);

#endif
