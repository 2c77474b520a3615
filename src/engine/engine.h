/*
 * The engine: what runs in a process, from the gate to the settlement.
 *
 *	gate.c     in: slots, one transaction, a task               worker
 *	run.c      while: the call's content to reader and journal  reactor
 *	call.c     candidates, tries, deadlines of the upstream     reactor
 *	settle.c   out: what was used, what it costs, one            worker
 *		   transaction for all that end together
 *	follow.c   others who read along, or come back              reactor
 *	reap.c     the tasks of processes that died                 weir-worker
 *
 * A run belongs to one thread at a time and passes as a whole.
 */
#ifndef WEIR_ENGINE_ENGINE_H
#define WEIR_ENGINE_ENGINE_H

#include "core/process.h"

/* Give the process an engine, and the heartbeat somebody to ask for.  Reactor
 * thread, before process_start(). */
void engine_new(struct process *p);
/* Free it; after redis_async_free(), when the last run and the workers have ended.
 * Reactor thread. */
void engine_free(struct process *p);
/* Live runs of the process.  Reactor. */
size_t engine_runs(const struct process *p);
/* Is somebody still following a stream?  Reactor. */
bool engine_followed(const struct process *p);
/* The drain's deadline: stop every run, so that its readers get a typed end, and
 * send away who follows others'.  Reactor. */
void engine_stop_all(struct process *p);

#endif
