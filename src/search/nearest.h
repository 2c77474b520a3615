/*
 * The codes of vectors (search/vector.h) in memory, and those that differ least from one: all
 * are looked at, so none is missed.  100,000 of 512 bits take about a millisecond.  Pure, any thread.
 */
#ifndef WEIR_SEARCH_NEAREST_H
#define WEIR_SEARCH_NEAREST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Words of a code of `dims` bits. */
static inline size_t
nearest_words(size_t dims)
{
	return (dims + 63) / 64;
}

/* A code of `dims` characters '0' and '1' as words, the rest of the last 0; false: it is none. */
bool nearest_pack(const char *bits, size_t dims, uint64_t *out);

/* The places of the `limit` (or all, if these are fewer) of `count` codes that differ least from `code`, in
 * which[], least first; of equal ones those that come first.  codes: one after the other, as
 * `code` of `words` words, at most 1023.  How many. */
size_t nearest_codes(
    const uint64_t *code, const uint64_t *codes, size_t count, size_t words, size_t limit, size_t *which);

#endif
