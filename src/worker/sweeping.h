/*
 * The sweeps by the clock, on a thread of their own: the one of house/sweeps.def
 * that is due, one after the other.  Those that wait for providers have another
 * thread, so that a provider that says nothing holds up none of the rest.
 */
#ifndef WEIR_WORKER_SWEEPING_H
#define WEIR_WORKER_SWEEPING_H

#include <stdbool.h>

#include "base/conf.h"

struct process;
struct sweeping;

/* Run each sweep once, with connections of its own, until a signal to end is
 * pending.  Returns the exit status.  Main thread. */
int sweep_once(const struct conf *conf);

/* Start sweeping.  Main thread. */
struct sweeping *sweeping_start(struct process *p);
/* End after the piece of work at hand.  Any thread. */
void sweeping_stop(struct sweeping *w);
/* Has it ended?  Any thread. */
bool sweeping_ended(const struct sweeping *w);
/* Wait for the end and free; after sweeping_stop().  Main thread. */
void sweeping_free(struct sweeping *w);

/* PostgreSQL is away: when it is back, leave the living time to say so.  Holds
 * for whatever sweeps in this program.  Any thread. */
void sweeping_be_patient(void);

#endif
