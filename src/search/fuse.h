/*
 * What vectors found and what words found, as one list: coverage fusion.
 *
 *	score = w · minmax(cosine, over all) + (1 - w) · coverage
 *	coverage = lexical / Σ idf of all terms asked for; what it has beyond 1 counts two fifths, to 1.2
 *
 * The share of the words is small when few of them occur (questions, another language), and
 * large for exact strings.  Pure, any thread.
 */
#ifndef WEIR_SEARCH_FUSE_H
#define WEIR_SEARCH_FUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One chunk that was found, by either leg or both. */
struct hit {
	int64_t chunk;	      /* the caller's: its id */
	const char *document; /* compared as a string */
	int ord;	      /* of the chunk in its document */
	int tokens;
	bool has_cosine; /* it has a vector, whichever leg found it */
	float cosine;
	double lexical; /* Σ idf · ts_rank / (1 + ln tokens) over the terms; 0: no term is in it */
	double score;	/* what fuse_order() made of them: 0 to a little more than 1 */
	void *more;	/* the caller's */
};

struct fuse_rules {
	double weight;	  /* of the vectors, 0-1; below 0: .45 */
	double idf_total; /* of every term asked for, unknown ones too; 0: no terms */
	int results;	  /* 0: 8 */
	int per_document; /* 0: 3 */
	int token_budget; /* 0: none.  The first is always taken */
};

/* Score `count` hits and sort them, best first; equal ones by document and place. */
void fuse_order(struct hit *hits, size_t count, const struct fuse_rules *rules);

/* Of ordered hits keep those to be given, moved to the front in their order: how many. */
size_t fuse_take(struct hit *hits, size_t count, const struct fuse_rules *rules);

/*
 * Chunks next to each other in a document, as one passage: which[i] is the place among the
 * passages of hit i, in the order of each passage's best hit.  How many passages.
 */
size_t fuse_neighbours(const struct hit *hits, size_t count, size_t *which);

#endif
