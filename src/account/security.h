/*
 * Security events: what was odd about the use of API keys, and keys that leaked.
 *
 *	responders ── key_use.h ──► key_hours ── watch, every few seconds ──► security_events
 *	a list of leaked keys ── leaks_import() ────────────────────────────► security_events
 *	security_events ── watch: once each ──► security_deliver(): owner, by event and mail
 *
 * Event JSON: {id, created_at, kind, action, key_id, key_name, key_prefix, key_status,
 * user_id, details, told_at, resolved_at, resolved_by, note}.
 *
 * Worker-only.  A json_t given out is the caller's.
 */
#ifndef WEIR_ACCOUNT_SECURITY_H
#define WEIR_ACCOUNT_SECURITY_H

#include "core/page.h"
#include "core/request.h"

/* What the query of the list takes. */
extern const struct field security_query[];

/* Which events; NULL: any. */
struct security_filter {
	const char *kind, *user_id, *key_id;
	const char *open; /* "yes": not resolved, "no" */
};

/* Newest first.  E_INVALID_REQUEST. */
enum status security_events_list(struct context *cx, const struct page *page, const struct security_filter *f,
    json_t **items, bool *more) MUST_CHECK;
/* Put an event away, with a note (NULL: none); one that is stays as it is.  E_NOT_FOUND. */
enum status security_event_resolve(struct context *cx, int64_t id, const char *note, json_t **out) MUST_CHECK;

/* What a list of leaked keys came to. */
struct leaks {
	int64_t seen;	/* keys and hashes in the text */
	int64_t known;	/* that are keys of ours */
	int64_t locked; /* that were locked; the others had ended or were locked before */
};

/* Find keys of ours in a text of any kind, as they are or as SHA-256 in hex, and lock
 * them: what runs with them ends within seconds, as when they are revoked.  Each has a
 * security event, by which weir-worker tells its owner.  `locked` is the ids of those that
 * were locked, an array.  Neither keys nor text are logged. */
enum status leaks_import(
    struct context *cx, const char *text, size_t len, struct leaks *out, json_t **locked) MUST_CHECK;

/* A sweep of weir-worker: judge what was gathered, tell what is not told yet, forget
 * what is old. */
struct sweeper;
enum status watch_keys(struct sweeper *s) MUST_CHECK;

#endif
