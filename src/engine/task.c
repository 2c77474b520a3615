#include "engine/task.h"

#include <string.h>

static const char *const names[] = { "completed", "failed", "cancelled" };

const char *
outcome_name(enum outcome outcome)
{
	return names[outcome];
}

enum outcome
outcome_parse(const char *task_status)
{
	for (int i = 0; i < 3; i++)
		if (task_status != NULL && strcmp(task_status, names[i]) == 0)
			return (enum outcome)i;
	return OUTCOME_FAILED;
}
