/*
 * One request through the stages (stages.h), from its first byte to its answer
 * and its line in the log, or to where it leaves its worker: for the reactor
 * with a stream, or until what it waits for is there (core/await.h).
 */
#ifndef WEIR_SERVER_RUN_REQUEST_H
#define WEIR_SERVER_RUN_REQUEST_H

#include <stdint.h>

#include "core/work.h"

struct fcgi_conn;
struct process;

/* Serve the request on `conn`, which is the caller's and is passed on; it was
 * first seen at arrived_us, by clock_mono_us().  Worker. */
void run_request(struct worker *w, struct fcgi_conn *conn, int64_t arrived_us);
/* Answer it 503 overloaded, without PostgreSQL and Redis.  Any thread but the reactor. */
void refuse_request(struct process *p, struct fcgi_conn *conn, int64_t arrived_us);

#endif
