/*
 * Objects go from one place to the other: into the bucket, and back.
 *
 * One after the other: copy, look whether it is whole, change the row, and only then remove the
 * first copy.  Whoever is killed in between leaves a copy too many, never one too few; the next
 * one begins with the same object again.  Only towards [storage] driver: two that move against
 * each other would take away what the other has just put down.
 */
#ifndef WEIR_STORE_MOVE_H
#define WEIR_STORE_MOVE_H

#include "core/sweep.h"

struct store_moved {
	int64_t moved, bytes;
	int64_t absent; /* not on this host (or nowhere) */
	int64_t failed; /* damaged, or refused */
};

/* Move all that is not where [storage] driver says, for about max_ms (0: until it is done) and until `stopping` (may be NULL)
 * says so; `tell` (may be NULL) hears of progress.  Goes on with the next object after one that cannot be moved; E_UNAVAILABLE the bucket or
 * PostgreSQL does not answer, E_INTERNAL the bucket refuses us, E_STORAGE_FULL.  Waits for the bucket. */
enum status store_move(struct context *cx, int64_t max_ms, bool (*stopping)(void),
    void (*tell)(const struct store_moved *), struct store_moved *out) MUST_CHECK;

/* Sweep: with driver = s3, what came in on this host goes to the bucket; and what nobody uses any more is removed. */
enum status sweep_store(struct sweeper *s);

#endif
