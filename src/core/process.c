#include "core/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/queue.h"
#include "base/thread.h"
#include "core/await.h"
#include "core/feed.h"
#include "core/guard.h"
#include "core/heartbeat.h"
#include "core/work.h"
#include "io/http.h"
#include "io/pg.h"
#include "io/pg_together.h"
#include "io/reactor.h"
#include "io/redis.h"
#include "score/board.h"

#define PULSE_MS 5000	    /* how often the reactor is seen to turn, and what Redis missed is collected */
#define PULSE_LOST_MS 20000 /* a reactor that does not turn for so long carries nothing any more */
#define DRAIN_CHECK_MS 100
#define DRAIN_SETTLE_MS 10000 /* after drain_timeout: for settling what was stopped */

/* ---- workers ---------------------------------------------------------------------- */

struct thread_start {
	struct process *process;
	int number;
};

static void
begin_work(struct process *p)
{
	int busy = atomic_fetch_add(&p->busy, 1) + 1;

	score_set(p->score, SCORE_WORKERS_BUSY, busy);
	score_peak(p->score, SCORE_WORKERS_BUSY_MAX, busy);
	if (busy == p->n_workers && p->kind->crowded != NULL)
		p->kind->crowded(p);
}

static void
end_work(struct process *p)
{
	score_set(p->score, SCORE_WORKERS_BUSY, atomic_fetch_sub(&p->busy, 1) - 1);
}

static void
run_job(struct worker *w, struct work *job)
{
	begin_work(w->process);
	job->run(job, w);
	end_work(w->process);
}

/* What was queued first, else what comes from elsewhere. */
static void
work_and_wait(struct worker *w)
{
	struct process *p = w->process;
	void *job, *found;

	while (queue_take(p->work, &job)) {
		if (job != NULL) {
			run_job(w, job);
		} else if ((found = p->kind->wait(p)) != NULL) { /* else woken: something was queued */
			begin_work(p);
			p->kind->serve(w, found);
			end_work(p);
		}
	}
}

static void
work(struct worker *w)
{
	struct work *job;

	while ((job = queue_pop(w->process->work)) != NULL)
		run_job(w, job);
}

static void *
worker_main(void *arg)
{
	struct thread_start start = *(struct thread_start *)arg;
	struct process *p = start.process;
	struct worker w = { .process = p, .number = start.number };

	free(arg);
	w.pg = pg_new(p->conf, p->conf->database_url, p->kind->program);
	w.redis = redis_new(p->conf);
	if (p->kind->wait != NULL)
		work_and_wait(&w);
	else
		work(&w);
	pg_free(w.pg);
	redis_free(w.redis);
	return NULL;
}

static void
start_workers(struct process *p, int n)
{
	p->n_workers = n;
	p->threads = xcalloc((size_t)n, sizeof(*p->threads));
	for (int i = 0; i < n; i++) {
		struct thread_start *start = xmalloc(sizeof(*start));

		*start = (struct thread_start){ p, i };
		thread_start(&p->threads[i], worker_main, start);
	}
	score_set(p->score, SCORE_WORKERS, n);
}

/* ---- what the heartbeat learns -------------------------------------------------- */

/* The heartbeat's thread. */
static bool
is_turning(void *arg)
{
	struct process *p = arg;

	return clock_mono_ms() - atomic_load(&p->reactor_ms) < PULSE_LOST_MS;
}

/* What does the process carry?  What of it others have ended, nobody pays for any more. */
static void
list_mine(void *arg)
{
	struct process *p = arg;
	char *mine = p->cargo == NULL ? NULL : p->cargo->list(p);

	if (p->heartbeat != NULL)
		heartbeat_ask(p->heartbeat, mine != NULL ? mine : xstrdup("{}"));
	else
		free(mine);
}

/* The heartbeat's thread. */
static void
on_late(void *arg)
{
	struct process *p = arg;

	reactor_post(p->reactor, list_mine, p);
}

struct told {
	struct process *process;
	struct heartbeat_news *news;
};

static void
stop_those(struct process *p, char (*task_ids)[UUID_LEN], int n, enum status why)
{
	for (int i = 0; i < n && p->cargo != NULL; i++)
		p->cargo->stop(p, task_ids[i], why);
}

static void
hear_news(void *arg)
{
	struct told *told = arg;

	stop_those(told->process, told->news->cancel, told->news->n_cancel, E_CANCELLED);
	stop_those(told->process, told->news->ended, told->news->n_ended, E_INTERRUPTED);
	heartbeat_news_free(told->news);
	free(told);
}

/* The heartbeat's thread. */
static void
on_news(void *arg, struct heartbeat_news *news)
{
	struct process *p = arg;
	struct told *told = xmalloc(sizeof(*told));

	*told = (struct told){ p, news };
	reactor_post(p->reactor, hear_news, told);
}

static void
on_pulse(void *arg)
{
	struct process *p = arg;

	atomic_store(&p->reactor_ms, clock_mono_ms());
	reactor_timer_start(p->pulse_timer, PULSE_MS);
	if (p->cargo != NULL && !heartbeat_busy(p->heartbeat)) /* PostgreSQL is slow: do not pile up */
		p->cargo->checkpoint(p);
}

/* The heartbeat's thread. */
static void
on_beat_failed(void *arg)
{
	struct process *p = arg;

	if (p->kind->beat_failed != NULL)
		p->kind->beat_failed(p);
}

/* ---- the drain --------------------------------------------------------------------- */

static bool
is_idle(struct process *p)
{
	return p->kind->is_idle == NULL || p->kind->is_idle(p);
}

static bool
cut(struct process *p)
{
	bool ended = p->kind->cut == NULL || p->kind->cut(p);

	awaits_stop_all(p);
	return ended;
}

/* Wait for what is under way to end by itself; at the deadline stop it (readers
 * get a typed end), then go. */
static void
on_drain_check(void *arg)
{
	struct process *p = arg;
	int64_t now_ms = clock_mono_ms();
	bool ended = now_ms >= p->drain_by_ms ? cut(p) : is_idle(p);

	/* Slots that are being given back would else be taken until their leases run out. */
	if ((ended && !redis_async_busy(p->redis)) || now_ms >= p->drain_by_ms + DRAIN_SETTLE_MS)
		reactor_stop(p->reactor);
	else
		reactor_timer_start(p->drain_timer, DRAIN_CHECK_MS);
}

void
process_drain(struct process *p)
{
	if (p->draining)
		return;
	p->draining = true;
	p->drain_by_ms = clock_mono_ms() + p->conf->server_drain_timeout;
	if (p->kind->drain != NULL)
		p->kind->drain(p);
	event_streams_stop_all(p);
	reactor_timer_start(p->drain_timer, 0);
}

/* ---- life --------------------------------------------------------------------------- */

struct process *
process_new(const struct conf *conf, const struct process_kind *kind)
{
	struct process *p = xcalloc(1, sizeof(*p));

	memory_tune();
	p->conf = conf;
	p->kind = kind;
	p->reactor = reactor_new();
	p->http = http_client_new(p->reactor);
	p->redis = redis_async_new(p->reactor, conf);
	p->work = queue_new((size_t)conf->server_queue);
	if (kind->wake != NULL)
		queue_tell(p->work, kind->wake, p);
	p->together = pg_together_new();
	p->pulse_timer = reactor_timer_new(p->reactor, on_pulse, p);
	p->drain_timer = reactor_timer_new(p->reactor, on_drain_check, p);
	p->heartbeat = heartbeat_new(conf, kind->name);
	memcpy(p->id, heartbeat_id(p->heartbeat), UUID_LEN);
	return p;
}

enum status
process_register(struct process *p)
{
	return heartbeat_register(p->heartbeat);
}

struct meeting {
	struct process *process;
	struct reactor_timer *timer;
	int64_t until_ms;
};

static void
on_look(void *arg)
{
	struct meeting *m = arg;

	if (redis_async_up(m->process->redis) || clock_mono_ms() >= m->until_ms)
		reactor_stop(m->process->reactor);
	else
		reactor_timer_start(m->timer, 1);
}

void
process_meet_redis(struct process *p)
{
	struct meeting m = { .process = p, .until_ms = clock_mono_ms() + p->conf->redis_timeout };

	m.timer = reactor_timer_new(p->reactor, on_look, &m);
	reactor_timer_start(m.timer, 1);
	reactor_run(p->reactor);
	reactor_timer_free(m.timer);
}

void
process_start(struct process *p, int n_workers)
{
	on_pulse(p);
	heartbeat_start(p->heartbeat,
	    &(struct heartbeat_hooks){
		.arg = p, .vouch = is_turning, .on_failed = on_beat_failed, .on_late = on_late, .on_news = on_news });
	start_workers(p, n_workers);
}

static void
join_workers(struct process *p)
{
	queue_close(p->work);
	if (p->kind->halt != NULL)
		p->kind->halt(p);
	for (int i = 0; i < p->n_workers; i++)
		pthread_join(p->threads[i], NULL);
	reactor_run_posted(p->reactor); /* what the workers finished last, */
	redis_async_flush(p->redis);	/* and what Redis is told of it */
}

static void
end_heartbeat(struct process *p)
{
	struct heartbeat *h = p->heartbeat;

	if (p->cargo != NULL)
		p->cargo->checkpoint(p);
	p->heartbeat = NULL; /* what it has posted by now finds it gone */
	if (p->kind->signs_off)
		heartbeat_sign_off(h);
	heartbeat_stop(h);
	reactor_run_posted(p->reactor);
}

void
process_run(struct process *p)
{
	reactor_run(p->reactor);
	join_workers(p);
	end_heartbeat(p);
}

void
process_free(struct process *p)
{
	if (p == NULL)
		return;
	heartbeat_stop(p->heartbeat); /* of one that never started */
	awaits_drop_all(p);
	event_streams_stop_all(p);
	redis_async_free(p->redis); /* calls back what waits for replies, leases among it */
	if (p->threads != NULL && p->kind->release != NULL)
		p->kind->release(p);
	guards_free(p);
	reactor_timer_free(p->pulse_timer);
	reactor_timer_free(p->drain_timer);
	http_client_free(p->http);
	reactor_free(p->reactor);
	queue_free(p->work);
	pg_together_free(p->together);
	free(p->threads);
	free(p);
}
