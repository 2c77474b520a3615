#include "core/versions.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/queue.h"
#include "core/work.h"
#include "io/reactor.h"

#define LOOK_MS 250

struct versions {
	struct process *process;
	struct redis_subscription *told;
	struct reactor_timer *timer;
	bool looking; /* reactor */

	pthread_mutex_t lock; /* guards the rest */
	unsigned changes;     /* that we were told of */
	int64_t looked_ms;    /* when what stands here was asked for; 0: it does not hold */
	char now[VERSIONS][VERSION_LEN];
};

/* ---- looking ------------------------------------------------------------------------ */

struct look {
	struct work job; /* first: the queue knows this */
	struct versions *versions;
};

static void
note(struct versions *v, const struct rows *rows, int64_t began_ms, unsigned changes)
{
	pthread_mutex_lock(&v->lock);
	if (changes == v->changes) {
		v->looked_ms = began_ms;
		snprintf(v->now[VERSION_CATALOG], VERSION_LEN, "%s", row_text(rows, 0, "catalog"));
		snprintf(v->now[VERSION_KEYS], VERSION_LEN, "%s", row_text(rows, 0, "keys"));
	}
	pthread_mutex_unlock(&v->lock);
}

static void on_looked(void *arg);

static void
look_job(struct work *job, struct worker *w)
{
	struct versions *v = ((struct look *)(void *)job)->versions;
	int64_t began_ms = clock_mono_ms();
	AUTO_ROWS struct rows *rows = NULL;
	unsigned changes;

	pthread_mutex_lock(&v->lock);
	changes = v->changes;
	pthread_mutex_unlock(&v->lock);
	if (pg_query(w->pg, &rows,
		"SELECT c.version AS catalog, k.version AS keys FROM catalog_version c, keys_version k") == OK &&
	    rows_count(rows) == 1)
		note(v, rows, began_ms, changes);
	free(job);
	reactor_post(w->process->reactor, on_looked, v);
}

static void
look(struct versions *v)
{
	struct look *l;

	if (v->looking || v->process->draining)
		return;
	v->looking = true;
	l = xcalloc(1, sizeof(*l));
	l->job.run = look_job;
	l->versions = v;
	queue_push_always(v->process->work, &l->job);
}

static void
on_looked(void *arg)
{
	struct versions *v = arg;
	bool again;

	v->looking = false;
	pthread_mutex_lock(&v->lock);
	again = v->looked_ms == 0;
	pthread_mutex_unlock(&v->lock);
	reactor_timer_start(v->timer, again ? LOOK_MS / 10 : LOOK_MS);
}

static void
on_due(void *arg)
{
	look(arg);
}

/* ---- changes -------------------------------------------------------------------------- */

static void
distrust(struct versions *v)
{
	pthread_mutex_lock(&v->lock);
	v->changes++;
	v->looked_ms = 0;
	pthread_mutex_unlock(&v->lock);
}

static void
on_told(void *arg, const char *channel, const char *payload, size_t len)
{
	(void)channel;
	(void)payload; /* NULL after a gap: perhaps we were not told */
	(void)len;
	distrust(arg);
	look(arg);
}

static void
tell(struct context *cx, void *arg)
{
	(void)arg;
	if (cx->process != NULL && cx->process->versions != NULL)
		distrust(cx->process->versions);
	if (cx->redis != NULL) /* without it they look by themselves */
		(void)!redis_call(cx->redis, NULL, "PUBLISH",
		    arena_printf(cx->arena, "%sversions", cx->conf->redis_prefix), "changed");
}

void
versions_changed(struct context *cx)
{
	after_commit(cx, tell, NULL);
}

bool
versions_current(const struct process *p, enum version which, char out[VERSION_LEN])
{
	struct versions *v = p == NULL ? NULL : p->versions;
	bool holds;

	if (v == NULL)
		return false;
	pthread_mutex_lock(&v->lock);
	holds = v->looked_ms != 0 && clock_mono_ms() - v->looked_ms < VERSIONS_TRUSTED_MS;
	if (holds)
		snprintf(out, VERSION_LEN, "%s", v->now[which]);
	pthread_mutex_unlock(&v->lock);
	return holds;
}

/* ---- life ------------------------------------------------------------------------------- */

void
versions_start(struct process *p)
{
	struct versions *v = xcalloc(1, sizeof(*v));
	char channel[192];

	v->process = p;
	pthread_mutex_init(&v->lock, NULL);
	snprintf(channel, sizeof(channel), "%sversions", p->conf->redis_prefix);
	v->told = redis_subscribe(p->redis, channel, on_told, v);
	v->timer = reactor_timer_new(p->reactor, on_due, v);
	p->versions = v;
	look(v);
}

void
versions_free(struct process *p)
{
	struct versions *v = p->versions;

	if (v == NULL)
		return;
	p->versions = NULL;
	reactor_timer_free(v->timer);
	pthread_mutex_destroy(&v->lock);
	free(v);
}
