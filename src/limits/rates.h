/*
 * Rate limits: how often somebody may ask, as sliding windows in Redis.
 *
 * A request counts in up to four dimensions at once: the route's class
 * (limits_rate_*) per user, or per address when nobody signed in; the client
 * address over all routes; the whole site; the API key's own rpm.  All are looked at in one Lua call,
 * and only when each has room does the request count in any.  IPv6 clients
 * are told apart by /64.  Who tries a password counts per account as well.
 *
 * A window begins with its first request: within conf's period never more than
 * the limit pass.  Afterwards the previous window weighs in by the share that
 * still overlaps, so that no boundary lets twice the limit through.
 *
 *	{prefix}rate:{class}:{user or address}	{prefix}rate:address:{address}	{prefix}rate:global
 *	{prefix}rate:key:{key, or the one that took its place}
 *	{prefix}rate:account:{half a SHA-256 of login name or user}
 *
 * Without Redis each process counts for itself (GCRA in a fixed table), so a
 * pool of N processes lets up to N times the limit through; an alarm is logged
 * once a minute.
 */
#ifndef WEIR_LIMITS_RATES_H
#define WEIR_LIMITS_RATES_H

#include "core/request.h"

/* The stage: OK, or E_RATE_LIMITED with Retry-After.  For routes that open a call of
 * the relay it takes the call's place too (rq->place), in the same Lua call;
 * E_TASK_QUEUE_FULL.  Sets RateLimit-Limit,
 * -Remaining and -Reset of the tightest dimension (draft-ietf-httpapi-
 * ratelimit-headers-03).  Routes of class RATE_NONE count nowhere.  Worker. */
enum status limits_stage(struct request *rq);

/* For want of slots of a user, of whom `most` may be taken: says so and when to try
 * again; E_TASK_QUEUE_FULL. */
enum status limits_refuse_tasks(struct context *cx, int64_t most);
/* Give back the place that the stage took for a call of the relay (ROUTE_CALL), if
 * nobody has taken it over (rq->place->held).  Worker. */
void limits_give_place(struct request *rq);

/* Count a try of a password against conf->limits_rate_account.  `account` is a
 * login name in its one spelling, or a user id; the key has its hash, so that
 * names people type are not kept.  Asked before the account is looked up, the
 * answer and its time tell nothing of it.  OK, or E_RATE_LIMITED with
 * Retry-After; RateLimit-* stay those of the stage.  Worker. */
enum status limits_account(struct context *cx, const char *account) MUST_CHECK;

/* One dimension of one question, and its answer. */
struct limit {
	char key[160]; /* without the prefix: "rate:stream:{id}" */
	struct rate rate;
	/* filled by limits_take() */
	int64_t remaining, reset_ms, retry_after_ms; /* retry_after_ms > 0: this one refused */
};

/* Count one request in all `n` (at most 8) dimensions, or in none.  Rates with
 * count 0 are skipped.  *tightest is the index of the dimension to report: the
 * refusing one that takes longest, else the one with least room; -1 when all
 * are off.  OK or E_RATE_LIMITED; never E_UNAVAILABLE.  Any thread with its
 * own `r`. */
enum status limits_take(struct redis *r, const struct conf *conf, struct limit *limits, int n, int *tightest);

/* What tells client addresses apart, in `out`: an IPv4 address, the /64 of an
 * IPv6 address, which is what one subscriber gets, or "unknown" for NULL. */
#define LIMITS_ADDRESS_LEN 50
void limits_address(const char *ip, char out[LIMITS_ADDRESS_LEN]);

/* Requests counted without Redis since start, for /metrics.  Any thread. */
uint64_t limits_degraded_count(void);

#endif
