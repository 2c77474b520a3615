/*
 * The gate: the one way in for everything that is paid.  Slots, then one
 * transaction that takes the hold and opens the task, or nothing.  Worker.
 */
#ifndef WEIR_ENGINE_GATE_H
#define WEIR_ENGINE_GATE_H

#include "base/crypto.h"
#include "core/request.h"
#include "engine/kind.h"
#include "engine/reader.h"

/* An Idempotency-Key and what it was used for. */
struct gate_key {
	const char *key;   /* NULL: none was given */
	const char *route; /* method and path: the same key on another is a mismatch */
	unsigned char body_hash[SHA256_BYTES];
};
void gate_key_read(const struct request *rq, struct gate_key *out);

/* What is to be opened. */
struct gate_ask {
	const struct kind *kind;
	const struct gate_key *key;
	const char *conversation_id; /* NULL: the user's slots only */
	bool agent;
	int64_t model_id;
	void *own; /* the kind's */
};

/* May another stream begin here at all?  E_OVERLOADED; E_CANCELLED the client has
 * left while it waited: nothing to charge for. */
enum status gate_admit(struct request *rq) MUST_CHECK;
/* A key that was used before: *joined, and `rq` follows the task of then without
 * taking slots again.  E_IDEMPOTENCY_MISMATCH. */
enum status gate_join(struct request *rq, const struct kind *kind, const struct gate_key *key,
    const struct reader_wants *wants, bool *joined) MUST_CHECK;
/* Let a call of the relay through by an allowance of its account: *passed, its
 * ceiling (r->task.hold_ucr) is reserved, and it stands in the flight record; nothing
 * was asked of PostgreSQL, as a rule.  Not passed: gate_open().  `price` is what it
 * will be charged by.  E_TASK_QUEUE_FULL. */
enum status gate_pass(struct request *rq, const struct gate_key *key, struct run *r, int64_t model_id,
    const struct price *price, bool *passed) MUST_CHECK;
/* Open `task` (id, user and hold are set): *rows is what the kind's `open` told, the
 * caller's.  NULL with OK: a rival with the same key was first, and `rq` follows
 * its task; or it waits for credits that other processes hold, and its handler will
 * run anew.  Errors: E_INSUFFICIENT_CREDITS (details balance, required),
 * E_TASK_QUEUE_FULL, E_CONVERSATION_QUEUE_FULL, E_CONVERSATION_LIMIT,
 * E_CONVERSATION_BUSY, E_NOT_FOUND, E_CONFLICT, E_ACCOUNT_DISABLED,
 * E_IDEMPOTENCY_MISMATCH, E_UNAVAILABLE; then nothing was taken. */
enum status gate_open(struct request *rq, const struct gate_ask *ask, struct task *task,
    const struct reader_wants *wants, struct rows **rows) MUST_CHECK;

#endif
