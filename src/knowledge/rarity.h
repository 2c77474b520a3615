/*
 * How rare words are in the chunks of all bases, from PostgreSQL's statistics of kb_chunk.tsv: the
 * process reads them now and then and keeps them.  Any thread with a context.
 */
#ifndef WEIR_KNOWLEDGE_RARITY_H
#define WEIR_KNOWLEDGE_RARITY_H

#include <stddef.h>

#include "core/context.h"

/* The share of the chunks that each of `n` terms is in, 0 for one that is rarer than what the
 * statistics name, or while there are none.  Errors as pg_query's. */
enum status rarity_shares(struct context *cx, const char *const *terms, size_t n, double *shares) MUST_CHECK;

#endif
