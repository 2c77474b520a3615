/*
 * Slots: how much one user may run at once, as leases in Redis.
 *
 * A turn occupies a place among its user's tasks (15) and among its
 * conversation's (5); an agent's turn also the conversation itself and a place
 * among the user's conversations with a running agent (3).  All of them are
 * taken, or none, in one Lua call; they are renewed while the turn lives
 * (limits/leases.h), given back when it has been settled, and free by themselves
 * within conf->limits_slot_lease after the death of their owner.
 *
 *	{prefix}task:global:{user}		sorted set  task id -> expiry
 *	{prefix}task:relay:{user}		sorted set  call id -> expiry: calls of the relay, by themselves
 *	{prefix}task:conv:{user}:{conversation}	sorted set  task id -> expiry
 *	{prefix}task:agents:{user}		sorted set  conversation id -> expiry
 *	{prefix}lock:conv:{conversation}	string      task id, with a time to live
 *
 * Expiries are milliseconds of Redis' own clock, so hosts need not agree on
 * the time.  Without Redis the limits are counted from the live tasks in
 * PostgreSQL, in the transaction that opens the turn: exact, but slower.  When
 * Redis comes back empty (FLUSHALL, a restart), running turns register again
 * within a third of a lease; until then Redis counts those opened since.  One
 * run of an agent per conversation holds even then: turn_open() looks, too.
 */
#ifndef WEIR_LIMITS_SLOTS_H
#define WEIR_LIMITS_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/ids.h"
#include "base/status.h"
#include "io/pg.h"
#include "io/redis.h"

/* Who occupies what.  A plain value: copy it freely. */
struct slot_holder {
	char task_id[UUID_LEN], user_id[UUID_LEN];
	char conversation_id[UUID_LEN]; /* "": a task without a conversation */
	bool relay;			/* a call of the relay: a place among those, and no other */
	bool agent;			/* also the conversation's lock and one of the user's agent places */
	bool held;			/* Redis has it; false: opened while Redis was away */
};

/* Fill a holder; conversation_id may be NULL.  Nothing is taken yet. */
void slot_holder_init(
    struct slot_holder *holder, const char *user_id, const char *conversation_id, const char *task_id, bool agent);

/* Take everything `holder` needs in one round trip.  OK sets holder->held;
 * taking the same holder twice is harmless.  Nothing is taken on failure:
 * E_TASK_QUEUE_FULL, E_CONVERSATION_QUEUE_FULL, E_CONVERSATION_BUSY (an agent
 * runs there), E_CONVERSATION_LIMIT; E_UNAVAILABLE: let turn_open() count in
 * PostgreSQL, and start the lease all the same: it registers the turn when
 * Redis is back.  Worker. */
enum status slots_acquire(struct redis *r, const struct conf *conf, struct slot_holder *holder) MUST_CHECK;

/* Give everything back at once: when opening the turn failed after
 * slots_acquire(), and by sweeps.  Idempotent; what cannot be said to Redis
 * expires by itself.  Worker. */
void slots_release(struct redis *r, const struct conf *conf, const struct slot_holder *holder);

/* Count what runs now: the user's tasks and, when conversation_id is not NULL,
 * the conversation's (else *conversation_n is 0).  From Redis, or else from
 * PostgreSQL; E_UNAVAILABLE when neither answers.  Worker. */
enum status slots_active(struct redis *r, struct pg *pg, const struct conf *conf, const char *user_id,
    const char *conversation_id, int64_t *user_n, int64_t *conversation_n) MUST_CHECK;

/* The keys of a holder, in this order; each at most SLOT_KEY_LEN bytes. */
enum { SLOT_KEY_USER, SLOT_KEY_CONVERSATION, SLOT_KEY_LOCK, SLOT_KEY_AGENTS, SLOT_KEYS };
#define SLOT_KEY_LEN 192
void slot_keys(const struct conf *conf, const struct slot_holder *holder, char keys[SLOT_KEYS][SLOT_KEY_LEN]);

/* The Lua that gives a holder back: KEYS as above, ARGV task, conversation. */
struct redis_script *slot_release_script(void);

#endif
