/*
 * A document's canonical text cut into the pieces that are searched and cited.
 *
 * Canonical text is well-formed UTF-8 in light Markdown: "# " headings, "| a | b |" rows of
 * tables, "- " lists, ``` around code, a form feed between pages.  A chunk ends at a heading,
 * else where a sentence does; tables are cut between rows and repeat their header, code
 * and lists stay whole up to the cap.  Pure, any thread.
 */
#ifndef WEIR_SEARCH_CHUNK_H
#define WEIR_SEARCH_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"

struct chunk_rules {
	int tokens;	     /* what a chunk is filled to; 0: 250 */
	int cap_tokens;	     /* what none exceeds; 0: 8/5 of tokens */
	int overlap_percent; /* of `tokens`, repeated from the chunk before in the same section; below 0: 15 */
};

struct chunk {
	int ord;		/* from 0 */
	int page_from, page_to; /* from 1 */
	int64_t c0, c1;		/* [c0, c1) of the canonical text, in code points */
	const char *heading;	/* "Title › A › B"; never NULL */
	const char *body;	/* text[c0, c1), after its table's header where that is not in it */
	size_t body_len;
	int tokens; /* of heading and body, by chunk_tokens() */
};

/* Cut `len` bytes into *out, an array in the arena; how many.  Nothing but blanks gives 0.
 * `title` may be NULL. */
int chunk_text(struct arena *a, const char *title, const char *text, size_t len, const struct chunk_rules *rules,
    struct chunk **out);

/* Step through the sentences of a text: the next one from *at on is [*from, *to), without blanks
 * around it; a line of a list or a table is one, and so is what a blank line ends.  False: there is none. */
bool chunk_next_sentence(const char *text, size_t len, size_t *at, size_t *from, size_t *to);
/* Where the last sentence of text[from, to) begins. */
size_t chunk_last_sentence(const char *text, size_t from, size_t to);

/* An estimate of the tokens that an embedding model sees: Han + full-width punctuation + 1.1 of
 * each word + .15 of its letters beyond 6 + .9 of digits + .7 of punctuation + .3 of others.
 * Within .8-1.14 for nine in ten chunks (o200k, cl100k, XLM-R). */
int chunk_tokens(const char *text, size_t len);

#endif
