/*
 * Joining a run from outside: GET /api/tasks/{id}/stream after a lost
 * connection, and an Idempotency-Key used again while its task runs.
 *
 * A follower reads the run's journal in Redis, from any process; when the
 * journal is gone or the task has ended, PostgreSQL tells the rest.
 */
#ifndef WEIR_ENGINE_FOLLOW_H
#define WEIR_ENGINE_FOLLOW_H

#include "core/request.h"
#include "engine/kind.h"
#include "engine/reader.h"

/* Make `rq` a reader of the caller's task of that kind, from its Last-Event-ID
 * header (or `last_event_id` in the query) on.  E_NOT_FOUND, also for NULL and
 * other people's; E_INVALID_REQUEST for a malformed position; E_OVERLOADED.  Worker. */
enum status follow_begin(
    struct request *rq, const struct kind *kind, const char *task_id, const struct reader_wants *wants) MUST_CHECK;

#endif
