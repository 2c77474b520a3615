/*
 * What was used: a row for each settled task, written by the settlement itself
 * (tasks_end() in SQL); here it is read.
 *
 * Record: {id, created_at, request_id, task_id, key_id, provider?, model,
 * request_tokens, response_tokens, cached_tokens, cache_write_tokens,
 * reasoning_tokens, estimated, cost, latency_ms, first_token_ms, status,
 * error_code}; for admins also {user_id, channel, overrun}.  Costs are credits.
 *
 * Worker-only.  A json_t given out is the caller's.
 */
#ifndef WEIR_LEDGER_USAGE_H
#define WEIR_LEDGER_USAGE_H

#include "core/page.h"
#include "core/request.h"

/* Which of it. */
struct usage_filter {
	const char *user_id;		     /* NULL: of all users, for admins */
	const char *key_id, *model, *status; /* NULL: any */
	const char *from, *to;		     /* RFC 3339 or a day; NULL: the last 30 days, now */
	bool for_admin;
};

/* Read user_id (admins), key_id, model, status, from and to of the query.  E_INVALID_REQUEST. */
enum status usage_filter_read(struct request *rq, bool for_admin, struct usage_filter *out) MUST_CHECK;
/* A page of records, newest first. */
enum status usage_records(
    struct context *cx, const struct usage_filter *f, const struct page *page, json_t **items, bool *more) MUST_CHECK;
/* At most USAGE_CSV_ROWS records as CSV (RFC 4180), newest first; in the arena. */
#define USAGE_CSV_ROWS 10000
enum status usage_csv(struct context *cx, const struct usage_filter *f, const char **text) MUST_CHECK;
/* Sums by `group_by`: "day", "hour", "model", "key", "status", for admins also "user" and
 * "channel": {from, to, total: sums, items: [{name, ...sums}]} with sums {calls, request_tokens,
 * response_tokens, cost}, days and hours in order, the rest by cost.  E_INVALID_REQUEST. */
enum status usage_sums(struct context *cx, const struct usage_filter *f, const char *group_by, json_t **out) MUST_CHECK;

#endif
