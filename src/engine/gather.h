/*
 * Before a caller is told that the credits do not do: what allowances hold idle of
 * them goes back, ours, dead processes', and others' when they are asked.
 */
#ifndef WEIR_ENGINE_GATHER_H
#define WEIR_ENGINE_GATHER_H

#include "core/request.h"

enum gathered {
	GATHER_NONE,  /* nothing is to be had, or not in time */
	GATHER_AGAIN, /* try again at once */
	GATHER_WAIT,  /* the request waits, without a worker, and its handler runs anew */
};

/* After PostgreSQL said `allowances` (task_open() in SQL), which has asked their owners.
 * Worker, outside a transaction. */
enum gathered gather_credits(struct request *rq);

#endif
