/*
 * GET /api/tasks/{task_id}/stream -- read a turn from where the connection was lost.
 *
 * in      Last-Event-ID (header, or last_event_id in the query): the id of the
 *	   last event seen; none: from the beginning
 * out     SSE as messages/stream: what is missing, then what comes, then the end
 *	   error "unauthenticated" without an id: the session is over; sign in and go on
 * errors  404 not the caller's task, 400 no position
 * note    works from any process, while the turn runs and after it ended; costs nothing
 * proof   tests/it/engine/test_resume.py
 */
#include "weir.h"

enum status
h_tasks_stream(struct request *rq)
{
	return follow_begin(rq, &kind_chat, path_uuid(rq, "task_id"), &wants_stream);
}
