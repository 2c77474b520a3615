/*
 * The nearest vectors of a large space by an index of pgvector, where that is installed and weirctl kb pgvector has
 * built one (functions/knowledge.sql): in place of the codes (codes.h), for bases of [knowledge] pgvector_chunks or more.
 */
#ifndef WEIR_KNOWLEDGE_PGVECTOR_H
#define WEIR_KNOWLEDGE_PGVECTOR_H

#include "core/context.h"

/* The chunks of the space whose vectors are nearest to `query`, both less the space's mean, at most `limit`, in the
 * arena.  *found false: there is no such index, or it does not work, which the log says: it is
 * never required.  Worker, not in a transaction. */
void pgvector_nearest(struct context *cx, int64_t space_id, const float *query, const float *mean, size_t dims,
    size_t limit, bool *found, int64_t **chunks, size_t *n);

#endif
