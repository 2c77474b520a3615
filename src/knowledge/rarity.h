/*
 * How rare words are in the chunks of all bases, from PostgreSQL's statistics of kb_chunk.tsv: the
 * process reads them now and then and keeps them.  The word of a base (kb_lexeme()) is one of them.  Any thread with a context.
 */
#ifndef WEIR_KNOWLEDGE_RARITY_H
#define WEIR_KNOWLEDGE_RARITY_H

#include <stddef.h>
#include <stdint.h>

#include "core/context.h"

/* The share of the chunks that each of `n` terms is in, 0 for one that is rarer than what the
 * statistics name, or while there are none.  Errors as pg_query's. */
enum status rarity_shares(struct context *cx, const char *const *terms, size_t n, double *shares) MUST_CHECK;

/* About how many chunks each of `n` bases has, where these are more than `least`; else 0: fewer,
 * or not known.  To count those of a large base would take longer than to search it.  Errors as pg_query's. */
enum status rarity_chunks(
    struct context *cx, const char *const *kb_ids, size_t n, int64_t least, int64_t *chunks) MUST_CHECK;

#endif
