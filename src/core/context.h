/*
 * Who asks, with what, and how it ended: all that a noun needs.  A request
 * brings one (core/request.h), and so do a sweep, a subcommand of weirctl and
 * whatever else calls nouns.  It belongs to one thread.
 */
#ifndef WEIR_CORE_CONTEXT_H
#define WEIR_CORE_CONTEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/ids.h"
#include "base/status.h"
#include "io/pg.h"
#include "io/redis.h"

struct process;
struct effect;

/* What an API key may do beside what its user may.  A number of 0 is no limit of its own. */
struct key_limits {
	/* Whose limits and spending these are: the key's own id, or that of the one
	 * that took its place.  What counts per key counts under this id. */
	const char *shared_id;
	const json_t *models, *scopes; /* arrays of names; NULL: all.  account/keys.h asks them */
	int64_t rpm, tpm, max_concurrent;
	bool has_budget;
};

/* Who is calling: filled by the auth stage; user_id NULL when nobody signed in.
 * A user has a session_id or a key_id. */
struct principal {
	const char *user_id, *session_id;
	const char *key_id; /* NULL: came with a session */
	const char
	    *group; /* whose prices and channels hold: the key's, or else the user's; never NULL beside a user_id */
	const struct key_limits *limits; /* of the key; NULL without one */
	bool admin;			 /* never with a key */
	bool needs_factor;		 /* would be an admin, but for [auth] admin_factor */
};

struct context {
	struct arena *arena;
	const struct conf *conf;
	struct process *process; /* core/process.h; NULL in weirctl */
	struct pg *pg;
	struct redis *redis;
	struct principal caller;
	const char *asked_model; /* what a call is for, once that is known; NULL: no model */
	enum lang lang;
	const char *request_id, *trace_id, *traceparent; /* NULL: none */
	const char *client_ip;				 /* NULL: none */
	const char *user_agent;				 /* at most 500 characters of UTF-8; NULL: none */

	/* how it ended badly */
	enum status error;   /* what fail() was told */
	const char *message; /* localized text of the error */
	const char *log_detail;
	json_t *details;   /* of the error; owned */
	int retry_after_s; /* 0: not told */

	struct effect *effects; /* what waits for the end of the transaction */
};

/* ---- errors ---- */

/* End with an error: sets status, code, localized text and the log detail
 * (printf, English, may be NULL); returns `st` so that callers write
 * `return fail(cx, E_NOT_FOUND, "conversation %s", id);`. */
enum status fail(struct context *cx, enum status st, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same, with "details"; takes over the reference. */
enum status fail_with(struct context *cx, enum status st, json_t *details, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* E_INVALID_REQUEST naming a field: details.field and details.problem. */
enum status fail_field(struct context *cx, const char *field, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Replace the localized text (both languages given; printf-free). */
void fail_message(struct context *cx, const char *en, const char *zh);
/* Say when it is worth trying again. */
void fail_retry_after(struct context *cx, int seconds);

/* ---- effects: what others are told, once it is known how it ended ---- */

/* `arg` must live as long as cx->arena. */
typedef void effect_fn(struct context *cx, void *arg);

/* Run `fn` once the transaction that is open on cx->pg has been committed, and
 * never when it was not: events, aborts, mails.  At once when none is open. */
void after_commit(struct context *cx, effect_fn *fn, void *arg);
/* Run `fn` when it is over, however it ended: what must be known even so. */
void after_end(struct context *cx, effect_fn *fn, void *arg);
/* pg_commit() and pg_rollback() on cx->pg: what waits runs, in the order in which
 * it was asked for, once the outermost transaction is over. */
enum status context_commit(struct context *cx) MUST_CHECK;
void context_rollback(struct context *cx);

/* ---- JSON ---- */

/* Flags for json_dumps() of whatever leaves: 15 digits, so that 0.1 stays 0.1
 * and credits are exact up to a thousand million. */
#define JSON_WIRE (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

/* Credits as the decimal number of the API. */
json_t *json_credits(int64_t ucr);
/* A json_t that dies with the arena; NULL for NULL. */
json_t *json_own(struct arena *a, json_t *j);

#endif
