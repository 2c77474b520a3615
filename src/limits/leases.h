/*
 * Leases: the reactor's list of the slots its streams occupy.
 *
 * Every third of conf->limits_slot_lease all of them are renewed by one
 * pipelined batch.  A renewal only prolongs what is there; what is missing
 * (FLUSHALL, a restart, a turn opened without Redis) is registered again by a
 * second call that is void if it reaches Redis late, so that a lease which has
 * ended meanwhile never comes back to life.
 *
 * An agent's turn that finds its conversation locked by another task has been
 * fenced off: `lost` is called, the stream must stop and settle what it has.
 *
 * Reactor thread for everything here.
 */
#ifndef WEIR_LIMITS_LEASES_H
#define WEIR_LIMITS_LEASES_H

#include "core/process.h"
#include "limits/slots.h"

struct lease;

/* Called at most once, never from within lease_start(); the lease stays the
 * caller's to end, there or later. */
typedef void lease_lost_fn(void *arg);

/* Keep `holder` (copied) alive until lease_end().  `lost` may be NULL. */
struct lease *lease_start(struct process *process, const struct slot_holder *holder, lease_lost_fn *lost, void *arg);
/* Give the slots back with one asynchronous call, tried again at the next
 * renewals while Redis is away.  NULL is fine. */
void lease_end(struct lease *lease);
/* Leases alive in this process: for /status. */
size_t leases_count(const struct process *process);
/* Free the registry at shutdown, after redis_async_free() and before
 * reactor_free(); leases still in it are forgotten, not released. */
void leases_free(struct process *process);

#endif
