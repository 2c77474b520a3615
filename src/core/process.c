#include "core/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "core/heartbeat.h"
#include "core/mail.h"
#include "io/reactor.h"

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
	char *mine = p->cargo == NULL ? NULL : p->cargo->list(p);

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
	for (int i = 0; i < n && p->cargo != NULL; i++)
		p->cargo->stop(p, task_ids[i], why);
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
	if (p->cargo != NULL && !heartbeat_busy(p->heartbeat)) /* PostgreSQL is slow: do not pile up */
		p->cargo->checkpoint(p);
}

void
process_start(struct process *p)
{
	p->pulse_timer = reactor_timer_new(p->reactor, on_pulse, p);
	on_pulse(p);
	p->mailer = mailer_start(p->conf, p->score);
	heartbeat_start(p->heartbeat,
	    &(struct heartbeat_hooks){ .arg = p, .vouch = is_turning, .on_late = on_late, .on_news = on_news });
}

void
process_stop(struct process *p)
{
	struct heartbeat *h = p->heartbeat;

	mailer_stop(p->mailer);
	if (p->cargo != NULL)
		p->cargo->checkpoint(p);
	p->heartbeat = NULL; /* what it has posted by now finds it gone */
	heartbeat_stop(h);
	reactor_run_posted(p->reactor);
	reactor_timer_free(p->pulse_timer);
}
