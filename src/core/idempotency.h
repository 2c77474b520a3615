/*
 * Idempotency-Key on routes that create something in one database transaction
 * (flag ROUTE_IDEMPOTENT): the key, what the handler did and what it answered
 * are committed together, or not at all.
 *
 * A second request with the same key waits for the first, then gets its
 * outcome; with another body or path it is a conflict.  A failed request leaves
 * no key: it changed nothing and may be tried again.  Keys live for 24 hours.
 *
 * Turns keep their keys themselves (turn_open() in SQL): their outcome is a
 * stream that can be joined.
 */
#ifndef WEIR_CORE_IDEMPOTENCY_H
#define WEIR_CORE_IDEMPOTENCY_H

#include "core/request.h"

/* Before the handler.  OK with *replayed false: go on, inside a transaction
 * when the request has a key; with *replayed true: rq holds the first outcome.
 * E_IDEMPOTENCY_MISMATCH, E_UNAVAILABLE.  Worker. */
enum status idempotency_begin(struct request *rq, bool *replayed) MUST_CHECK;
/* After the handler, with its status: commits the outcome or rolls back.
 * Returns the status that counts. */
enum status idempotency_end(struct request *rq, enum status st) MUST_CHECK;

#endif
