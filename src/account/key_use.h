/*
 * How often keys are used, and from where.  Uses are gathered on the reactor and
 * written by a worker every few seconds, all keys in one statement, so that a
 * request costs no write.  What a process that is killed had gathered is lost.
 */
#ifndef WEIR_ACCOUNT_KEY_USE_H
#define WEIR_ACCOUNT_KEY_USE_H

#include "core/context.h"

struct process;

/* The key was used, by cx's client.  Without a process (weirctl) it is not counted.  Any thread. */
void key_used(struct context *cx, const char *key_id);
/* Write what was gathered; from a drain on, each use at once.  Reactor. */
void key_uses_flush(struct process *p);
/* Free what the process keeps for it, at its end. */
void key_uses_free(struct process *p);

#endif
