/* The insides of the engine, for this folder only. */
#ifndef WEIR_ENGINE_PRIVATE_H
#define WEIR_ENGINE_PRIVATE_H

#include "engine/engine.h"
#include "engine/run.h"

#define RUN_BUCKETS 4096

struct follower;

/* What of a process is the engine's.  Reactor. */
struct engine {
	struct run *runs[RUN_BUCKETS]; /* live ones, by task id */
	size_t n_runs;
	struct run *unsettled, **unsettled_tail; /* those that wait to be settled: settle.c */
	size_t n_unsettled, settle_rounds;
	struct run *unjournaled;    /* those with text the journal has not seen: journal.c */
	struct follower *followers; /* follow.c */
	struct reactor_timer *journal_timer, *follow_timer;
	struct redis_subscription *aborts, *asked;	     /* asked: allowance.c */
	struct reactor_timer *allowance_timer, *round_timer; /* round_timer: settle.c */
	int64_t round_ms;				     /* when the last round began, by clock_mono_ms() */
};

/* engine.c */
void table_add(struct engine *e, struct run *r);
void table_remove(struct engine *e, struct run *r);
/* The task ids of live runs, as PostgreSQL writes an array; NULL: none.  The caller's. */
char *table_list(const struct engine *e);

/* run.c.  Come back to a run after a while: its reader has left, or its settlement
 * takes long. */
void run_wake(struct run *r, int64_t ms);

/* settle.c.  What a run used goes into r->usage; its cost.  A failure is paid for as far
 * as something was delivered. */
int64_t run_use(struct run *r);
/* Settle `r`, with others that have ended; run_settled() follows,
 * however often it takes. */
void settle_soon(struct run *r);
/* Do not wait for the round that is at work: from the timer of a run that waits. */
void settle_hurry(struct process *p);
/* Calls were gathered long enough: by the engine's timer. */
void settle_gathered(void *process);
/* Settle one whose owner died, from weir-worker: r->task_status and end_json are
 * set when it was done; NULL: another was first, or its owner lives after all. */
enum status settle_dead(struct context *cx, struct run *r) MUST_CHECK;

/* follow.c: look at what is followed, by the engine's timer; end them all. */
void followers_tick(void *process);
void followers_stop_all(struct process *p);

#endif
