#include "io/pg_together.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define PLACES 256			/* keys that share one only wait for each other now and then */
#define TOGETHER_MAX (PG_CALLS_MAX - 1) /* one more locks */

enum turn { WAITS, LEADS, DONE, ALONE };

struct waiting {
	struct waiting *next;
	struct pg_call *call;
	const char *key, *lock_sql, *lock_id;
	enum turn turn;
	enum status st;
	pthread_cond_t wake;
};

struct place {
	bool busy;
	struct waiting *head, **tail;
};

struct pg_together {
	pthread_mutex_t lock;
	struct place places[PLACES];
};

struct pg_together *
pg_together_new(void)
{
	struct pg_together *g = xcalloc(1, sizeof(*g));

	pthread_mutex_init(&g->lock, NULL);
	for (int i = 0; i < PLACES; i++)
		g->places[i].tail = &g->places[i].head;
	return g;
}

void
pg_together_free(struct pg_together *g)
{
	if (g == NULL)
		return;
	pthread_mutex_destroy(&g->lock);
	free(g);
}

static struct place *
place_of(struct pg_together *g, const char *key)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *key != '\0'; key++)
		hash = (hash ^ (unsigned char)*key) * 16777619u;
	return &g->places[hash % PLACES];
}

/* With the lock held: take from those who wait the first and all with its key. */
static size_t
gather(struct place *p, struct waiting *group[TOGETHER_MAX])
{
	struct waiting **at = &p->head;
	size_t n = 0;

	while (*at != NULL && n < TOGETHER_MAX) {
		struct waiting *w = *at;

		if (n == 0 || strcmp(w->key, group[0]->key) == 0) {
			group[n++] = w;
			*at = w->next;
		} else {
			at = &w->next;
		}
	}
	for (p->tail = &p->head; *p->tail != NULL; p->tail = &(*p->tail)->next)
		;
	return n;
}

/* A text[] of the ids: uuids need no quotes. */
static char *
array_of_ids(struct waiting *const *group, size_t n)
{
	size_t size = 3, at = 1;
	char *text;

	for (size_t i = 0; i < n; i++)
		size += strlen(group[i]->lock_id) + 1;
	text = xmalloc(size);
	text[0] = '{';
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%s", i > 0 ? "," : "", group[i]->lock_id);
	memcpy(text + at, "}", 2);
	return text;
}

/* Run a group in one transaction. */
static enum status
run_group(struct pg *pg, struct waiting *const *group, size_t n)
{
	struct pg_call calls[PG_CALLS_MAX];
	size_t first = group[0]->lock_sql != NULL ? 1 : 0;
	char *ids = first > 0 ? array_of_ids(group, n) : NULL;
	struct pg_arg arg = PS(ids);
	enum status st;

	calls[0] = (struct pg_call){ .sql = group[0]->lock_sql, .args = &arg, .nargs = 1 };
	for (size_t i = 0; i < n; i++)
		calls[first + i] = *group[i]->call;
	st = pg_run_all(pg, calls, first + n, false);
	free(ids);
	if (st != OK)
		return st;
	if (first > 0)
		rows_free(calls[0].rows);
	for (size_t i = 0; i < n; i++)
		group[i]->call->rows = calls[first + i].rows;
	return OK;
}

/* With the lock held: the place is free, or somebody who waits leads on. */
static void
pass_on(struct place *p)
{
	p->busy = p->head != NULL;
	if (p->head != NULL) {
		p->head->turn = LEADS;
		pthread_cond_signal(&p->head->wake);
	}
}

/* With the lock held: run those who wait; `me` is the first of them. */
static void
lead(struct pg_together *g, struct place *p, struct pg *pg)
{
	struct waiting *group[TOGETHER_MAX] = { NULL };
	size_t n = gather(p, group);
	enum status st;
	bool lost;

	pthread_mutex_unlock(&g->lock);
	st = run_group(pg, group, n);
	lost = st == E_UNAVAILABLE &&
	    (strncmp(pg_sqlstate(pg), "08", 2) == 0 || strncmp(pg_sqlstate(pg), "57P", 3) == 0);
	pthread_mutex_lock(&g->lock);
	for (size_t i = 0; i < n; i++) {
		group[i]->st = st;
		group[i]->turn = st == OK || lost ? DONE : ALONE;
		pthread_cond_signal(&group[i]->wake);
	}
	pass_on(p);
}

/* Wait for one's turn, with the lock held; true when the call is done. */
static bool
wait_turn(struct pg_together *g, struct place *p, struct pg *pg, struct waiting *me)
{
	*p->tail = me;
	p->tail = &me->next;
	while (me->turn == WAITS)
		pthread_cond_wait(&me->wake, &g->lock);
	if (me->turn == LEADS)
		lead(g, p, pg);
	return me->turn == DONE;
}

static enum status
run_alone(struct pg *pg, struct pg_call *call)
{
	return pg_run(pg, &call->rows, call->sql, call->args, call->nargs, false);
}

enum status
pg_together_run(struct pg_together *g, struct pg *pg, const char *key, struct pg_call *call, const char *lock_sql,
    const char *lock_id)
{
	struct waiting me = { .call = call, .key = key, .lock_sql = lock_sql, .lock_id = lock_id };
	struct place *p = place_of(g, key);
	enum status st;

	pthread_mutex_lock(&g->lock);
	if (!p->busy) {
		p->busy = true;
		pthread_mutex_unlock(&g->lock);
		st = run_alone(pg, call);
		pthread_mutex_lock(&g->lock);
		pass_on(p);
		pthread_mutex_unlock(&g->lock);
		return st;
	}
	pthread_cond_init(&me.wake, NULL);
	if (wait_turn(g, p, pg, &me)) {
		st = me.st;
		pthread_mutex_unlock(&g->lock);
		if (st != OK)
			pg_lost(pg);
	} else {
		pthread_mutex_unlock(&g->lock);
		st = run_alone(pg, call);
	}
	pthread_cond_destroy(&me.wake);
	return st;
}
