/*
 * GET /v1/responses/{id}?stream=true&starting_after=N: a Responses stream that broke is read on, from any process.
 *
 * The journal tells it (engine/follow.h), which calls with an Idempotency-Key have.  What of the question the answer
 * must know (tools that take text, what a response repeats) is kept beside it:
 *
 *	{prefix}task:{id}:asked	the dialect's echo, or ""; as long as the journal
 *
 * Worker.
 */
#ifndef WEIR_RELAY_RESUME_H
#define WEIR_RELAY_RESUME_H

#include "core/request.h"
#include "engine/run.h"

/* Before a run that has a journal begins.  Without Redis it cannot be resumed, and goes on. */
void resume_keep(struct request *rq, const struct run *r);
/* Read on the caller's response of that id.  *found is false where none of that id has a journal.
 * E_INVALID_REQUEST a starting_after that is no number; errors as follow_begin(). */
enum status resume_begin(struct request *rq, const char *response_id, bool *found) MUST_CHECK;

#endif
