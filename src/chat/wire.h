/*
 * How a turn ended, as the terminal event of its stream: made by the owner when
 * it settles, by the sweeper when the owner died, and from the database for
 * those who ask later.  Any thread.
 */
#ifndef WEIR_CHAT_WIRE_H
#define WEIR_CHAT_WIRE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum turn_outcome { OUTCOME_COMPLETED, OUTCOME_FAILED, OUTCOME_CANCELLED };

struct turn_end {
	const char *task_id;
	enum turn_outcome outcome;
	enum status why; /* OUTCOME_FAILED: what went wrong */
	enum lang lang;
	json_t *message; /* message_json(); the reference is taken over; may be JSON null */
	int64_t charged_ucr, balance_ucr;
	int64_t input_tokens, output_tokens;
	bool estimated;
	const char *finish; /* "stop", "length" …; NULL: not known */
};

/* {"type":"done"|"error"|"cancelled","data":{…}} on one line; free() it. */
char *turn_end_json(const struct turn_end *e);
/* "completed", "failed", "cancelled": the task's status. */
const char *turn_outcome_name(enum turn_outcome outcome);
/* The outcome of a task's status; OUTCOME_FAILED for anything unknown. */
enum turn_outcome turn_outcome_parse(const char *task_status);

#endif
