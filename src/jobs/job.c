#include "jobs/job.h"

#include <string.h>

static const struct job_kind no_kinds[1];
static const struct schedule no_schedules[1];
static const struct job_kind *kinds = no_kinds;
static const struct schedule *schedules = no_schedules;

void
jobs_register(const struct job_kind *all_kinds, const struct schedule *all_schedules)
{
	kinds = all_kinds;
	schedules = all_schedules;
}

const struct job_kind *
job_kinds(void)
{
	return kinds;
}

const struct schedule *
job_schedules(void)
{
	return schedules;
}

const struct job_kind *
job_kind_find(const char *name)
{
	for (const struct job_kind *k = kinds; k->name != NULL; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

enum status
job_again(struct job *job, int64_t ms)
{
	job->again = true;
	job->again_ms = ms;
	return OK;
}

enum status
job_give_up(struct job *job, enum status st)
{
	job->hopeless = true;
	return st;
}

bool
job_stopping(const struct job *job)
{
	return atomic_load(&job->stop);
}
