/*
 * The tasks of processes that died.  What was delivered is in the journal:
 * nothing delivered is refunded in full; something delivered is charged by an
 * estimate of its tokens and the prompt's, never more than the hold.  A
 * generation that was paid for is never run again.
 *
 * The kind's SQL decides, once, and only while the owner is dead; everything
 * after it (terminal event, slots, notices) only tells others.
 */
#ifndef WEIR_ENGINE_REAP_H
#define WEIR_ENGINE_REAP_H

#include "core/sweep.h"
#include "engine/kind.h"

/* The kinds that can be reaped; NULL-terminated.  Main thread, at start. */
void kinds_register(const struct kind *const *all);
/* The kind of that tasks.type, or NULL. */
const struct kind *kind_find(const char *name);
/* Settle what died: a sweep. */
enum status reap(struct sweeper *s);

#endif
