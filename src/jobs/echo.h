/* A job that does nothing: by it one sees that a worker takes jobs, and how fast. */
#ifndef WEIR_JOBS_ECHO_H
#define WEIR_JOBS_ECHO_H

#include "jobs/job.h"

/* Kind echo. */
enum status j_echo(struct context *cx, struct job *job);

#endif
