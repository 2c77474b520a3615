/*
 * Locks by name in Redis: SET NX PX with a token of one's own, extended and
 * released only by the holder of the token.  For work that is wasteful to do
 * twice, never for work that is wrong to do twice: there PostgreSQL decides.
 *
 *	{prefix}lock:{name}
 */
#ifndef WEIR_LIMITS_LOCKS_H
#define WEIR_LIMITS_LOCKS_H

#include "base/conf.h"
#include "base/ids.h"
#include "base/status.h"
#include "io/pg.h"
#include "io/redis.h"

struct lock {
	char key[192];
	char token[UUID_LEN];
};

/* Take the lock for `lease_ms`.  E_CONFLICT somebody has it; E_UNAVAILABLE no
 * Redis.  One thread with its own `r`, as all of these. */
enum status lock_acquire(
    struct redis *r, const struct conf *conf, const char *name, int64_t lease_ms, struct lock *out) MUST_CHECK;
/* Have it for `lease_ms` from now.  E_CONFLICT: it was lost; stop. */
enum status lock_extend(struct redis *r, const struct lock *lock, int64_t lease_ms) MUST_CHECK;
/* Give it back, if it is still ours. */
void lock_release(struct redis *r, const struct lock *lock);

/* The duplicate guard: may `user_id` create `conversation_id` with this agent
 * and project (either may be NULL), or was one made within
 * conf->limits_duplicate_window?  OK remembers the new one; else
 * E_DUPLICATE_CONVERSATION and `existing` holds the id of the other.  A plain
 * conversation (neither agent nor project) is never a duplicate.  Without
 * Redis PostgreSQL is asked; E_UNAVAILABLE when it does not answer.  Worker. */
enum status duplicate_guard(struct redis *r, struct pg *pg, const struct conf *conf, const char *user_id,
    const char *agent_id, const char *project_id, const char *conversation_id, char existing[UUID_LEN]) MUST_CHECK;
/* Forget `conversation_id`: it could not be made, or was deleted. */
void duplicate_forget(struct redis *r, const struct conf *conf, const char *user_id, const char *agent_id,
    const char *project_id, const char *conversation_id);

#endif
