/*
 * A job: work that is done later, by weir-worker, at least once.  It is a row of
 * table jobs, written in the transaction that wants the work (jobs/queue.h), and a
 * function that does it.
 *
 * The function is straight code on a thread of its own and may wait for whatever it
 * likes.  It returns OK when the work is done, or when there is more to come and
 * it said job_again(); any other status is a try that failed: the job comes again by
 * the row of its kind, and when its tries are used up it is dead, for somebody to
 * look at.  Its process may be killed at any moment, and then the job begins anew: what
 * must not happen twice the function makes sure of in the database.
 *
 * TO ADD A KIND: 1. write its function, in the room whose work it is; 2. a row in
 * house/jobs.def, and if it is done by the calendar in house/schedules.def; 3. test
 * it in tests/it.
 */
#ifndef WEIR_JOBS_JOB_H
#define WEIR_JOBS_JOB_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ids.h"
#include "core/context.h"

struct job {
	char id[UUID_LEN];
	const struct job_kind *kind;
	const json_t *payload; /* an object */
	const char *secret;    /* what was sealed with it, opened; NULL: nothing */
	const char *user_id;   /* NULL: the system's */
	int attempt;	       /* from 1 */

	/* what the function says */
	bool again, hopeless;
	int64_t again_ms;

	atomic_bool stop; /* set by the runner */
};

/* A kind of job: a row of house/jobs.def. */
struct job_kind {
	const char *name;
	enum status (*run)(struct context *cx, struct job *job);
	int tries;
	int64_t first_pause_ms, longest_pause_ms; /* before the second try, and before any */
	int64_t lease_ms;			  /* for so long nobody takes it from an owner that is alive */
	int at_once;				  /* over all workers */
};

/* What is done by the calendar: a row of house/schedules.def. */
struct schedule {
	const char *name, *cron, *kind;
};

/* What there is; each ends with a row without name.  The program hands them over at
 * start, on the main thread. */
void jobs_register(const struct job_kind *kinds, const struct schedule *schedules);
/* All of them. */
const struct job_kind *job_kinds(void);
const struct schedule *job_schedules(void);
/* NULL: no kind of that name. */
const struct job_kind *job_kind_find(const char *name);

/* There is another step: come back after a while, with all tries.  Returns OK, so that
 * functions write `return job_again(job, 3000);`. */
enum status job_again(struct job *job, int64_t ms);
/* Another try would not help: it is dead when this try fails.  Returns `st`. */
enum status job_give_up(struct job *job, enum status st);
/* Should it end between two steps?  Somebody asked for it, it is no more this process',
 * or the process ends.  Any thread. */
bool job_stopping(const struct job *job);

#endif
