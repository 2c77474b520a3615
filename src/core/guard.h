/*
 * What must not outlive the session or the API key that began it: event streams, runs,
 * trials, readers that follow one.  While anything is guarded, a worker looks every few
 * seconds which of them are revoked, or belong to a user who is disabled, and
 * whatever hangs on one of those is told.  A key that expires ends nothing that runs.  With the database's word only: while
 * PostgreSQL is away nothing is over.
 */
#ifndef WEIR_CORE_GUARD_H
#define WEIR_CORE_GUARD_H

#include "core/context.h"
#include "core/process.h"

/* Part of what it guards; zero: guards nothing. */
struct guard {
	struct guard *next, **at; /* in the process' list; at NULL: in none */
	void (*on_over)(void *arg);
	void *arg;
	char id[UUID_LEN]; /* of a session or a key */
	bool of_key;
};

/* On whose session or key it hangs; nobody's: on nothing.  Any thread, before guard_set(). */
void guard_init(struct guard *g, const struct principal *caller);
/* Call on_over(arg), once, when that session or key is over; no effect without one.
 * The guard is off by then, so that on_over may free what holds it.  Reactor. */
void guard_set(struct process *p, struct guard *g, void (*on_over)(void *arg), void *arg);
/* Guard no longer; one that is off may be.  Reactor. */
void guard_off(struct guard *g);
/* Free what the process keeps for it, when nothing is guarded any more. */
void guards_free(struct process *p);

#endif
