/*
 * Requests that wait for something else than PostgreSQL and Redis: a provider, a
 * mail server, another process, the time.  They hold no worker meanwhile.
 *
 *	worker    the handler fills a struct await (embedded, in the request's
 *		  arena) and ends with `return await(rq, &a->await);`
 *	reactor   begin() starts what is waited for, which calls await_over()
 *	worker    then() goes on: it asks PostgreSQL what it must, and answers as
 *		  a handler does, or waits again
 *
 * The request passes as a whole, with its arena and its connection.  A request
 * in a transaction cannot wait: not for routes with ROUTE_IDEMPOTENT.
 */
#ifndef WEIR_CORE_AWAIT_H
#define WEIR_CORE_AWAIT_H

#include <stdbool.h>

#include "core/work.h"
#include "core/request.h"

struct await {
	struct work job; /* first: the queue knows this; the server's */
	struct request *rq;
	struct await *next, **prev; /* in process->awaiting */
	bool stopped;		    /* the process is about to end: wait for nothing more */

	/* filled by who waits */
	void (*begin)(struct await *a); /* reactor */
	void (*drop)(struct await *a);	/* reactor: forget what begin() started; await_over() is not called any more */
	enum status (*then)(struct await *a); /* worker: as a handler, with a->rq */
};

/* Make `rq` wait once its handler has returned what this returns: OK, or
 * E_INTERNAL in a transaction.  Worker. */
enum status await(struct request *rq, struct await *a) MUST_CHECK;
/* List it and begin: posted by the server, once the worker is done with it.  Reactor. */
void await_begin(void *await);
/* What was waited for is here: on to a worker.  Once per begin().  Reactor. */
void await_over(struct await *a);
/* The process drains: end each wait at once, with `stopped`.  Reactor. */
void awaits_stop_all(struct process *p);
/* Forget those that nobody is left to answer; their connections are the
 * server's to close.  Main thread, at the end. */
void awaits_drop_all(struct process *p);

#endif
