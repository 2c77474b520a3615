/* The jobs that have ended are forgotten in time. */
#ifndef WEIR_JOBS_PRUNE_H
#define WEIR_JOBS_PRUNE_H

#include "jobs/job.h"

/* Kind prune_jobs: removes what was done an hour ago, or died or was cancelled 30 days ago. */
enum status j_prune_jobs(struct context *cx, struct job *job);

#endif
