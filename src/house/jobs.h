/* The kinds of job of this build, and what is done by the calendar: jobs.def, schedules.def. */
#ifndef WEIR_HOUSE_JOBS_H
#define WEIR_HOUSE_JOBS_H

#include "jobs/job.h"

/* For jobs_register(). */
extern const struct job_kind house_jobs[];
extern const struct schedule house_schedules[];

#endif
