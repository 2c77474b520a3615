/*
 * A round: calls that took from allowances, settled together by one SQL call
 * (relay_round() in migrations/functions/allowances.sql).  The same for a process
 * that settles its own and for who settles a dead one's.
 */
#ifndef WEIR_ENGINE_ROUND_H
#define WEIR_ENGINE_ROUND_H

#include "engine/task.h"
#include "io/pg.h"
#include "wire/wire.h"

struct run;
struct worker;

#define ROUND_MAX 64 /* calls */

/* One call, as it ended.  Strings are borrowed; NULL and 0: not known. */
struct round_call {
	const char *call_id, *allowance_id, *user_id, *key_id, *user_group, *request_id;
	enum outcome outcome;
	enum status why;
	struct usage usage;
	struct wire_usage told;
	int64_t cost_ucr, overrun_ucr; /* cost: at most its ceiling */
	bool limited;
	int64_t model_id, channel_id;
	const char *model, *channel, *provider;
	int64_t latency_ms, first_token_ms;
	const char *details; /* JSON (details.h); NULL: nothing */
};

/* Settle them, all limited or none, which does no harm when done twice.  A row for each, in their order:
 * settled, charged, balance, taken, live.  Errors as pg_query's. */
enum status round_run(struct pg *pg, const struct round_call *calls, size_t n, struct rows **rows) MUST_CHECK;
/* Settle runs of this process: each is told what it was charged, and gives back what
 * it had of its allowance and of the flight record.  Worker. */
enum status round_settle(struct worker *w, struct run *const *runs, size_t n) MUST_CHECK;

#endif
