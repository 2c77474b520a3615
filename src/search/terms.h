/*
 * Text as the terms that full text search finds it by, for PostgreSQL without an
 * extension.  The same of what is kept and of what is asked:
 *
 *	NFKC, case folded, traditional Chinese as simplified
 *	Han, kana and Hangul	overlapping pairs of characters; one that stands alone as it is
 *	the rest		words; one of several parts (max_connections, libpq-dev, WorkMem)
 *				whole and in its parts; English stemmed, without stop words
 *
 * Pure, any thread.  Measured in the design of search: bigrams beat a dictionary's words.
 */
#ifndef WEIR_SEARCH_TERMS_H
#define WEIR_SEARCH_TERMS_H

#include <stddef.h>
#include "base/arena.h"

enum {
	TERM_MAX_BYTES = 96,  /* a longer word is cut there, in queries too */
	TERMS_QUERY_MAX = 64, /* terms that are taken from a query */
};

/* The literal of a tsvector ('term':1,4 'other':2) of a heading and what is below it,
 * for $n::tsvector.  Both are well-formed UTF-8; heading may be NULL.  Positions stop at 16383,
 * and a term has at most 255 of them, as PostgreSQL keeps no more.  "" where nothing is
 * found.  In the arena. */
char *terms_tsvector(struct arena *a, const char *heading, const char *body);

/* The terms of a query, each once, in the order of the query: how many, at most
 * TERMS_QUERY_MAX, in `terms`.  Words that only ask (如何, what) are cut, unless nothing
 * else is there.  The strings are in the arena. */
size_t terms_query(struct arena *a, const char *query, const char *terms[TERMS_QUERY_MAX]);

/* The literal of a tsquery that finds any of `count` terms: 'a' | 'b'; NULL for none. */
char *terms_tsquery(struct arena *a, const char *const *terms, size_t count);

/* ---- what has all the words that are being typed ---- */

/* The literal of a tsvector of a text without places, each term once; and each last character of a run of Han, by
 * which one character alone is found wherever it stands.  Of 65,536 characters all fit into a tsvector, which has 1 MB. */
char *terms_set(struct arena *a, const char *text);

/* Words of a query of which all must be there: the term, or what begins with `begins` (NULL: nothing does).  Of the
 * word at the end of the query its beginning is enough, and so it is of a single character of Han. */
struct terms_word {
	const char *term, *begins;
};
struct terms_wanted {
	struct terms_word words[TERMS_QUERY_MAX];
	size_t count;
};

/* The words of a query, each once; a word of several parts as a whole.  count 0: there is nothing to look for.  The
 * strings are in the arena. */
void terms_want(struct arena *a, const char *query, struct terms_wanted *out);

/* The literal of a tsquery that finds what terms_set() made of a text with all of them and with `also`, a term of the
 * caller's own: 'also' & 'a' & ('b' | 'bc':*). */
char *terms_all(struct arena *a, const struct terms_wanted *wanted, const char *also);

/* Where a word stands: bytes of the text, and which of those that are wanted it is. */
struct terms_place {
	size_t from, to, word;
};

/* The places of what is wanted in a text, in its order, at most `max` of them: how many.  They may overlap. */
size_t terms_find(
    struct arena *a, const char *text, const struct terms_wanted *wanted, struct terms_place *places, size_t max);

#endif
