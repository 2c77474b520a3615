#include "worker/sweeping.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/thread.h"
#include "core/process.h"
#include "house/sweeps.h"

#define SWEEP_ARENA_BYTES 4096
#define SWEEP_ARENA_MAX_BYTES (64u << 20)
#define PATIENCE_MS 15000 /* three heartbeats: time for the living to say so */

/* One thread, with the sweeps that wait or with those that do not. */
struct sweeping_thread {
	struct sweeping *all;
	struct sweeper sweeper; /* the thread's, but for its creation */
	bool waits;
	pthread_t thread;
};

enum { THREADS = 2 };

struct sweeping {
	struct sweeping_thread threads[THREADS];
	atomic_int ended;
	pthread_mutex_t lock; /* guards nothing but the wait */
	pthread_cond_t wake;
};

static atomic_bool told_to_stop;
static _Atomic int64_t patient_until_ms; /* outlives a reload */

/* Leaves a signal pending: who takes it, is another's business. */
static bool
stopping(void)
{
	sigset_t pending;

	if (atomic_load(&told_to_stop))
		return true;
	sigpending(&pending);
	return sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT);
}

static void
sweeper_init(struct sweeper *s, const struct conf *conf, struct process *p)
{
	*s = (struct sweeper){
		.cx = { .conf = conf,
		    .process = p,
		    .pg = pg_new(conf, conf->database_url, "weir-worker"),
		    .redis = redis_new(conf) },
		.stopping = stopping,
	};
}

static void
sweeper_close(struct sweeper *s)
{
	pg_free(s->cx.pg);
	redis_free(s->cx.redis);
}

static enum status
run_sweep(struct sweeper *s, const struct sweep *sweep)
{
	int64_t began_us = clock_mono_us();
	enum status st;

	s->patient_until_ms = atomic_load(&patient_until_ms);
	s->cx.arena = arena_new(SWEEP_ARENA_BYTES, SWEEP_ARENA_MAX_BYTES);
	st = sweep->run(s);
	arena_free(s->cx.arena);

	if (st != OK)
		LOG(ERROR, "sweep_failed", LS("sweep", sweep->name), LS("code", status_code(st)),
		    LS("detail", pg_error(s->cx.pg)));
	else
		LOG(DEBUG, "sweep", LS("sweep", sweep->name), LMS("ms", clock_mono_us() - began_us));
	return st;
}

int
sweep_once(const struct conf *conf)
{
	struct sweeper s;
	int rc = EXIT_SUCCESS;

	sweeper_init(&s, conf, NULL);
	for (const struct sweep *sweep = sweeps; sweep->name != NULL && !stopping(); sweep++)
		if (run_sweep(&s, sweep) != OK)
			rc = EXIT_FAILURE;
	sweeper_close(&s);
	return rc;
}

/* ---- by the clock -------------------------------------------------------------------- */

/* Run what is due; returns the time of the next. */
static int64_t
run_due(struct sweeping_thread *t, int64_t due_ms[SWEEPS])
{
	int64_t next_ms = INT64_MAX;

	for (int i = 0; sweeps[i].name != NULL && !stopping(); i++) {
		if (sweeps[i].waits != t->waits)
			continue;
		if (clock_mono_ms() >= due_ms[i]) {
			(void)run_sweep(&t->sweeper, &sweeps[i]);
			due_ms[i] = clock_mono_ms() + sweeps[i].every_ms;
		}
		if (due_ms[i] < next_ms)
			next_ms = due_ms[i];
	}
	return next_ms;
}

/* Wait until then, or until told to stop.  A signal that is only pending wakes
 * nobody: who takes it tells. */
static void
wait_until(struct sweeping *w, int64_t ms)
{
	pthread_mutex_lock(&w->lock);
	while (!atomic_load(&told_to_stop) && clock_mono_ms() < ms)
		cond_wait_until(&w->wake, &w->lock, ms);
	pthread_mutex_unlock(&w->lock);
}

static void *
sweeping_main(void *arg)
{
	struct sweeping_thread *t = arg;
	int64_t due_ms[SWEEPS] = { 0 };

	while (!atomic_load(&told_to_stop))
		wait_until(t->all, run_due(t, due_ms));
	atomic_fetch_add(&t->all->ended, 1);
	return NULL;
}

struct sweeping *
sweeping_start(struct process *p)
{
	struct sweeping *w = xcalloc(1, sizeof(*w));

	pthread_mutex_init(&w->lock, NULL);
	cond_init(&w->wake);
	atomic_store(&told_to_stop, false);
	for (int i = 0; i < THREADS; i++) {
		struct sweeping_thread *t = &w->threads[i];

		t->all = w;
		t->waits = i > 0;
		sweeper_init(&t->sweeper, p->conf, p);
		thread_start(&t->thread, sweeping_main, t);
	}
	return w;
}

void
sweeping_stop(struct sweeping *w)
{
	for (int i = 0; i < THREADS; i++)
		pg_hurry(w->threads[i].sweeper.cx.pg);
	pthread_mutex_lock(&w->lock);
	atomic_store(&told_to_stop, true);
	pthread_cond_broadcast(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

bool
sweeping_ended(const struct sweeping *w)
{
	return atomic_load(&w->ended) == THREADS;
}

void
sweeping_free(struct sweeping *w)
{
	for (int i = 0; i < THREADS; i++) {
		pthread_join(w->threads[i].thread, NULL);
		sweeper_close(&w->threads[i].sweeper);
	}
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void
sweeping_be_patient(void)
{
	atomic_store(&patient_until_ms, clock_mono_ms() + PATIENCE_MS);
}
