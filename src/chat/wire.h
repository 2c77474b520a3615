/*
 * Weir's own dialect: how the page, and whoever uses /api, is told an answer.
 *
 *	{"type":"start","data":{model, task_id, conversation_id, title, user_message, assistant_message_id}}
 *	{"type":"content"|"reasoning","data":{"text"}}	id: the position after it
 *	{"type":"done"|"error"|"cancelled","data":{…}}	id: position-1
 *	[DONE]
 *
 * A reader who may no longer listen gets an error without an id and without more
 * data than {code, message}.
 */
#ifndef WEIR_CHAT_WIRE_H
#define WEIR_CHAT_WIRE_H

#include <jansson.h>

#include "engine/task.h"
#include "wire/dialect.h"

extern const struct dialect dialect_weir;

/* How a turn ended. */
struct turn_end {
	const char *task_id;
	enum outcome outcome;
	enum status why; /* OUTCOME_FAILED: what went wrong */
	enum lang lang;
	json_t *message; /* message_json(); the reference is taken over; may be JSON null */
	int64_t charged_ucr, balance_ucr;
	struct usage usage;
	int64_t first_token_ms; /* 0: not known, or there was none */
	const char *finish;	/* "stop", "length" …; NULL: not known */
};

/* Its terminal event on one line; free() it.  Made by the owner when it settles,
 * by the reaper when the owner died, and from the database for those who ask
 * later.  Any thread. */
char *turn_end_json(const struct turn_end *e);

#endif
