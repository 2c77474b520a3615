#include "core/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "engine/follow.h"
#include "core/heartbeat.h"
#include "engine/journal.h"
#include "core/mail.h"
#include "chat/turn.h"
#include "io/reactor.h"
#include "io/redis.h"

#define FOLLOW_TICK_MS 50
#define PULSE_MS 5000	    /* how often the reactor is seen to turn, and what Redis missed is collected */
#define PULSE_LOST_MS 20000 /* a reactor that does not turn for so long carries nothing any more */

enum status
process_register(struct process *p, const char *kind)
{
	enum status st;

	p->heartbeat = heartbeat_new(p->conf, kind);
	memcpy(p->id, heartbeat_id(p->heartbeat), UUID_LEN);
	if ((st = heartbeat_register(p->heartbeat)) != OK) {
		heartbeat_stop(p->heartbeat);
		p->heartbeat = NULL;
	}
	return st;
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
	char *mine = turns_list(p);

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
	for (int i = 0; i < n; i++) {
		struct turn *t = turn_find(p, task_ids[i]);

		if (t != NULL)
			turn_stop(t, why);
	}
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
	if (!heartbeat_busy(p->heartbeat)) /* PostgreSQL is slow: do not pile up */
		journal_checkpoint(p);
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
	p->pulse_timer = reactor_timer_new(p->reactor, on_pulse, p);
	p->journal_timer = reactor_timer_new(p->reactor, journal_batch, p);
	p->follow_timer = reactor_timer_new(p->reactor, on_follow_tick, p);
	on_pulse(p);
	reactor_timer_start(p->follow_timer, FOLLOW_TICK_MS);
	p->mailer = mailer_start(p->conf, p->score);
	heartbeat_start(p->heartbeat,
	    &(struct heartbeat_hooks){ .arg = p, .vouch = is_turning, .on_late = on_late, .on_news = on_news });
}

void
process_stop(struct process *p)
{
	struct heartbeat *h = p->heartbeat;

	mailer_stop(p->mailer);
	journal_checkpoint(p);
	p->heartbeat = NULL; /* what it has posted by now finds it gone */
	heartbeat_stop(h);
	reactor_run_posted(p->reactor);
	redis_unsubscribe(p->aborts);
	reactor_timer_free(p->pulse_timer);
	reactor_timer_free(p->journal_timer);
	reactor_timer_free(p->follow_timer);
}
