/*
 * How keys are used: how often, from where, for which models, how large, how fast and
 * how often in vain.  Gathered on the reactor and written by a worker every few
 * seconds, all keys in one statement (api_keys_used() in SQL), so that a request
 * costs no write.  weir-worker judges what is written (account/watch.h).  What a
 * process that is killed had gathered is lost.
 */
#ifndef WEIR_ACCOUNT_KEY_USE_H
#define WEIR_ACCOUNT_KEY_USE_H

#include "core/context.h"

struct process;
struct request;

/* A request of a caller with a key has its status, or is carried on as a stream: counts
 * the use, its size, its model (cx.asked_model) and, for a 4xx but 429, the failure.
 * Nothing for other callers.  Worker. */
void key_called(const struct request *rq);
/* A key we know was refused, to cx's client.  Without a process (weirctl) it is not
 * counted.  Any thread. */
void key_refused(struct context *cx, const char *key_id);
/* What a call with the key used, once it is settled; ids that are no keys do no harm.
 * Reactor. */
void key_spent(struct process *p, const char *key_id, int64_t tokens);
/* Write what was gathered; from a drain on, each use at once.  Reactor. */
void key_uses_flush(struct process *p);
/* Free what the process keeps for it, at its end. */
void key_uses_free(struct process *p);

#endif
