/*
 * The process a request runs in: what its reactor owns.  Filled once at start
 * by the server; handlers pass it on, they do not reach into it.
 */
#ifndef WEIR_CORE_PROCESS_H
#define WEIR_CORE_PROCESS_H

#include "base/conf.h"
#include "base/ids.h"

struct reactor;
struct queue;
struct http_client;
struct redis_async;
struct scoreboard_slot;
struct leases;

struct process {
	char id[UUID_LEN]; /* row in table processes */
	const struct conf *conf;
	struct reactor *reactor;
	struct http_client *http;
	struct redis_async *redis;
	struct queue *work;	      /* struct job * for the workers: core/job.h */
	struct scoreboard_slot *score; /* this process' counters */
	struct leases *leases;	      /* slots its streams occupy: core/leases.h; reactor only */
	const struct route *routes;    /* ends with a row without method */
	bool draining;		      /* reactor only */
};

#endif
