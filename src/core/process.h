/*
 * The process a request runs in: what its reactor owns.  Filled once at start
 * by the server; handlers pass it on, they do not reach into it.
 */
#ifndef WEIR_CORE_PROCESS_H
#define WEIR_CORE_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/conf.h"
#include "base/ids.h"
#include "base/status.h"

struct reactor;
struct reactor_timer;
struct queue;
struct http_client;
struct redis_async;
struct scoreboard_slot;
struct engine;
struct process;
struct pg;
struct pg_together;
struct offers;
struct leases;
struct event_streams;
struct heartbeat;
struct mailer;
struct await;
struct request;
struct worker;

/* What a process carries that has to live on when it does not: tasks.  The
 * heartbeat asks for it, who carries it answers.  Reactor. */
struct process_cargo {
	/* The ids of live tasks, as PostgreSQL writes an array, the caller's; NULL: none. */
	char *(*list)(struct process *p);
	/* Stop one: E_CANCELLED somebody asked for it, E_INTERRUPTED others have ended it. */
	void (*stop)(struct process *p, const char *task_id, enum status why);
	/* Hand to the heartbeat what should be kept in PostgreSQL. */
	void (*checkpoint)(struct process *p);
};

struct process {
	char id[UUID_LEN]; /* row in table processes */
	const struct conf *conf;
	struct reactor *reactor;
	struct http_client *http;
	struct redis_async *redis;
	struct queue *work;	       /* struct job * for the workers: core/work.h */
	struct pg_together *together;  /* turns of one account that open at once */
	struct offers *offers;	       /* models and channels: catalog/offer.h */
	struct scoreboard_slot *score; /* this process' counters */
	const struct route *routes;    /* ends with a row without method */
	struct heartbeat *heartbeat;   /* core/heartbeat.h */
	struct mailer *mailer;	       /* NULL: no mail is configured; core/mail.h */
	atomic_size_t streams;	       /* open streams of all kinds, against server.max_streams */
	_Atomic int64_t reactor_ms;    /* when the reactor was last seen to turn, by clock_mono_ms() */

	/* reactor only */
	struct engine *engine;		   /* engine/engine.h; NULL: this process carries nothing */
	const struct process_cargo *cargo; /* NULL: the same */
	struct await *awaiting;		   /* requests that wait without a worker: core/await.h */
	struct reactor_timer *pulse_timer;
	struct leases *leases;		     /* slots its streams occupy: limits/leases.h */
	struct event_streams *event_streams; /* open /api/events of this process */
	bool draining;
};

/* Write this process' row in `processes`, before it serves: the process has an
 * id from then on.  Main thread. */
enum status process_register(struct process *p, const char *kind) MUST_CHECK;
/* Start the heartbeat and the mailer.  Reactor thread. */
void process_start(struct process *p);
/* Stop them, with what they have yet to write.  Reactor thread, after the last
 * stream ended and the workers have. */
void process_stop(struct process *p);

#endif
