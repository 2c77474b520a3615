/*
 * GET /api/events -- the caller's task, balance, message, conversation and
 * notification events as they happen, over SSE.
 *
 * out     200 text/event-stream: {"type":"task"|"balance"|"message"|
 *         "conversation"|"notification","data":{…}}, and {"type":"resync"} when
 *         events may have been missed: look again
 * errors  429 too many open streams of this user; 503 overloaded
 * note    ends after auth.access_ttl and on reload: come back with a fresh token
 * proof   tests/it/engine/test_events.py
 */
#include "weir.h"

enum status
h_events_stream(struct request *rq)
{
	return event_stream_open(rq);
}
