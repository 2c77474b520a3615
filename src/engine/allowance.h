/*
 * Allowances: what this process holds for accounts, so that a relayed call takes
 * its ceiling from memory, with no query before it.
 *
 *	take   reserve a ceiling; where there is no room one worker fills	worker
 *	back   the call is settled: the reservation ends			worker
 *	leave  and so does the run						reactor
 *	tick   what is idle goes back, at once where somebody asks for it	reactor
 *
 * The rows and the rules stand in migrations/functions/allowances.sql.  Only an
 * account with calls in quick succession gets one; filled by what was reserved at
 * once lately, never above a small share of the balance, and near the end of the
 * balance, a budget or a quota not at all: then each call takes a hold of its own.
 *
 * The lease is the process' heartbeat.  A process that could not beat takes from
 * none: others may have given them back.
 */
#ifndef WEIR_ENGINE_ALLOWANCE_H
#define WEIR_ENGINE_ALLOWANCE_H

#include "core/process.h"
#include "core/request.h"

struct allowance;
struct allowances;

/* Who takes: the user, or the key where it has a budget (else NULL); of a group that
 * flight_fits(): another group may have a budget. */
struct allowance_ask {
	const char *user_id, *key_id, *group;
	int64_t ceiling_ucr;
};

/* Reserve a ceiling, asking PostgreSQL where it must.  NULL: take a hold.  Worker. */
struct allowance *allowance_take(struct context *cx, const struct allowance_ask *ask);
const char *allowance_id(const struct allowance *a);
/* Does a budget or quota stand behind it? */
bool allowance_limited(const struct allowance *a);
/* Calls of it that are under way, this one included.  Any thread. */
int64_t allowance_calls(struct process *p, const struct allowance *a);
/* A reservation ends; `taken_ucr` of the allowance was used up for good.  `live`
 * false: nobody knows what is left of it, so nobody takes from it.  Any thread. */
void allowance_back(struct process *p, struct allowance *a, int64_t ceiling_ucr, int64_t taken_ucr, bool live);
/* The call is gone: `a` may not be used after this.  Any thread. */
void allowance_leave(struct process *p, struct allowance *a);
/* Tell the user's pages of the balance, now and then.  Reactor. */
void allowance_tell(struct process *p, struct allowance *a, int64_t balance_ucr);

/* Give back what this process holds idle for the caller; true: something was.  Worker. */
bool allowances_give_ours(struct context *cx);

/* Give the process its allowances, and its flight record.  Main thread, before process_start(). */
void allowances_new(struct process *p);
/* The process leaves: give all of them back.  Main thread, before its heartbeat ends. */
void allowances_farewell(struct process *p);
void allowances_free(struct process *p);

#endif
