/*
 * The health of channels, for readers: admins, Prometheus.
 *
 * health_json: {state: closed, open, half_open or off, open_until, first_byte_ms,
 *	errors_per_mille, calls, last_success_at, last_error: {class, http_status, at}},
 *	null where nothing is known.  What this host has seen since its responders
 *	started, the last two as well; calls and errors of the last 90 seconds.
 * Event: {id, at, channel_id, channel, key_id, key, kind, cause, http_status,
 *	until, detail, host}.
 * Stats: {from, to, total: sums, hours: [{hour, ...sums}], keys: [{key_id, key,
 *	...sums}]} with sums {tries, successes, connect, timeout, rate_limited, server,
 *	refused, cut, client, skips, switches, opens, first_byte_ms, first_byte_p95_ms,
 *	calls, request_tokens, response_tokens, cost}.
 *
 * A json_t given out is the caller's reference.
 */
#ifndef WEIR_CATALOG_HEALTH_REPORT_H
#define WEIR_CATALOG_HEALTH_REPORT_H

#include "base/buf.h"
#include "catalog/health.h"
#include "core/page.h"
#include "core/request.h"

/* key_id of health_json(): the channel with all its keys.  Its state is that of the best of
 * them. */
#define HEALTH_ALL_KEYS (-1)
/* Any thread; `h` NULL: nothing is known. */
json_t *health_json(const struct health *h, int64_t channel_id, int64_t key_id);

/* Give a channel as catalog/channels.h has it, and each of its keys, a member `health`. */
void health_add(const struct health *h, json_t *channel);

/* Newest first; channel_id 0: of all channels.  E_INVALID_REQUEST stale cursor.  Worker. */
enum status health_events(
    struct context *cx, const struct page *page, int64_t channel_id, json_t **items, bool *more) MUST_CHECK;

/* The longest time of one look. */
#define HEALTH_STATS_DAYS 31
/* Read ?from= and ?to= (a day, or RFC 3339; the last 24 hours), wall clock ms.  E_INVALID_REQUEST. */
enum status health_span_read(struct request *rq, int64_t *from_ms, int64_t *to_ms) MUST_CHECK;
/* Of the hours that begin in that time.  E_NOT_FOUND no such channel.  Worker. */
enum status health_stats(
    struct context *cx, int64_t channel_id, int64_t from_ms, int64_t to_ms, json_t **out) MUST_CHECK;

/* Prometheus text, of this host: what is known of each pair. */
void health_metrics(const struct health *h, struct buf *to);

#endif
