#include "core/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/queue.h"
#include "engine/follow.h"
#include "core/work.h"
#include "engine/journal.h"
#include "chat/turn.h"
#include "io/pg.h"
#include "io/reactor.h"
#include "io/redis.h"

#define FOLLOW_TICK_MS 50
/* A heartbeat so late may have missed others' deadline: who was taken for dead
 * finds his turns settled by the sweeper. */
#define HEARTBEAT_LATE_MS (PROCESS_HEARTBEAT_MS * 3 / 2)

/* A heartbeat on its way through a worker and back. */
struct heartbeat {
	struct job job;
	struct process *process;
	struct checkpoint *checkpoints;
	char (*cancel)[UUID_LEN]; /* tasks somebody asked to stop */
	int n_cancel;
	char *mine;		 /* after a gap: live turns, as turns_list() */
	char (*ended)[UUID_LEN]; /* those of them that somebody else ended */
	int n_ended;
	bool arrived;
};

static enum status
beat(struct process *p, struct pg *pg, struct rows **rows)
{
	char host[256] = "?";

	gethostname(host, sizeof(host) - 1);
	return pg_query_again(pg, rows, "SELECT task_id FROM process_heartbeat($1::uuid, $2, $3, $4::int)", PS(p->id),
	    PS(p->kind), PS(host), PI(getpid()));
}

enum status
process_register(struct process *p, struct pg *pg)
{
	uuid_v7(p->id);
	return beat(p, pg, NULL);
}

static void
stop_those(struct process *p, char (*task_ids)[UUID_LEN], int n, enum status why)
{
	for (int i = 0; i < n; i++) {
		struct turn *t = turn_find(p, task_ids[i]);

		if (t != NULL)
			turn_stop(t, why);
	}
}

static void
on_beaten(void *arg)
{
	struct heartbeat *h = arg;
	struct process *p = h->process;

	stop_those(p, h->cancel, h->n_cancel, E_CANCELLED);
	stop_those(p, h->ended, h->n_ended, E_INTERRUPTED);
	if (h->arrived)
		p->beaten_ms = clock_mono_ms();
	p->heartbeat_running = false;
	free(h->cancel);
	free(h->mine);
	free(h->ended);
	free(h);
}

/* The task ids of a result, in an array the caller frees. */
static int
take_ids(const struct rows *rows, char (**out)[UUID_LEN])
{
	int n = rows_count(rows);

	*out = xcalloc((size_t)n + 1, UUID_LEN);
	for (int i = 0; i < n; i++)
		memcpy((*out)[i], row_text(rows, i, "task_id"), UUID_LEN);
	return n;
}

/* We were silent for long: which of our turns were ended without us?  What they
 * would still deliver, nobody pays for. */
static void
find_ended(struct heartbeat *h, struct pg *pg)
{
	AUTO_ROWS struct rows *rows = NULL;

	if (h->mine == NULL)
		return;
	if (pg_query_again(pg, &rows,
		"SELECT id AS task_id FROM tasks WHERE id = ANY ($1::uuid[]) AND completed_at IS NOT NULL",
		PS(h->mine)) != OK) {
		h->arrived = false; /* to be asked again */
		return;
	}
	if ((h->n_ended = take_ids(rows, &h->ended)) > 0)
		LOG(WARN, "taken_for_dead", LI("turns", h->n_ended));
}

static void
heartbeat_job(struct job *job, struct worker *w)
{
	struct heartbeat *h = (struct heartbeat *)(void *)job;
	struct process *p = h->process;
	AUTO_ROWS struct rows *rows = NULL;

	if (beat(p, w->pg, &rows) == OK) {
		h->arrived = true;
		h->n_cancel = take_ids(rows, &h->cancel);
		find_ended(h, w->pg);
		if (pg_query_again(w->pg, NULL, "SELECT credits_extend($1::uuid, $2::int)", PS(p->id),
			PI(p->conf->chat_hold_lease / 1000)) != OK)
			LOG(WARN, "hold_extension_failed", LS("error", pg_error(w->pg)));
	} else {
		LOG(WARN, "heartbeat_failed", LS("error", pg_error(w->pg)));
	}
	journal_write_checkpoints(h->checkpoints, w->pg);
	reactor_post(p->reactor, on_beaten, h);
}

static void
on_heartbeat_due(void *arg)
{
	struct process *p = arg;
	struct heartbeat *h;

	reactor_timer_start(p->heartbeat, PROCESS_HEARTBEAT_MS);
	if (p->heartbeat_running) /* PostgreSQL is slow: do not pile up */
		return;
	h = xcalloc(1, sizeof(*h));
	p->heartbeat_running = true;
	h->job.run = heartbeat_job;
	h->process = p;
	h->checkpoints = journal_checkpoints(p);
	if (clock_mono_ms() - p->beaten_ms >= HEARTBEAT_LATE_MS)
		h->mine = turns_list(p);
	queue_push_always(p->work, &h->job);
}

/* Somebody stops a task: is it ours? */
static void
on_abort(void *arg, const char *channel, const char *payload, size_t len)
{
	struct process *p = arg;
	char id[UUID_LEN];
	struct turn *t;

	(void)channel;
	if (payload == NULL || len != UUID_LEN - 1)
		return; /* after a gap the heartbeat tells */
	memcpy(id, payload, len);
	id[len] = '\0';
	if ((t = turn_find(p, id)) != NULL)
		turn_stop(t, E_CANCELLED);
}

static void
on_follow_tick(void *arg)
{
	struct process *p = arg;

	reactor_timer_start(p->follow_timer, FOLLOW_TICK_MS);
	followers_tick(p);
}

void
process_start(struct process *p)
{
	char channel[192];

	snprintf(channel, sizeof(channel), "%sabort", p->conf->redis_prefix);
	p->aborts = redis_subscribe(p->redis, channel, on_abort, p);
	p->beaten_ms = clock_mono_ms();
	p->heartbeat = reactor_timer_new(p->reactor, on_heartbeat_due, p);
	p->journal_timer = reactor_timer_new(p->reactor, journal_batch, p);
	p->follow_timer = reactor_timer_new(p->reactor, on_follow_tick, p);
	reactor_timer_start(p->heartbeat, PROCESS_HEARTBEAT_MS);
	reactor_timer_start(p->follow_timer, FOLLOW_TICK_MS);
}

void
process_stop(struct process *p)
{
	redis_unsubscribe(p->aborts);
	reactor_timer_free(p->heartbeat);
	reactor_timer_free(p->journal_timer);
	reactor_timer_free(p->follow_timer);
}
