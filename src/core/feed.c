#include "core/feed.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/queue.h"
#include "core/events.h"
#include "core/work.h"
#include "core/sink.h"
#include "io/reactor.h"
#include "io/redis.h"

/* So often the sessions behind open streams are looked at. */
#define SESSIONS_CHECK_MS 5000

static const char resync[] = "{\"type\":\"resync\",\"data\":{}}";

struct event_stream {
	struct event_stream *next, **at; /* in the process' list */
	struct process *process;
	struct sink *sink;
	struct redis_subscription *subscription;
	struct reactor_timer *life;
	_Atomic int *place; /* the user's counter */
	bool missed;	    /* events were dropped: tell when there is room */
	char user_id[UUID_LEN], session_id[UUID_LEN];
	char headers[];
};

struct event_streams {
	struct event_stream *first;
	size_t n;
	struct reactor_timer *check; /* runs while there are any */
	bool checking;		     /* a worker is at it */
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
	struct event_streams *all = es->process->event_streams;

	redis_unsubscribe(es->subscription);
	reactor_timer_free(es->life);
	sink_close(es->sink);
	*es->at = es->next;
	if (es->next != NULL)
		es->next->at = es->at;
	all->n--;
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
	if (sink_unsent(es->sink) > es->process->conf->chat_high_water)
		es->missed = true;
	else if (payload == NULL)
		sink_event(es->sink, NULL, resync, sizeof(resync) - 1);
	else if (memchr(payload, '\n', len) == NULL)
		sink_event(es->sink, NULL, payload, len);
	sink_flush(es->sink);
}

/* ---- revocation: a stream must not outlive its session -------------------------- */

struct session {
	char id[UUID_LEN];
	bool live;
};

/* The sessions of all open streams, on their way through a worker and back. */
struct session_check {
	struct job job;
	struct process *process;
	bool known; /* PostgreSQL answered */
	size_t n;
	struct session sessions[]; /* by id, each once */
};

static int
compare_sessions(const void *a, const void *b)
{
	return strcmp(((const struct session *)a)->id, ((const struct session *)b)->id);
}

/* Was it asked about, and found to be over? */
static bool
is_over(const struct session_check *c, const struct event_stream *es)
{
	struct session key = { .live = false }, *found;

	memcpy(key.id, es->session_id, UUID_LEN);
	found = bsearch(&key, c->sessions, c->n, sizeof(key), compare_sessions);
	return found != NULL && !found->live;
}

static void
on_sessions_checked(void *arg)
{
	struct session_check *c = arg;
	struct event_streams *all = c->process->event_streams;
	struct event_stream *es, *next;

	all->checking = false;
	for (es = all->first; es != NULL && c->known; es = next) {
		next = es->next;
		if (is_over(c, es))
			stream_end(es);
	}
	free(c);
}

/* {id,id,…} as a uuid[] literal. */
static void
ids_literal(const struct session_check *c, struct buf *b)
{
	for (size_t i = 0; i < c->n; i++)
		buf_printf(b, "%s%s", i == 0 ? "{" : ",", c->sessions[i].id);
	buf_puts(b, "}");
}

static void
check_sessions_job(struct job *job, struct worker *w)
{
	struct session_check *c = (struct session_check *)(void *)job;
	AUTO_ROWS struct rows *rows = NULL;
	struct buf ids = BUF_INIT(0);

	ids_literal(c, &ids);
	if (pg_query_again(w->pg, &rows,
		"SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ANY ($1::uuid[])"
		" AND s.revoked_at IS NULL AND s.expires_at > now() AND u.status = 'active' ORDER BY s.id",
		PS(ids.data)) == OK) {
		c->known = true;
		for (size_t i = 0, row = 0; i < c->n && row < (size_t)rows_count(rows); i++) {
			c->sessions[i].live = strcmp(c->sessions[i].id, row_text(rows, (int)row, "id")) == 0;
			row += c->sessions[i].live;
		}
	}
	buf_free(&ids);
	reactor_post(c->process->reactor, on_sessions_checked, c);
}

static void
on_check_due(void *arg)
{
	struct process *p = arg;
	struct event_streams *all = p->event_streams;
	struct session_check *c;
	size_t distinct = 0;

	if (all->n == 0)
		return;
	reactor_timer_start(all->check, SESSIONS_CHECK_MS);
	if (all->checking)
		return;
	c = xcalloc(1, sizeof(*c) + all->n * sizeof(c->sessions[0]));
	c->job.run = check_sessions_job;
	c->process = p;
	for (struct event_stream *es = all->first; es != NULL; es = es->next)
		memcpy(c->sessions[c->n++].id, es->session_id, UUID_LEN);
	qsort(c->sessions, c->n, sizeof(c->sessions[0]), compare_sessions);
	for (size_t i = 0; i < c->n; i++)
		if (i == 0 || strcmp(c->sessions[distinct - 1].id, c->sessions[i].id) != 0)
			c->sessions[distinct++] = c->sessions[i];
	c->n = distinct;
	all->checking = queue_push(p->work, &c->job);
	if (!all->checking) /* busy: the next time */
		free(c);
}

/* ---- beginning ------------------------------------------------------------------- */

static void
enlist(struct event_stream *es)
{
	struct process *p = es->process;
	struct event_streams *all = p->event_streams;

	if (all == NULL) {
		all = p->event_streams = xcalloc(1, sizeof(*all));
		all->check = reactor_timer_new(p->reactor, on_check_due, p);
	}
	es->next = all->first;
	es->at = &all->first;
	if (es->next != NULL)
		es->next->at = &es->next;
	all->first = es;
	all->n++;
	if (!reactor_timer_running(all->check))
		reactor_timer_start(all->check, SESSIONS_CHECK_MS);
}

/* On the reactor: the stream begins. */
static void
carry(void *arg, struct fcgi_conn *conn)
{
	struct event_stream *es = arg;
	struct process *p = es->process;
	char channel[EVENTS_CHANNEL_LEN];

	enlist(es);
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
	memcpy(es->session_id, rq->cx.caller.session_id, UUID_LEN);
	memcpy(es->headers, headers, strlen(headers) + 1);
	rq->carry = carry;
	rq->carry_arg = es;
	return OK;
}

void
event_streams_stop_all(struct process *p)
{
	while (p->event_streams != NULL && p->event_streams->first != NULL)
		stream_end(p->event_streams->first);
}

void
event_streams_free(struct process *p)
{
	if (p->event_streams == NULL)
		return;
	event_streams_stop_all(p);
	reactor_timer_free(p->event_streams->check);
	free(p->event_streams);
	p->event_streams = NULL;
}
