#include "engine/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "engine/allowance.h"
#include "io/reactor.h"
#include "io/redis.h"

/* ---- the table: for aborts, drains and checkpoints ------------------------------- */

static unsigned
bucket_of(const char *task_id)
{
	unsigned h = 2166136261u; /* FNV-1a */

	for (; *task_id != '\0'; task_id++)
		h = (h ^ (unsigned char)*task_id) * 16777619u;
	return h % RUN_BUCKETS;
}

void
table_add(struct engine *e, struct run *r)
{
	struct run **head = &e->runs[bucket_of(r->task.id)];

	r->next = *head;
	if (r->next != NULL)
		r->next->prev = &r->next;
	r->prev = head;
	*head = r;
	e->n_runs++;
}

void
table_remove(struct engine *e, struct run *r)
{
	*r->prev = r->next;
	if (r->next != NULL)
		r->next->prev = r->prev;
	e->n_runs--;
}

struct run *
run_find(struct process *p, const char *task_id)
{
	struct run *r = p->engine->runs[bucket_of(task_id)];

	while (r != NULL && strcmp(r->task.id, task_id) != 0)
		r = r->next;
	return r;
}

char *
table_list(const struct engine *e)
{
	struct buf b = BUF_INIT(0);

	for (size_t i = 0; i < RUN_BUCKETS; i++)
		for (struct run *r = e->runs[i]; r != NULL; r = r->next)
			pg_array_add(&b, r->task.id);
	if (b.len > 0)
		pg_array_end(&b);
	return b.data;
}

/* ---- what the heartbeat asks for ---------------------------------------------------- */

static char *
list_tasks(struct process *p)
{
	return table_list(p->engine);
}

static void
stop_task(struct process *p, const char *task_id, enum status why)
{
	struct run *r = run_find(p, task_id);

	if (r != NULL)
		run_stop(r, why);
}

static const struct process_cargo cargo = {
	.list = list_tasks,
	.stop = stop_task,
	.checkpoint = journal_checkpoint,
	.farewell = allowances_farewell,
};

/* Somebody stops a task: is it ours? */
static void
on_abort(void *arg, const char *channel, const char *payload, size_t len)
{
	char id[UUID_LEN];

	(void)channel;
	if (payload == NULL || len != UUID_LEN - 1)
		return; /* after a gap the heartbeat tells */
	memcpy(id, payload, len);
	id[len] = '\0';
	stop_task(arg, id, E_CANCELLED);
}

/* ---- life --------------------------------------------------------------------------- */

void
engine_new(struct process *p)
{
	struct engine *e = xcalloc(1, sizeof(*e));
	char channel[192];

	p->engine = e;
	p->cargo = &cargo;
	snprintf(channel, sizeof(channel), "%sabort", p->conf->redis_prefix);
	e->aborts = redis_subscribe(p->redis, channel, on_abort, p);
	e->journal_timer = reactor_timer_new(p->reactor, journal_batch, p);
	e->follow_timer = reactor_timer_new(p->reactor, followers_tick, p);
	e->round_timer = reactor_timer_new(p->reactor, settle_gathered, p);
	allowances_new(p);
}

void
engine_free(struct process *p)
{
	struct engine *e = p->engine;

	allowances_free(p);
	p->engine = NULL;
	p->cargo = NULL;
	reactor_timer_free(e->journal_timer);
	reactor_timer_free(e->follow_timer);
	reactor_timer_free(e->allowance_timer);
	reactor_timer_free(e->round_timer);
	free(e);
}

size_t
engine_runs(const struct process *p)
{
	return p->engine->n_runs;
}

bool
engine_followed(const struct process *p)
{
	return p->engine->followers != NULL;
}

void
engine_stop_all(struct process *p)
{
	for (size_t i = 0; i < RUN_BUCKETS; i++)
		for (struct run *r = p->engine->runs[i]; r != NULL; r = r->next)
			run_stop(r, E_INTERRUPTED);
	followers_stop_all(p);
}
