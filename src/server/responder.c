#include "server/responder.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/queue.h"
#include "account/auth.h"
#include "account/passwords.h"
#include "core/await.h"
#include "core/feed.h"
#include "chat/trial.h"
#include "engine/engine.h"
#include "engine/reap.h"
#include "core/idempotency.h"
#include "core/work.h"
#include "limits/leases.h"
#include "limits/rates.h"
#include "catalog/offer.h"
#include "core/process.h"
#include "ops/migrate.h"
#include "score/board.h"
#include "io/fcgi.h"
#include "io/http.h"
#include "io/pg_together.h"
#include "io/reactor.h"
#include "house/kinds.h"
#include "house/wires.h"
#include "server/router.h"
#include "server/stages.h"

#define REQUEST_ARENA_BYTES 8192
#define SHED_MAX 1024 /* requests that may wait for their 503 */
#define DRAIN_CHECK_MS 100
#define DRAIN_SETTLE_MS 10000 /* after drain_timeout: for settling what was stopped */
#define HOUSEKEEPING_MS 1000
#define CROWD_MS 5 /* how often is looked for requests that wait, while every worker is busy */

struct responder {
	struct process process;
	struct fcgi_server *server;
	struct queue *shed; /* what is refused with 503 overloaded */
	pthread_t *threads;
	int64_t n_threads;
	atomic_int busy;     /* workers at work */
	atomic_bool crowded; /* all of them, some CROWD_MS ago: crowd_timer runs, or is about to */
	struct reactor_timer *housekeeping, *drain_timer, *crowd_timer;
	int64_t drain_by_ms;
	uint64_t accepted_seen;
};

/* A request that every worker was too busy to take, on its way to one. */
struct request_job {
	struct job job;
	struct fcgi_conn *conn;
	int64_t arrived_us;
};

/* ---- a request, on a worker ---------------------------------------------------- */

/* The stages after the request line is known, in the order of stages.h. */
static enum status
run_stages(struct request *rq)
{
	bool replayed;
	enum status st;

	if ((st = router_find(rq)) != OK || (st = auth_stage(rq)) != OK || (st = limits_stage(rq)) != OK) {
		stage_body_discard(rq);
		return st;
	}
	if ((st = stage_body(rq)) != OK || (st = idempotency_begin(rq, &replayed)) != OK || replayed)
		return st;
	rq->common_headers = reply_common_headers(rq);
	st = rq->route->flags & ROUTE_PASSWORD ? passwords_stage(rq, rq->route->handler) : rq->route->handler(rq);
	return idempotency_end(rq, st);
}

static void
write_access_log(struct request *rq, int64_t us)
{
	const struct route *r = rq->route;
	bool slow = us / 1000 >= rq->cx.conf->server_slow_request;
	struct process *p = rq->cx.process;

	score_request(p->score, r == NULL ? SCORE_NO_ROUTE : (int)(r - routes), rq->http_status, us);
	log_set_context(
	    &(struct log_context){ rq->cx.request_id, rq->cx.caller.user_id, rq->cx.trace_id, rq->span_id });
	log_write(slow ? LOG_WARN : LOG_INFO, slow ? "slow_request" : "request",
	    (struct log_field[]){ LS("method", rq->method), LS("route", r == NULL ? NULL : r->path),
		LI("status", rq->http_status), LS("code", rq->cx.error == OK ? NULL : status_code(rq->cx.error)),
		LS("detail", rq->cx.log_detail), LS("ip", rq->cx.client_ip), LI("bytes", rq->reply_len), LMS("ms", us),
		LMS("pg_ms", pg_spent_us(rq->cx.pg) - rq->pg_before_us),
		LMS("redis_ms", redis_spent_us(rq->cx.redis) - rq->redis_before_us), { .kind = LOG_F_END } });
	log_set_context(NULL);
	if (slow)
		score_add(p->score, SCORE_SLOW_REQUESTS, 1);
}

struct carried {
	void (*carry)(void *arg, struct fcgi_conn *conn);
	void *arg;
	struct fcgi_conn *conn;
};

static void
carry_on_reactor(void *arg)
{
	struct carried *c = arg;

	c->carry(c->arg, c->conn);
	free(c);
}

/* A stream leaves the worker: the reactor has it from here on. */
static void
hand_to_reactor(struct request *rq)
{
	struct carried *c = xmalloc(sizeof(*c));

	*c = (struct carried){ rq->carry, rq->carry_arg, rq->conn };
	reactor_post(rq->cx.process->reactor, carry_on_reactor, c);
}

static void
fill_request(struct request *rq, struct arena *a, struct worker *w, struct fcgi_conn *conn, int64_t arrived_us)
{
	*rq = (struct request){
		.cx = {
			.arena = a,
			.conf = w->process->conf,
			.process = w->process,
			.pg = w->pg,
			.redis = w->redis,
			.request_id = "-",
		},
		.conn = conn,
		.method = "",
		.path = "",
		.query = "",
		.http_status = 500,
		.extra_headers = "",
		.common_headers = "",
		.started_us = arrived_us,
	};
}

/* What came of the request.  True: the reactor has to do with it, a stream or a wait. */
static bool
answer(struct request *rq, enum status st)
{
	if (st == OK && rq->await != NULL)
		return true;
	if (st == OK && rq->carry != NULL) {
		rq->http_status = 200;
		write_access_log(rq, clock_mono_us() - rq->started_us);
		return true;
	}
	if (arena_exhausted(rq->cx.arena))
		fail(&rq->cx, E_TOO_LARGE, "request_memory");
	stage_reply(rq);
	write_access_log(rq, clock_mono_us() - rq->started_us);
	fcgi_end(rq->conn);
	return false;
}

static bool
run_request(struct request *rq)
{
	enum status st = fcgi_read(rq->conn, rq->cx.arena);

	if (st == E_UNAVAILABLE) { /* nobody there to answer */
		fcgi_abandon(rq->conn);
		return false;
	}
	if (st == OK)
		st = stage_identify(rq);
	else
		fail(&rq->cx, st, NULL);
	log_set_context(&(struct log_context){ rq->cx.request_id, NULL, rq->cx.trace_id, rq->span_id });
	if (st != OK || stage_preflight(rq))
		stage_body_discard(rq);
	else
		st = run_stages(rq);
	return answer(rq, st);
}

static void resume(struct job *job, struct worker *w);

/* The worker is done with the request, for now (`handed`) or for good. */
static void
leave(struct worker *w, struct request *rq, bool handed)
{
	struct arena *a = rq->cx.arena;
	bool keep = rq->keep_arena;

	if (pg_in_transaction(w->pg)) /* a handler left one open: a bug, but not the next request's */
		pg_rollback(w->pg);
	context_ended(&rq->cx, false);
	log_set_context(NULL);
	if (handed && rq->await != NULL) {
		rq->pg_before_us = pg_spent_us(w->pg) - rq->pg_before_us; /* what it spent on this worker */
		rq->redis_before_us = redis_spent_us(w->redis) - rq->redis_before_us;
		rq->await->job.run = resume;
		reactor_post(rq->cx.process->reactor, await_begin, rq->await);
		return;
	}
	passwords_leave(rq);
	json_decref(rq->cx.details);
	if (handed) /* with keep, the reactor may free the arena, and rq in it, from here on */
		hand_to_reactor(rq);
	if (!keep)
		arena_free(a);
}

/* A request that waited goes on, on whichever worker. */
static void
resume(struct job *job, struct worker *w)
{
	struct await *a = (struct await *)(void *)job;
	struct request *rq = a->rq;

	rq->await = NULL;
	rq->cx.pg = w->pg;
	rq->cx.redis = w->redis;
	rq->pg_before_us = pg_spent_us(w->pg) - rq->pg_before_us;
	rq->redis_before_us = redis_spent_us(w->redis) - rq->redis_before_us;
	log_set_context(
	    &(struct log_context){ rq->cx.request_id, rq->cx.caller.user_id, rq->cx.trace_id, rq->span_id });
	leave(w, rq, answer(rq, a->then(a)));
}

static void
serve(struct worker *w, struct fcgi_conn *conn, int64_t arrived_us)
{
	struct arena *a = arena_new(REQUEST_ARENA_BYTES, w->process->conf->server_request_memory);
	struct request *rq = ARENA_NEW(a, struct request);

	fill_request(rq, a, w, conn, arrived_us);
	rq->pg_before_us = pg_spent_us(w->pg);
	rq->redis_before_us = redis_spent_us(w->redis);
	leave(w, rq, run_request(rq));
}

static void
request_job_run(struct job *job, struct worker *w)
{
	struct request_job *rj = (struct request_job *)(void *)job;

	serve(w, rj->conn, rj->arrived_us);
	free(rj);
}

/* ---- threads --------------------------------------------------------------------- */

static void
block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
}

struct thread_start {
	struct responder *responder;
	int number;
};

static void expect_crowd(void *arg);

static void
begin_work(struct responder *r)
{
	struct process *p = &r->process;
	int busy = atomic_fetch_add(&r->busy, 1) + 1;

	score_set(p->score, SCORE_WORKERS_BUSY, busy);
	score_peak(p->score, SCORE_WORKERS_BUSY_MAX, busy);
	/* nobody is left who would see the next request: the reactor has to */
	if (busy == (int)p->conf->server_workers && !atomic_exchange(&r->crowded, true))
		reactor_post(p->reactor, expect_crowd, r);
}

static void
end_work(struct responder *r)
{
	score_set(r->process.score, SCORE_WORKERS_BUSY, atomic_fetch_sub(&r->busy, 1) - 1);
}

/* What was queued first, else the next request from an idle connection. */
static void
work(struct responder *r, struct worker *w)
{
	struct queue *queued = r->process.work;
	struct fcgi_conn *conn;
	void *job;

	while (queue_take(queued, &job)) {
		conn = job == NULL ? fcgi_take(r->server, true) : NULL;
		if (job == NULL && conn == NULL) /* woken: something was queued */
			continue;
		begin_work(r);
		if (conn != NULL)
			serve(w, conn, clock_mono_us());
		else
			((struct job *)job)->run(job, w);
		end_work(r);
	}
}

static void *
worker_main(void *arg)
{
	struct thread_start start = *(struct thread_start *)arg;
	struct responder *r = start.responder;
	struct process *p = &r->process;
	struct worker w = { .process = p, .number = start.number };

	free(arg);
	block_signals();
	w.pg = pg_new(p->conf, p->conf->database_url, "weir-fcgi");
	w.redis = redis_new(p->conf);
	work(r, &w);
	pg_free(w.pg);
	redis_free(w.redis);
	return NULL;
}

/* Refuse what the queue has no room for, without a worker. */
static void
shed_one(struct responder *r, struct request_job *rj)
{
	struct arena *a = arena_new(REQUEST_ARENA_BYTES, r->process.conf->server_request_memory);
	struct request *rq = ARENA_NEW(a, struct request);
	struct worker nobody = { .process = &r->process };

	fill_request(rq, a, &nobody, rj->conn, rj->arrived_us);
	score_add(r->process.score, SCORE_OVERLOADED, 1);
	if (fcgi_read(rj->conn, a) == E_UNAVAILABLE) {
		fcgi_abandon(rj->conn);
	} else {
		if (stage_identify(rq) == OK)
			fail(&rq->cx, E_OVERLOADED, NULL);
		stage_body_discard(rq);
		stage_reply(rq);
		score_request(r->process.score, SCORE_NO_ROUTE, rq->http_status, clock_mono_us() - rj->arrived_us);
		fcgi_end(rj->conn);
	}
	json_decref(rq->cx.details);
	arena_free(a);
	free(rj);
}

static void *
shed_main(void *arg)
{
	struct responder *r = arg;
	struct request_job *rj;

	block_signals();
	while ((rj = queue_pop(r->shed)) != NULL)
		shed_one(r, rj);
	return NULL;
}

/* ---- the reactor's part -------------------------------------------------------------- */

/* A request that found no worker: queue it, or refuse it. */
static void
enqueue(struct responder *r, struct fcgi_conn *conn)
{
	struct process *p = &r->process;
	struct request_job *rj = xcalloc(1, sizeof(*rj));

	*rj = (struct request_job){ { request_job_run }, conn, clock_mono_us() };
	score_add(p->score, SCORE_ALL_BUSY, 1);
	if (queue_push(p->work, rj)) {
		size_t waiting = queue_length(p->work);

		score_set(p->score, SCORE_QUEUE_LENGTH, (int64_t)waiting);
		score_peak(p->score, SCORE_QUEUE_MAX, (int64_t)waiting);
	} else if (!queue_push(r->shed, rj)) {
		score_add(p->score, SCORE_OVERLOADED, 1);
		fcgi_abandon(conn);
		free(rj);
	}
}

/* Every worker is busy: move what waits meanwhile into the queue, which is
 * bounded, until one is free to look for itself. */
static void
on_crowd(void *arg)
{
	struct responder *r = arg;
	int workers = (int)r->process.conf->server_workers;
	struct fcgi_conn *conn;

	if (atomic_load(&r->busy) < workers) {
		atomic_store(&r->crowded, false);
		/* again: who took the last place before that store relied on us */
		if (atomic_load(&r->busy) < workers || atomic_exchange(&r->crowded, true))
			return;
	}
	while ((conn = fcgi_take(r->server, false)) != NULL)
		enqueue(r, conn);
	reactor_timer_start(r->crowd_timer, CROWD_MS);
}

static void
expect_crowd(void *arg)
{
	struct responder *r = arg;

	reactor_timer_start(r->crowd_timer, CROWD_MS);
}

static int64_t
resident_bytes(void)
{
	char text[128];
	long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f != NULL) {
		if (fgets(text, sizeof(text), f) != NULL)
			sscanf(text, "%*s %lld", &pages);
		fclose(f);
	}
	return pages * sysconf(_SC_PAGESIZE);
}

/* Gauges that nobody counts as they change. */
static void
on_housekeeping(void *arg)
{
	struct responder *r = arg;
	struct process *p = &r->process;
	uint64_t accepted = fcgi_server_accepted(r->server);

	score_add(p->score, SCORE_ACCEPTED, (int64_t)(accepted - r->accepted_seen));
	r->accepted_seen = accepted;
	score_set(p->score, SCORE_CONNECTIONS, (int64_t)fcgi_server_open(r->server));
	score_set(p->score, SCORE_QUEUE_LENGTH, (int64_t)queue_length(p->work));
	score_set(p->score, SCORE_REDIS_BREAKER, redis_breaker_state());
	score_set(p->score, SCORE_REDIS_FAILURES, (int64_t)redis_failures());
	score_set(p->score, SCORE_PG_RECONNECTS, (int64_t)pg_reconnects());
	score_set(p->score, SCORE_LOG_LOST, (int64_t)log_lost());
	score_set(p->score, SCORE_REACTOR_BUSY_US, (int64_t)reactor_busy_us(p->reactor));
	score_set(p->score, SCORE_RSS_BYTES, resident_bytes());
	reactor_timer_start(r->housekeeping, HOUSEKEEPING_MS);
}

/* Wait for streams and requests to end by themselves; at the deadline stop the
 * turns (their readers get a typed end), then go. */
static void
on_drain_check(void *arg)
{
	struct responder *r = arg;
	struct process *p = &r->process;
	int64_t now_ms = clock_mono_ms();
	bool trials_left = false;
	bool idle = engine_runs(p) == 0 && !engine_followed(p) && fcgi_server_open(r->server) == 0;

	if (now_ms >= r->drain_by_ms) {
		engine_stop_all(p);
		trials_left = trials_stop_all();
		awaits_stop_all(p);
		idle = engine_runs(p) == 0 && !trials_left;
	}
	/* Slots that are being given back would else be taken until their leases run out. */
	if ((idle && !redis_async_busy(p->redis)) || now_ms >= r->drain_by_ms + DRAIN_SETTLE_MS)
		reactor_stop(p->reactor);
	else
		reactor_timer_start(r->drain_timer, DRAIN_CHECK_MS);
}

static void
on_terminate(void *arg)
{
	struct responder *r = arg;

	if (r->process.draining)
		return;
	r->process.draining = true;
	r->drain_by_ms = clock_mono_ms() + r->process.conf->server_drain_timeout;
	LOG(INFO, "drain", LI("turns", engine_runs(&r->process)), LI("connections", fcgi_server_open(r->server)));
	scoreboard_state(r->process.score, SLOT_DRAINING);
	fcgi_server_drain(r->server);
	event_streams_stop_all(&r->process);
	reactor_timer_start(r->drain_timer, 0);
}

static void
wake_worker(void *arg)
{
	struct responder *r = arg;

	fcgi_wake(r->server);
}

static void
start_threads(struct responder *r)
{
	const struct conf *conf = r->process.conf;

	r->n_threads = conf->server_workers + 1;
	r->threads = xcalloc((size_t)r->n_threads, sizeof(*r->threads));
	for (int64_t i = 0; i < r->n_threads; i++) {
		struct thread_start *start = xmalloc(sizeof(*start));
		int rc;

		*start = (struct thread_start){ r, (int)i };
		if (i == conf->server_workers) {
			free(start);
			rc = pthread_create(&r->threads[i], NULL, shed_main, r);
		} else {
			rc = pthread_create(&r->threads[i], NULL, worker_main, start);
		}
		if (rc != 0) {
			LOG(ERROR, "thread_failed", LS("error", strerror(rc)));
			abort();
		}
	}
	score_set(r->process.score, SCORE_WORKERS, conf->server_workers);
}

static void
start(struct responder *r, const struct responder_options *opt)
{
	struct process *p = &r->process;
	const struct conf *conf = opt->conf;

	p->reactor = reactor_new();
	p->http = http_client_new(p->reactor);
	p->redis = redis_async_new(p->reactor, conf);
	p->work = queue_new((size_t)conf->server_queue);
	p->together = pg_together_new();
	p->offers = offers_new();
	r->shed = queue_new(SHED_MAX);
	p->score = scoreboard_join(opt->scoreboard, opt->slot, route_names);
	r->server = fcgi_server_new(p->reactor,
	    &(struct fcgi_options){ .listen_fd = opt->listen_fd,
		.max_connections = (size_t)conf->server_max_connections,
		.max_header_bytes = conf->server_max_header_bytes,
		.read_timeout_ms = conf->server_read_timeout,
		.send_timeout_ms = conf->server_send_timeout });
	queue_tell(p->work, wake_worker, r);
	/* After FCGX_Init(), which takes SIGTERM for itself. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file too large for its limits is a failed write, not the end */
	reactor_on_signal(p->reactor, SIGTERM, on_terminate, r);
	reactor_on_signal(p->reactor, SIGINT, on_terminate, r);
	reactor_on_signal(
	    p->reactor, SIGUSR1, on_terminate, r); /* what multiwatch sends to stop, by FastCGI's custom */
	r->housekeeping = reactor_timer_new(p->reactor, on_housekeeping, r);
	r->drain_timer = reactor_timer_new(p->reactor, on_drain_check, r);
	r->crowd_timer = reactor_timer_new(p->reactor, on_crowd, r);
	engine_new(p);
	process_start(p);
	start_threads(r);
	on_housekeeping(r);
}

static void
stop(struct responder *r)
{
	struct process *p = &r->process;

	queue_close(p->work);
	queue_close(r->shed);
	for (int64_t i = 0; i < r->n_threads; i++)
		pthread_join(r->threads[i], NULL);
	free(r->threads);
	reactor_run_posted(p->reactor); /* what the workers finished last, */
	redis_async_flush(p->redis);	/* and what Redis is told of it */
	process_stop(p);
	awaits_drop_all(p);
	reactor_timer_free(r->housekeeping);
	reactor_timer_free(r->drain_timer);
	reactor_timer_free(r->crowd_timer);
	event_streams_free(p);
	redis_async_free(p->redis); /* calls back what waits for replies, leases among it */
	leases_free(p);
	engine_free(p);
	http_client_free(p->http);
	fcgi_server_free(r->server);
	reactor_free(p->reactor);
	queue_free(p->work);
	pg_together_free(p->together);
	offers_free(p->offers);
	queue_free(r->shed);
	scoreboard_leave(p->score);
}

int
responder_main(const struct responder_options *opt)
{
	struct responder *r = xcalloc(1, sizeof(*r));

	memory_tune();
	r->process.conf = opt->conf;
	r->process.routes = routes;
	wires_register(wires_all());
	kinds_register(kinds_all());
	/* the row in `processes` must be there before the first turn names it */
	if (process_register(&r->process, "responder") != OK) {
		LOG(ERROR, "start_failed");
		free(r);
		return EXIT_FAILURE;
	}
	start(r, opt);
	scoreboard_state(r->process.score, SLOT_READY);
	if (opt->ready_fd >= 0) {
		if (write(opt->ready_fd, migrate_admitted() ? "1" : "0", 1) != 1)
			LOG(WARN, "ready_unheard");
		close(opt->ready_fd);
	}
	LOG(INFO, "ready", LS("process", r->process.id), LI("workers", opt->conf->server_workers));
	reactor_run(r->process.reactor);
	stop(r);
	LOG(INFO, "stopped", LS("process", r->process.id));
	free(r);
	return EXIT_SUCCESS;
}
