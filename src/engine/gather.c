#include "engine/gather.h"

#include "base/clock.h"
#include "core/await.h"
#include "core/process.h"
#include "engine/allowance.h"
#include "engine/flight.h"
#include "io/reactor.h"
#include "io/redis.h"

#define GATHER_MS 4000 /* longer than PostgreSQL says that others may still answer */
#define GATHER_POLL_FIRST_MS 5
#define GATHER_POLL_MOST_MS 100

struct gathering {
	struct await await; /* first: await.h knows this */
	struct reactor_timer *timer;
	int64_t pause_ms;
};

static void
drop_pause(struct await *a)
{
	struct gathering *g = (struct gathering *)(void *)a;

	reactor_timer_free(g->timer);
	g->timer = NULL;
}

static void
end_pause(void *arg)
{
	struct gathering *g = arg;

	drop_pause(&g->await);
	await_over(&g->await);
}

static void
begin_pause(struct await *a)
{
	struct gathering *g = (struct gathering *)(void *)a;

	g->timer = reactor_timer_new(a->rq->cx.process->reactor, end_pause, g);
	reactor_timer_start(g->timer, g->pause_ms);
}

/* Nothing has happened yet but reading: the handler begins anew. */
static enum status
try_again(struct await *a)
{
	if (a->stopped)
		return fail(&a->rq->cx, E_UNAVAILABLE, "the process ends");
	return a->rq->route->handler(a->rq);
}

/* Tell the others, once, that they are asked, and wait a moment for their answers. */
static enum gathered
wait_for_others(struct request *rq, int64_t now_ms)
{
	struct gathering *g = ARENA_NEW(rq->cx.arena, struct gathering);
	int64_t *pause_ms = &rq->gather.pause_ms;

	if (*pause_ms == 0) {
		rq->gather.by_ms = now_ms + GATHER_MS;
		(void)!redis_call(rq->cx.redis, NULL, "PUBLISH",
		    arena_printf(rq->cx.arena, "%sallowance", rq->cx.conf->redis_prefix), rq->cx.caller.user_id);
	}
	if (now_ms >= rq->gather.by_ms)
		return GATHER_NONE;
	*pause_ms = *pause_ms == 0 ? GATHER_POLL_FIRST_MS : 2 * *pause_ms;
	if (*pause_ms > GATHER_POLL_MOST_MS)
		*pause_ms = GATHER_POLL_MOST_MS;
	*g = (struct gathering){ .await = { .begin = begin_pause, .drop = drop_pause, .then = try_again },
		.pause_ms = *pause_ms };
	return await(rq, &g->await) == OK ? GATHER_WAIT : GATHER_NONE;
}

enum gathered
gather_credits(struct request *rq)
{
	int n_dead = 0;

	if (rq->cx.process == NULL || rq->cx.process->allowances == NULL || pg_in_transaction(rq->cx.pg))
		return GATHER_NONE;
	if (allowances_give_ours(&rq->cx))
		return GATHER_AGAIN;
	if (flights_settle(&rq->cx, &n_dead) == OK && n_dead > 0)
		return GATHER_AGAIN;
	return wait_for_others(rq, clock_mono_ms());
}
