/*
 * What was used: a row for each settled task, written by the settlement itself
 * (tasks_end() in SQL); here it is read.
 *
 * Record: {id, created_at, request_id, task_id, key_id, model, request_tokens,
 * response_tokens, total_tokens, cached_tokens, cache_write_tokens, reasoning_tokens,
 * estimated, cost, latency_ms, first_token_ms, status, error_code}; for admins also
 * {user_id, provider, channel_id, channel, overrun, metadata}.  Costs are credits.
 *
 * weir-worker adds rows up by hours and days (usage_roll_up() in SQL) and, past
 * [usage] keep_days, removes them; sums are read from both, exactly.
 *
 * Worker-only.  A json_t given out is the caller's.
 */
#ifndef WEIR_LEDGER_USAGE_H
#define WEIR_LEDGER_USAGE_H

#include "core/page.h"
#include "core/request.h"

/* What the query of the list takes. */
extern const struct field usage_query[];

/* Which of it. */
struct usage_filter {
	const char *user_id;		     /* NULL: of all users, for admins */
	const char *key_id, *model, *status; /* NULL: any */
	const char *channel;		     /* its name, for admins; NULL: any */
	const char *from, *to;		     /* RFC 3339 or a day; NULL: the last 30 days, now */
	bool for_admin;
};

/* Read key_id, model, status, from and to of the query, on admins' routes user_id and channel as
 * well.  E_INVALID_REQUEST. */
enum status usage_filter_read(struct request *rq, struct usage_filter *out) MUST_CHECK;
/* A page of records, newest first. */
enum status usage_records(
    struct context *cx, const struct usage_filter *f, const struct page *page, json_t **items, bool *more) MUST_CHECK;
/* At most USAGE_CSV_ROWS records as CSV (RFC 4180), newest first, those before `before` (0: all);
 * in the arena. */
#define USAGE_CSV_ROWS 10000
enum status usage_csv(struct context *cx, const struct usage_filter *f, int64_t before, const char **text) MUST_CHECK;
/* Sums by `group_by`: "day", "hour", "model", "key", "status", for admins also "user" and
 * "channel": {from, to, total: sums, items: [{name, ...sums}]} with sums {calls, errors, request_tokens,
 * response_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, cost, latency_ms,
 * first_token_ms}, the last two on average, NULL where none is known; days and hours in order, the
 * rest by cost; at most USAGE_SUMS_ITEMS of them, those that cost most or are the last.
 * E_INVALID_REQUEST. */
#define USAGE_SUMS_ITEMS 5000
enum status usage_sums(struct context *cx, const struct usage_filter *f, const char *group_by, json_t **out) MUST_CHECK;

/* Of weir-worker: add up what can be added up. */
struct sweeper;
enum status usage_sweep_sums(struct sweeper *s) MUST_CHECK;
/* Remove what is older than [usage] keep_days. */
enum status usage_sweep_old(struct sweeper *s) MUST_CHECK;

#endif
