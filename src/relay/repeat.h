/*
 * Repeats that no Idempotency-Key tells of.  Claude Code, when a stream breaks, asks the
 * same once more without "stream", and with another max_tokens: same API key, same
 * session, the same of everything else.  While the first is kept (run.h), the second is
 * given its answer; one call, charged once.
 *
 *	{prefix}repeat:{hash}	the task whose reader has left; [stream] resume_window
 *
 * Worker.
 */
#ifndef WEIR_RELAY_REPEAT_H
#define WEIR_RELAY_REPEAT_H

#include "core/request.h"
#include "engine/reader.h"

/* The key in Redis of what is asked, in the request's arena; NULL: a client that repeats
 * nothing so, or says by an Idempotency-Key what it repeats. */
const char *repeat_key(struct request *rq);
/* A call with that key (NULL: none) whose reader has left, and that goes on or was
 * answered: *joined, and `rq` follows it.  Errors as follow_begin(). */
enum status repeat_join(struct request *rq, const char *key, const struct reader_wants *wants, bool *joined) MUST_CHECK;

#endif
