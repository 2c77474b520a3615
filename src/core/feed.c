#include "core/feed.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/events.h"
#include "core/guard.h"
#include "core/sink.h"
#include "io/reactor.h"
#include "io/redis.h"

static const char resync[] = "{\"type\":\"resync\",\"data\":{}}";

struct event_stream {
	struct event_stream *next, **at; /* in the process' list */
	struct process *process;
	struct sink *sink;
	struct redis_subscription *subscription;
	struct reactor_timer *life;
	struct guard guard;
	_Atomic int *place; /* the user's counter */
	bool missed;	    /* events were dropped: tell when there is room */
	char user_id[UUID_LEN];
	char headers[];
};

/* Open streams per user, by a hash of the id: counted by workers, before the
 * answer has begun, and given back by the reactor.  Two users on one counter
 * share the limit; with so many counters that is rare. */
#define PLACES 16384
static _Atomic int places[PLACES];

static _Atomic int *
place_of(const char *user_id)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *user_id != '\0'; user_id++)
		h = (h ^ (unsigned char)*user_id) * UINT64_C(1099511628211);
	return &places[(h ^ h >> 32) % PLACES];
}

/* The way out, whoever ends it. */
static void
stream_end(struct event_stream *es)
{
	redis_unsubscribe(es->subscription);
	reactor_timer_free(es->life);
	guard_off(&es->guard);
	sink_close(es->sink);
	*es->at = es->next;
	if (es->next != NULL)
		es->next->at = es->at;
	atomic_fetch_sub(es->place, 1);
	atomic_fetch_sub(&es->process->streams, 1);
	free(es);
}

static void
on_over(void *arg)
{
	stream_end(arg);
}

static void
on_drained(void *arg)
{
	struct event_stream *es = arg;

	if (!es->missed)
		return;
	es->missed = false;
	sink_event(es->sink, NULL, resync, sizeof(resync) - 1);
	sink_flush(es->sink);
}

static void
on_event(void *arg, const char *channel, const char *payload, size_t len)
{
	struct event_stream *es = arg;

	(void)channel;
	if (sink_unsent(es->sink) > es->process->conf->stream_high_water)
		es->missed = true;
	else if (payload == NULL)
		sink_event(es->sink, NULL, resync, sizeof(resync) - 1);
	else if (memchr(payload, '\n', len) == NULL)
		sink_event(es->sink, NULL, payload, len);
	sink_flush(es->sink);
}

/* ---- beginning ------------------------------------------------------------------- */

static void
enlist(struct event_stream *es)
{
	struct event_stream **head = &es->process->event_streams;

	es->next = *head;
	es->at = head;
	if (es->next != NULL)
		es->next->at = &es->next;
	*head = es;
}

/* On the reactor: the stream begins. */
static void
carry(void *arg, struct fcgi_conn *conn)
{
	struct event_stream *es = arg;
	struct process *p = es->process;
	char channel[EVENTS_CHANNEL_LEN];

	enlist(es);
	guard_set(p, &es->guard, on_over, es);
	es->sink = sink_new(p, conn, es->headers, SINK_COMMENT, on_over, on_drained, es);
	sink_flush(es->sink);
	es->subscription = redis_subscribe(p->redis, events_channel(p->conf, es->user_id, channel), on_event, es);
	es->life = reactor_timer_new(p->reactor, on_over, es);
	reactor_timer_start(es->life, p->draining ? 0 : p->conf->auth_access_ttl);
}

enum status
event_stream_open(struct request *rq)
{
	struct process *p = rq->cx.process;
	_Atomic int *place = place_of(rq->cx.caller.user_id);
	const char *headers = sink_headers(rq->cx.arena, rq->common_headers);
	struct event_stream *es;

	if (atomic_fetch_add(&p->streams, 1) >= (size_t)rq->cx.conf->server_max_streams) {
		atomic_fetch_sub(&p->streams, 1);
		return fail(&rq->cx, E_OVERLOADED, "streams");
	}
	if (atomic_fetch_add(place, 1) >= rq->cx.conf->limits_event_streams) {
		atomic_fetch_sub(place, 1);
		atomic_fetch_sub(&p->streams, 1);
		fail(&rq->cx, E_RATE_LIMITED, "event streams");
		fail_retry_after(&rq->cx, 60);
		return E_RATE_LIMITED;
	}
	es = xcalloc(1, sizeof(*es) + strlen(headers) + 1);
	es->process = p;
	es->place = place;
	memcpy(es->user_id, rq->cx.caller.user_id, UUID_LEN);
	guard_init(&es->guard, &rq->cx.caller);
	memcpy(es->headers, headers, strlen(headers) + 1);
	rq->carry = carry;
	rq->carry_arg = es;
	return OK;
}

void
event_streams_stop_all(struct process *p)
{
	while (p->event_streams != NULL)
		stream_end(p->event_streams);
}
