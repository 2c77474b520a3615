/*
 * Submitting jobs.  A job that is submitted in a transaction is there when that
 * commits, and not otherwise; it wakes a worker at once.
 */
#ifndef WEIR_JOBS_QUEUE_H
#define WEIR_JOBS_QUEUE_H

#include "jobs/job.h"

struct job_ask {
	const char *kind;	/* a row of house/jobs.def */
	json_t *payload;	/* an object without secrets, or NULL; the reference is taken over */
	const char *secret;	/* what nobody may read: sealed in the database; NULL: nothing */
	const char *unique_key; /* while a job of the kind lives with it, there is no second; NULL: as many as come */
	const char *user_id;	/* whose business it is; NULL: the system's */
	int64_t delay_ms;
	int priority; /* higher is taken first; 0 is usual */
};

/* Queue it.  `id` (may be NULL) is its id, or that of the one that is there already.
 * E_UNAVAILABLE (also: the secret cannot be sealed), E_INTERNAL.  Worker. */
enum status job_submit(struct context *cx, const struct job_ask *ask, char id[UUID_LEN]) MUST_CHECK;

#endif
