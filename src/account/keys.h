/*
 * API keys: what programs sign in with on the API paths, instead of a session.
 *
 * A key (account/key_text.h) is shown once, when it is made; we keep its SHA-256.
 * It has the rights of its user within limits of its own, never those of an
 * admin, and no session route takes it.
 *
 * Key JSON: {id, name, label, prefix, status, scopes, models, allow_ips, expires_at,
 * budget: {amount, period, left, resets_at} or null, rpm, tpm, max_concurrent,
 * rotated_to, group, auto_rotate, rotate_every_days, rotates_at, collectable, locked_at,
 * lock_reason, last_used_at, last_ip, use_count, spent, created_at, revoked_at};
 * null is no limit of its own.  Admins see user_id and user as well.
 *
 *	active  ── rotate ──► rotated  accepted until the end of the overlap; the
 *	  │  ▲                         new key's limits and budget count for it
 *	  │  └ a later expires_at ┐
 *	  ├── time, or expire ──► expired ───┘
 *	  ├── revoke ► revoked         ends at once what runs with it
 *	  └──────────► locked          by an operator; ends what runs
 *
 * Worker-only but for what says otherwise.  A json_t given out is the caller's
 * reference.  Keys are those of cx->caller.user_id; others' are E_NOT_FOUND.
 */
#ifndef WEIR_ACCOUNT_KEYS_H
#define WEIR_ACCOUNT_KEYS_H

#include "account/key_text.h"
#include "core/page.h"
#include "core/request.h"

/* What the query of the list takes. */
extern const struct field keys_query[];

/* So many keys of a user may be alive, and so many are kept with those that ended. */
#define KEYS_LIVE_MAX 50
#define KEYS_KEPT_MAX 500
#define KEY_OVERLAP_MAX_S (30 * 24 * 3600)

/* What keys are made from and changed by. */
extern const struct field key_fields[], key_change_fields[];

/* Make a key from checked input; *out has "key", once.  E_INVALID_REQUEST;
 * E_CONFLICT there are too many. */
enum status key_create(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;
/* Which keys; NULL: any. */
struct key_filter {
	const char *user_id;		/* NULL: of all users, for admins */
	const char *status, *label, *q; /* q occurs in name, label or prefix, for admins also in who has it */
	bool for_admin;
};
/* Read status, label and q of the query, on admins' routes user_id as well.  E_INVALID_REQUEST. */
enum status key_filter_read(struct request *rq, struct key_filter *out) MUST_CHECK;
/* Newest first. */
enum status keys_list(
    struct context *cx, const struct page *page, const struct key_filter *f, json_t **items, bool *more) MUST_CHECK;
/* The same as CSV with a head, in the arena; without secrets; KEYS_CSV_ROWS at most. */
#define KEYS_CSV_ROWS 10000
enum status keys_export(struct context *cx, const struct key_filter *f, const char **csv) MUST_CHECK;
/* What the caller's account and its keys with a budget may still spend: {balance, held,
 * group, ratio, user_budget, group_budget, keys: [{id, name, prefix, budget}]}; for a caller with a key that key alone. */
enum status keys_quota(struct context *cx, json_t **out) MUST_CHECK;
/* E_NOT_FOUND, also for id NULL, as below. */
enum status key_find(struct context *cx, const char *id, json_t **out) MUST_CHECK;
/* Change what `in` has.  E_CONFLICT it is neither active nor expired. */
enum status key_update(struct context *cx, const char *id, const json_t *in, json_t **out) MUST_CHECK;
/* Put a new key in its place, with its limits, and what it has spent; *out is the
 * new one, with "key".  The old one is accepted for overlap_s more.  E_CONFLICT it
 * is not active, or there are too many. */
enum status key_rotate(struct context *cx, const char *id, int64_t overlap_s, json_t **out) MUST_CHECK;
/* End it; one that has ended stays as it is. */
enum status key_revoke(struct context *cx, const char *id, json_t **out) MUST_CHECK;
/* End it by time: as if expires_at were now; what runs goes on.  E_CONFLICT it has
 * ended or is locked. */
enum status key_expire(struct context *cx, const char *id, json_t **out) MUST_CHECK;
/* The secret of a key that was made by a rotation by itself: *out has "key", this once.
 * E_CONFLICT there is nothing to collect (any more). */
enum status key_collect(struct context *cx, const char *id, json_t **out) MUST_CHECK;
/* For operators: take it away from its owner, and what runs with it, for a reason (NULL: not
 * told); its owner is told.  Anybody's.  E_CONFLICT it has ended. */
enum status key_lock(struct context *cx, const char *id, const char *reason, json_t **out) MUST_CHECK;
/* Give it back.  Anybody's.  E_CONFLICT it is not locked. */
enum status key_unlock(struct context *cx, const char *id, json_t **out) MUST_CHECK;
/* Remove it, and with it what it was used for from the list; ends it as well. */
enum status key_delete(struct context *cx, const char *id) MUST_CHECK;

/* ---- by the clock: sweeps of weir-worker ---------------------------------- */

struct sweeper;
/* Remind owners of keys that end, 7 days and 1 day before, once each. */
enum status keys_remind(struct sweeper *s) MUST_CHECK;
/* Put others in the place of keys that rotate by themselves, and tell their owners to
 * collect them. */
enum status keys_rotate_due(struct sweeper *s) MUST_CHECK;

/* ---- signing in ---------------------------------------------------------- */

/* Whose key is it, and may it be used, now and from here?  Fills cx->caller and counts
 * the use; else it has failed, in words that help who has the key: E_UNAUTHENTICATED
 * (unknown, mistyped, ended), E_FORBIDDEN (locked, another address),
 * E_ACCOUNT_DISABLED, E_UNAVAILABLE no database.  One query; for what cannot be a
 * key none. */
enum status key_check(struct context *cx, const char *text) MUST_CHECK;
/* May the caller ask for this model?  Whoever has a session may.  Any thread. */
bool key_may_use_model(const struct principal *caller, const char *model);
/* May the caller do what the scope ("chat") is for?  Each route of the API asks before
 * anything else.  E_FORBIDDEN. */
enum status key_need_scope(struct context *cx, const char *scope) MUST_CHECK;

#endif
