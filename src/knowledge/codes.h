/*
 * The codes of large spaces, kept by the process, so that a search does not read 100,000 rows to
 * find the 400 nearest.  They are read from PostgreSQL once; what came since, told by the batch of
 * the space, is read by each search before it looks.  What was deleted is still found here: the
 * caller looks its chunks up, and forgets a space of which many are gone.
 *
 * About 8 bytes and a bit for each number of a vector, for each chunk: 7 MB for 100,000 of 512.
 * Any worker thread with a context.
 */
#ifndef WEIR_KNOWLEDGE_CODES_H
#define WEIR_KNOWLEDGE_CODES_H

#include "core/context.h"

enum {
	CODES_LEAST = 5000,   /* chunks of a space for which it is worth while */
	CODES_MOST = 1000000, /* more are searched in PostgreSQL */
};

/* The chunks of the space whose codes differ least from `bits` ('0' and '1', as many as the space has `dims`), at
 * most `limit`, in the arena.  batch: kb_space.batch, as it was read for this search.  *found false:
 * another thread is reading them just now, or they are too many: PostgreSQL is to be asked.
 * Errors as pg_query's. */
enum status codes_nearest(struct context *cx, int64_t space_id, int64_t batch, const char *bits, size_t dims,
    size_t limit, bool *found, int64_t **chunks, size_t *n) MUST_CHECK;

/* Read them anew when they are wanted next, unless that was done within a minute. */
void codes_forget(int64_t space_id);

#endif
