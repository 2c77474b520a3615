/*
 * What an answer refers to: marks such as [2], and the sentence of a source that each of them
 * means.  Pure, any thread.
 */
#ifndef WEIR_SEARCH_CITE_H
#define WEIR_SEARCH_CITE_H

#include <stddef.h>
#include "base/arena.h"

/* A mark in a text. */
struct mark {
	int n;		 /* from 1 */
	size_t from, to; /* bytes of what it stands behind: the sentence before it, and what follows an
			  * earlier mark */
};

/* The marks [n], [n, m] and 【n】 with 1 <= n <= most, in their order: how many, in *out in the
 * arena.  Those within ``` or `code` are none. */
size_t cite_marks(struct arena *a, const char *text, int most, struct mark **out);

/* The sentence of `body` that has most of the words of `claim`: [*from, *to) of its bytes, the
 * first one where none has any.  How many of the words it has. */
int cite_sentence(
    struct arena *a, const char *claim, size_t claim_len, const char *body, size_t body_len, size_t *from, size_t *to);

#endif
