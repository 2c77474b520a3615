/*
 * meaning -- what weir-demo takes a text to be about: words, their parts and the concepts they
 * name in Chinese and English, hashed to a vector. Texts that share them are near each other,
 * so that what stands on embeddings and rerankers can be tested for what it finds.
 *
 * The same text gives the same bits on every host: integers until one final scale. No I/O,
 * any thread.
 */
#ifndef WEIR_DEMO_MEANING_H
#define WEIR_DEMO_MEANING_H

#include <stddef.h>

enum {
	MEANING_DIMENSIONS = 512,
	MEANING_DIMENSIONS_MAX = 8192,
};

/* A vector of length 1 in `out`, of 1 to MEANING_DIMENSIONS_MAX numbers. `text` is
 * well-formed UTF-8. */
void meaning_vector(const char *text, size_t len, size_t dimensions, float *out);

/* The share of the query's words, 0-1, that are in the document; concepts count as words. */
double meaning_coverage(const char *query, const char *document);

#endif
