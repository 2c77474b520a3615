/* What an operator wants to see first: who is there, what is kept, and what is still to be set up. */
#ifndef WEIR_OPS_OVERVIEW_H
#define WEIR_OPS_OVERVIEW_H

#include <stdint.h>

#include <jansson.h>

#include "core/context.h"

/*
 * *out, which is the caller's: {days, users, active_users, objects, stored_bytes, setup: {…}}.  Active is who used
 * something in the last `days` days, today included, as far as usage is summed up (usage_hours); stored_bytes is of
 * what is kept once.  `setup` is the state itself, not what somebody ticked off.  Errors: the database.  Worker.
 */
enum status overview(struct context *cx, int64_t days, json_t **out) MUST_CHECK;

#endif
