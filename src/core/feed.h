/*
 * GET /api/events: a user's events (core/events.h) as an SSE stream.
 *
 * One per open page.  It ends after conf->auth_access_ttl, so that the page
 * comes back with a fresh token; within seconds when its session is revoked or
 * its user disabled; and at once when the process drains, so that the page
 * comes back to another.  A reader that does not keep up loses events and is
 * told so: {"type":"resync","data":{}}, as after every gap in Redis.
 */
#ifndef WEIR_CORE_FEED_H
#define WEIR_CORE_FEED_H

#include "core/process.h"
#include "core/request.h"

/* Make `rq` an event stream of its caller.  E_RATE_LIMITED: as many as
 * conf->limits_event_streams are open in this process; E_OVERLOADED.  Worker. */
enum status event_stream_open(struct request *rq) MUST_CHECK;
/* End all of the process: at the beginning of a drain, and, of those that came
 * since, before redis_async_free().  Reactor. */
void event_streams_stop_all(struct process *p);

#endif
