#include "server/run_request.h"

#include "account/auth.h"
#include "account/passwords.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "core/await.h"
#include "core/idempotency.h"
#include "core/process.h"
#include "io/fcgi.h"
#include "io/reactor.h"
#include "limits/rates.h"
#include "score/board.h"
#include "server/router.h"
#include "server/stages.h"

#define REQUEST_ARENA_BYTES 8192

/* ---- through the stages ---------------------------------------------------------- */

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
		LS("detail", rq->cx.log_detail), LS("ip", rq->cx.client_ip), LS("key", rq->cx.caller.key_id),
		LI("bytes", rq->reply_len), LMS("ms", us), LMS("pg_ms", pg_spent_us(rq->cx.pg) - rq->pg_before_us),
		LMS("redis_ms", redis_spent_us(rq->cx.redis) - rq->redis_before_us), { .kind = LOG_F_END } });
	log_set_context(NULL);
	if (slow)
		score_add(p->score, SCORE_SLOW_REQUESTS, 1);
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
pass(struct request *rq)
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

/* ---- to the reactor and back ------------------------------------------------------ */

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

static void resume(struct work *job, struct worker *w);

/* The worker is done with the request, for now (`handed`) or for good. */
static void
leave(struct worker *w, struct request *rq, bool handed)
{
	struct arena *a = rq->cx.arena;
	bool keep = rq->keep_arena;

	if (pg_in_transaction(w->pg)) /* a handler left one open: a bug, but not the next request's */
		context_rollback(&rq->cx);
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
resume(struct work *job, struct worker *w)
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

/* ---- a request begins ---------------------------------------------------------------- */

static void
fill_request(struct request *rq, struct arena *a, const struct worker *w, struct fcgi_conn *conn, int64_t arrived_us)
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

void
run_request(struct worker *w, struct fcgi_conn *conn, int64_t arrived_us)
{
	struct arena *a = arena_new(REQUEST_ARENA_BYTES, w->process->conf->server_request_memory);
	struct request *rq = ARENA_NEW(a, struct request);

	fill_request(rq, a, w, conn, arrived_us);
	rq->pg_before_us = pg_spent_us(w->pg);
	rq->redis_before_us = redis_spent_us(w->redis);
	leave(w, rq, pass(rq));
}

void
refuse_request(struct process *p, struct fcgi_conn *conn, int64_t arrived_us)
{
	struct arena *a = arena_new(REQUEST_ARENA_BYTES, p->conf->server_request_memory);
	struct request *rq = ARENA_NEW(a, struct request);

	fill_request(rq, a, &(struct worker){ .process = p }, conn, arrived_us);
	score_add(p->score, SCORE_OVERLOADED, 1);
	if (fcgi_read(conn, a) == E_UNAVAILABLE) {
		fcgi_abandon(conn);
	} else {
		if (stage_identify(rq) == OK)
			fail(&rq->cx, E_OVERLOADED, NULL);
		stage_body_discard(rq);
		stage_reply(rq);
		score_request(p->score, SCORE_NO_ROUTE, rq->http_status, clock_mono_us() - arrived_us);
		fcgi_end(conn);
	}
	json_decref(rq->cx.details);
	arena_free(a);
}
