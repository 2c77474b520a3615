/*
 * The runtime of both daemons: a reactor on the main thread, worker threads, a
 * heartbeat on a thread of its own, from start to the end of the
 * drain.  weir-fcgi and weir-worker differ by their struct process_kind.
 *
 *	process_new()	     what there is to work with; an id
 *	process_register()   the row in `processes`, where it must be there first
 *	process_start()	     threads
 *	process_run()	     until it is told to end: process_drain(), then
 *		drain()	     take in nothing more
 *		is_idle()    until what is under way has ended by itself,
 *		cut()	     or, past [server] drain_timeout, was made to
 *		the loop ends; then the workers, halt(), the heartbeat
 *	process_free()	     with release() between Redis and HTTP
 *
 * Handlers pass a process on, they do not reach into it.
 */
#ifndef WEIR_CORE_PROCESS_H
#define WEIR_CORE_PROCESS_H

#include <pthread.h>
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
struct event_stream;
struct guards;
struct key_uses;
struct heartbeat;
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

/* What a program is beyond this; NULL functions: nothing. */
struct process_kind {
	const char *name;    /* processes.kind */
	const char *program; /* its connections to PostgreSQL are called so */
	bool signs_off;	     /* removes its row at the end: nobody asks for it any more */

	/* What an idle worker waits for besides the queue.  All three or none. */
	void *(*wait)(struct process *p);	      /* something to do; NULL: wake() was called.  Worker */
	void (*serve)(struct worker *w, void *found); /* do it.  Worker */
	void (*wake)(void *process);		      /* let one wait() return NULL.  Any thread */
	/* The last idle worker went to work: nobody waits any more.  Worker. */
	void (*crowded)(struct process *p);
	/* PostgreSQL did not take a beat.  Heartbeat. */
	void (*beat_failed)(struct process *p);

	/* the way out, in this order; the reactor's thread, after process_start() only */
	void (*drain)(struct process *p);   /* take in nothing more */
	bool (*is_idle)(struct process *p); /* has all that was under way ended?  Asked again and again */
	/* The time is over: stop what is under way, each time.  True: all has ended that must not be left half done. */
	bool (*cut)(struct process *p);
	void (*halt)(struct process *p);    /* the loop has ended: join threads of your own */
	void (*release)(struct process *p); /* free what is yours */
};

struct process {
	char id[UUID_LEN]; /* row in table processes */
	const struct conf *conf;
	const struct process_kind *kind;
	void *daemon; /* the program's own, for the functions of its kind */
	struct reactor *reactor;
	struct http_client *http;
	struct redis_async *redis;
	struct queue *work;	       /* struct work * for the workers: core/work.h */
	struct pg_together *together;  /* turns of one account that open at once */
	struct offers *offers;	       /* models and channels: catalog/offer.h */
	struct scoreboard_slot *score; /* this process' counters */
	const struct route *routes;    /* ends with a row without method */
	struct heartbeat *heartbeat;   /* core/heartbeat.h */
	atomic_size_t streams;	       /* open streams of all kinds, against server.max_streams */
	atomic_int busy;	       /* workers at work */
	int n_workers;		       /* of so many */
	_Atomic int64_t reactor_ms;    /* when the reactor was last seen to turn, by clock_mono_ms() */

	/* reactor only */
	struct engine *engine;		   /* engine/engine.h; NULL: this process carries nothing */
	const struct process_cargo *cargo; /* NULL: the same */
	struct await *awaiting;		   /* requests that wait without a worker: core/await.h */
	struct reactor_timer *pulse_timer, *drain_timer;
	struct leases *leases;		    /* slots its streams occupy: limits/leases.h */
	struct event_stream *event_streams; /* open /api/events of this process */
	struct guards *guards;		    /* what ends with its session: core/guard.h */
	struct key_uses *key_uses;	    /* uses of API keys, not yet written: account/key_use.h */
	pthread_t *threads;		    /* the workers; NULL: not started */
	int64_t drain_by_ms;
	bool draining;
};

/* A process that does not run yet, by `conf`, which must outlive it.  Main thread,
 * as are all below. */
struct process *process_new(const struct conf *conf, const struct process_kind *kind);
/* Write its row in `processes`, where a task may name it as soon as it runs; else
 * the heartbeat writes it first thing.  E_UNAVAILABLE, E_INTERNAL (logged). */
enum status process_register(struct process *p) MUST_CHECK;
/* Let Redis answer, within its time-out, before anything is accepted: what a stream
 * delivers before that would be in no journal, and lost if the process is killed. */
void process_meet_redis(struct process *p);
/* Start the heartbeat and so many workers. */
void process_start(struct process *p, int n_workers);
/* Run until process_drain() has come to its end, then stop all threads, with
 * what they have yet to write. */
void process_run(struct process *p);
/* End in order; process_run() returns when it is done.  Reactor, a second call
 * does nothing. */
void process_drain(struct process *p);
/* Free one that process_run() has returned from, or that was never started.  NULL is fine. */
void process_free(struct process *p);

#endif
