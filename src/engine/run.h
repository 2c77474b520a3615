/*
 * A run: a task at work.  A call, the answer that comes of it, who reads it, the
 * journal, and the way to the end.
 *
 *	OPENED ──► RUNNING ──► SETTLING ──► ended (freed)
 *
 * move() in run.c is the only place that changes it, end() the only way into
 * SETTLING.  While RUNNING the call has states of its own: call.h.
 */
#ifndef WEIR_ENGINE_RUN_H
#define WEIR_ENGINE_RUN_H

#include "core/guard.h"
#include "core/process.h"
#include "core/work.h"
#include "engine/answer.h"
#include "engine/call.h"
#include "engine/flight.h"
#include "engine/journal.h"
#include "engine/kind.h"
#include "engine/reader.h"
#include "engine/task.h"
#include "limits/leases.h"

enum run_state {
	RUN_OPENED,   /* made by a worker, not yet on the reactor */
	RUN_RUNNING,  /* the call is at work */
	RUN_SETTLING, /* a worker settles it */
};

struct run {
	struct run *next, **prev; /* in the engine's table */
	struct run *next_unsettled;
	struct process *process;
	const struct kind *kind;
	void *own; /* the kind's */
	enum run_state state;
	struct arena *arena; /* small, for the run's life */

	struct task task;
	/* of one that took its ceiling from an allowance: such a run has no row in tasks,
	 * and no journal but its flight record.  Both NULL: it has a hold of its own. */
	struct allowance *allowance;
	struct flight *flight;
	struct lease *lease;
	struct guard guard; /* whose session it was */
	struct call call;
	struct answer answer;
	struct reader reader;
	struct journal journal;

	const char *start_json; /* of the start event; where the call's `prep` is */
	const char *request_id, *trace_id;
	/* It may be asked for once more: its end says all of the answer, for the journal. */
	bool is_repeatable;
	const char *repeat_key; /* in Redis: names this task when its reader has left; NULL: none */
	int64_t prompt_tokens;	/* our estimate */
	int64_t started_us, first_content_us;
	struct reactor_timer *timer; /* run_wake()'s; NULL: it was not called yet */
	bool reader_left;	     /* reactor's */

	/* the end */
	enum outcome outcome;
	bool is_unread;	    /* who asked had left by then; read while it is settled, as all of these */
	enum status why;    /* OK, or what went wrong */
	const char *detail; /* for the log; in arena, NULL: none */
	struct usage usage;
	const char *task_status;
	char *end_json; /* terminal event, malloc'ed by who settles */
	bool settle_failed;
	const char *details; /* of its bill, as text, once it was made (round.c) */
};

/* A run of that kind, for a request; the caller fills task, call and own.  Worker. */
struct run *run_new(struct request *rq, const struct kind *kind, const struct reader_wants *wants);
/* Free one that is in no list and has no transfer, lease or reader.  NULL is fine. */
void run_free(struct run *r);
/* The task is open: give the request's arena to the call and let the reactor
 * carry the run: the last word of a handler.  Worker. */
void run_hand_over(struct request *rq, struct run *r);

/* The live run of that task in this process, or NULL.  Reactor. */
struct run *run_find(struct process *p, const char *task_id);
/* Stop it: upstream at once, then settlement, then the terminal event.
 * E_CANCELLED ends it as cancelled, anything else as failed with that code.  No
 * effect on one that is settling.  Reactor. */
void run_stop(struct run *r, enum status why);
/* Is what comes delivered as it comes, be it to the database?  Any thread. */
bool run_delivers(const struct run *r);
/* The settlement is done: tell everybody, free.  Reactor. */
void run_settled(struct run *r);

#endif
