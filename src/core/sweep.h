/*
 * What weir-worker does, one row per kind of work.
 *
 * Every sweep may run in any number of workers at once and may be killed at
 * any moment: who ends a task or a hold is decided by the SQL function that
 * ends it, once, and what was left half done is found again by the next.
 *
 * TO ADD A SWEEP: 1. write its function, in the room whose rows it looks at; 2. add
 * a row to house/sweeps.def (SLOW_SWEEP: it waits for other than PostgreSQL and Redis);
 * 3. test it in tests/it/engine/test_worker.py.
 */
#ifndef WEIR_CORE_SWEEP_H
#define WEIR_CORE_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/context.h"

/* What a sweep works with: connections of its own, on a thread of its own. */
struct sweeper {
	struct context cx;	/* its arena ends with each sweep */
	bool (*stopping)(void); /* asked between pieces of work */
	/* After an outage of PostgreSQL everybody's heartbeat is old: nobody is
	 * taken for dead before this time (monotonic ms). */
	int64_t patient_until_ms;
};

struct sweep {
	const char *name;
	int64_t every_ms;
	bool waits; /* for others than PostgreSQL and Redis: on a thread of its own, so that none is late for it */
	/* Do what is due; errors are logged by the caller. */
	enum status (*run)(struct sweeper *s);
};

#endif
