/*
 * What does the jobs, in weir-worker: a thread that takes what is due, as much as
 * there are workers free, and the process' workers, which do it.
 *
 *	runner	takes (a NOTIFY wakes it, else it looks each second), tells the
 *		calendar that time passes, extends the leases of what runs
 *	worker	runs the function of the kind, ends the job by what it says
 */
#ifndef WEIR_JOBS_RUNNER_H
#define WEIR_JOBS_RUNNER_H

#include <stdbool.h>

#include "core/process.h"

struct runner;

/* Start taking jobs.  Main thread, when the process has started. */
struct runner *runner_start(struct process *p);
/* Take no more.  Any thread. */
void runner_stop(struct runner *r);
/* Has all that was taken ended?  After runner_stop().  Any thread. */
bool runner_idle(struct runner *r);
/* Tell what runs to stop.  Any thread. */
void runner_cut(struct runner *r);
/* Wait until all that was taken has ended, which takes workers.  After runner_stop().  Main thread. */
void runner_join(struct runner *r);
/* Free it when no worker is left.  Main thread. */
void runner_free(struct runner *r);

#endif
