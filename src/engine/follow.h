/*
 * Joining a turn from outside: GET /api/tasks/{id}/stream after a lost
 * connection, and an Idempotency-Key used again while its task runs.
 *
 * A follower reads the turn's journal in Redis, from any process; when the
 * journal is gone or the turn has ended, PostgreSQL tells the rest.
 */
#ifndef WEIR_ENGINE_FOLLOW_H
#define WEIR_ENGINE_FOLLOW_H

#include "core/process.h"
#include "engine/reader.h"
#include "core/request.h"

/* Make `rq` a reader of the caller's task, from its Last-Event-ID header (or
 * `last_event_id` in the query) on.  E_NOT_FOUND, also for NULL and other
 * people's; E_INVALID_REQUEST for a malformed position; E_OVERLOADED.  Worker. */
enum status follow_begin(struct request *rq, const char *task_id, enum reader_wire wire) MUST_CHECK;
/* Look at the journals of everything that is followed.  Reactor, by a timer. */
void followers_tick(void *process);
/* End every follower so that its client comes back to another process.  Reactor. */
void followers_stop_all(struct process *p);

#endif
