#include "server/crowd.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/queue.h"
#include "base/thread.h"
#include "core/process.h"
#include "core/work.h"
#include "io/fcgi.h"
#include "io/reactor.h"
#include "score/board.h"
#include "server/run_request.h"

#define SHED_MAX 1024 /* requests that may wait for their 503 */
#define LOOK_MS 5     /* how often is looked for requests that wait, while every worker is busy */

struct crowd {
	struct process *process;
	struct fcgi_server *server;
	struct queue *shed; /* what is refused with 503 overloaded */
	pthread_t shedder;
	struct reactor_timer *look_timer;
	atomic_bool gathered; /* all were busy, some LOOK_MS ago: look_timer runs, or is about to */
};

/* A request that every worker was too busy to take, on its way to one. */
struct request_job {
	struct work job;
	struct fcgi_conn *conn;
	int64_t arrived_us;
};

static void
request_job_run(struct work *job, struct worker *w)
{
	struct request_job *rj = (struct request_job *)(void *)job;

	run_request(w, rj->conn, rj->arrived_us);
	free(rj);
}

/* Refuse what the queue has no room for, without a worker. */
static void *
shed_main(void *arg)
{
	struct crowd *c = arg;
	struct request_job *rj;

	while ((rj = queue_pop(c->shed)) != NULL) {
		refuse_request(c->process, rj->conn, rj->arrived_us);
		free(rj);
	}
	return NULL;
}

/* ---- the reactor's part -------------------------------------------------------------- */

/* A request that found no worker: queue it, or refuse it. */
static void
enqueue(struct crowd *c, struct fcgi_conn *conn)
{
	struct process *p = c->process;
	struct request_job *rj = xcalloc(1, sizeof(*rj));

	*rj = (struct request_job){ { request_job_run }, conn, clock_mono_us() };
	score_add(p->score, SCORE_ALL_BUSY, 1);
	if (queue_push(p->work, rj)) {
		size_t waiting = queue_length(p->work);

		score_set(p->score, SCORE_QUEUE_LENGTH, (int64_t)waiting);
		score_peak(p->score, SCORE_QUEUE_MAX, (int64_t)waiting);
	} else if (!queue_push(c->shed, rj)) {
		score_add(p->score, SCORE_OVERLOADED, 1);
		fcgi_abandon(conn);
		free(rj);
	}
}

static bool
all_busy(const struct crowd *c)
{
	return atomic_load(&c->process->busy) >= c->process->n_workers;
}

/* Every worker is busy: move what waits meanwhile into the queue, which is
 * bounded, until one is free to look for itself. */
static void
look(void *arg)
{
	struct crowd *c = arg;
	struct fcgi_conn *conn;

	if (!all_busy(c)) {
		atomic_store(&c->gathered, false);
		/* again: who took the last place before that store relied on us */
		if (!all_busy(c) || atomic_exchange(&c->gathered, true))
			return;
	}
	while ((conn = fcgi_take(c->server, false)) != NULL)
		enqueue(c, conn);
	reactor_timer_start(c->look_timer, LOOK_MS);
}

static void
look_soon(void *arg)
{
	struct crowd *c = arg;

	reactor_timer_start(c->look_timer, LOOK_MS);
}

void
crowd_gather(struct crowd *c)
{
	/* nobody is left who would see the next request: the reactor has to */
	if (!atomic_exchange(&c->gathered, true))
		reactor_post(c->process->reactor, look_soon, c);
}

/* ---- life --------------------------------------------------------------------------- */

struct crowd *
crowd_new(struct process *p, struct fcgi_server *server)
{
	struct crowd *c = xcalloc(1, sizeof(*c));

	c->process = p;
	c->server = server;
	c->shed = queue_new(SHED_MAX);
	c->look_timer = reactor_timer_new(p->reactor, look, c);
	thread_start(&c->shedder, shed_main, c);
	return c;
}

void
crowd_end(struct crowd *c)
{
	queue_close(c->shed);
	pthread_join(c->shedder, NULL);
}

void
crowd_free(struct crowd *c)
{
	reactor_timer_free(c->look_timer);
	queue_free(c->shed);
	free(c);
}
