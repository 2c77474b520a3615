/*
 * A task: who pays, what is held, which slots, until it is settled.  A plain
 * value beside its row in table tasks; it knows nothing of models and HTTP.
 */
#ifndef WEIR_ENGINE_TASK_H
#define WEIR_ENGINE_TASK_H

#include <stdint.h>

#include "base/ids.h"
#include "ledger/price.h"
#include "limits/slots.h"

/* How a task ended. */
enum outcome { OUTCOME_COMPLETED, OUTCOME_FAILED, OUTCOME_CANCELLED };

struct task {
	char id[UUID_LEN];
	char user_id[UUID_LEN];
	int64_t hold_ucr;
	struct slot_holder slots;

	/* as of the last word of the database */
	int64_t balance_ucr, held_ucr; /* the user's; held: for all tasks */
	int64_t charged_ucr;
};

/* "completed", "failed", "cancelled": the status of the row. */
const char *outcome_name(enum outcome outcome);
/* The outcome of a row's status; OUTCOME_FAILED for anything unknown. */
enum outcome outcome_parse(const char *task_status);

#endif
