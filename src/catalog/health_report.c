#include "catalog/health_report.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "io/pg.h"
#include "score/pairs.h"

/* ---- of a channel, now ---------------------------------------------------------------- */

/* What is known of a key, or of several together. */
struct sight {
	enum health_state state;
	int64_t until_ms, calls, failures, slow_ms, timed; /* slow_ms: of `timed` pairs, weighted by their calls */
	int64_t last_success_ms;
	struct pair_failure last;
	bool any;
};

/* From the best to the worst. */
static const int worse[] = { [HEALTH_CLOSED] = 0, [HEALTH_HALF_OPEN] = 1, [HEALTH_OPEN] = 2, [HEALTH_OFF] = 3 };

static void
add_pair(const struct health *h, struct sight *s, struct pair *pair, int64_t channel_id, int64_t key_id)
{
	struct pair_failure last = pair_failure_of(atomic_load(&pair->last_failure));
	int64_t success_ms = atomic_load(&pair->last_success_ms), weight;
	struct health_view v;

	health_read(h, channel_id, key_id, &v);
	if (!s->any || worse[v.state] < worse[s->state]) {
		s->state = v.state;
		s->until_ms = v.open_until_ms;
	}
	s->any = true;
	s->calls += v.calls;
	s->failures += v.errors_per_mille * v.calls;
	weight = v.calls > 0 ? v.calls : 1;
	if (v.first_byte_ms > 0) {
		s->slow_ms += v.first_byte_ms * weight;
		s->timed += weight;
	}
	if (success_ms > s->last_success_ms)
		s->last_success_ms = success_ms;
	if (last.at_ms > s->last.at_ms)
		s->last = last;
}

static struct sight
look(const struct health *h, int64_t channel_id, int64_t key_id)
{
	struct sight s = { .state = HEALTH_CLOSED };
	int64_t channel, key;
	struct pair *pair;
	uint32_t at = 0;

	if (key_id != HEALTH_ALL_KEYS && (pair = pairs_find(health_pairs(h), channel_id, key_id)) != NULL)
		add_pair(h, &s, pair, channel_id, key_id);
	while (key_id == HEALTH_ALL_KEYS && (pair = pairs_next(health_pairs(h), &at, &channel, &key)) != NULL)
		if (channel == channel_id)
			add_pair(h, &s, pair, channel, key);
	return s;
}

static json_t *
time_json(int64_t wall_ms)
{
	char text[RFC3339_LEN];

	if (wall_ms <= 0)
		return json_null();
	clock_rfc3339(wall_ms, text);
	return json_string(text);
}

static json_t *
error_json(const struct pair_failure *f)
{
	if (f->at_ms == 0)
		return json_null();
	return json_pack("{s:s, s:i, s:o}", "class", health_class_name((enum health_class)(f->class % HEALTH_CLASSES)),
	    "http_status", f->http_status, "at", time_json(f->at_ms));
}

json_t *
health_json(const struct health *h, int64_t channel_id, int64_t key_id)
{
	struct sight s = look(h, channel_id, key_id);

	return json_pack("{s:s, s:o, s:o, s:I, s:I, s:o, s:o}", "state", health_state_name(s.state), "open_until",
	    time_json(s.state == HEALTH_OPEN ? s.until_ms : 0), "first_byte_ms",
	    s.timed == 0 ? json_null() : json_integer(s.slow_ms / s.timed), "errors_per_mille",
	    (json_int_t)(s.calls == 0 ? 0 : s.failures / s.calls), "calls", (json_int_t)s.calls, "last_success_at",
	    time_json(s.last_success_ms), "last_error", error_json(&s.last));
}

/* Its calls now, where so many only may be. */
static json_t *
running(const struct health *h, int64_t id, const json_t *channel)
{
	struct pairs *pairs = health_pairs(h);

	if (pairs == NULL || !json_is_integer(json_object_get(channel, "max_concurrent")))
		return json_null();
	return json_integer((json_int_t)seats_taken(&pairs->seats, id));
}

void
health_add(const struct health *h, json_t *channel)
{
	int64_t id = json_integer_value(json_object_get(channel, "id"));
	json_t *key;
	size_t i;

	json_object_set_new(channel, "health", health_json(h, id, HEALTH_ALL_KEYS));
	json_object_set_new(channel, "running", running(h, id, channel));
	json_array_foreach(json_object_get(channel, "keys"), i, key)
		json_object_set_new(key, "health", health_json(h, id, json_integer_value(json_object_get(key, "id"))));
}

/* ---- events ------------------------------------------------------------------------------ */

#define EVENTS(than, order) \
	LIST_SQL("bigint", \
	    "SELECT FROM channel_events e WHERE e.id = $1::bigint AND ($3::bigint = 0 OR e.channel_id = $3)", \
	    "SELECT json_build_object('id', e.id, 'at', json_time(e.at), 'channel_id', e.channel_id, 'channel', e.channel," \
	    " 'key_id', e.key_id, 'key', e.key, 'kind', e.kind, 'cause', e.cause, 'http_status', e.http_status," \
	    " 'until', json_time(e.until_at), 'detail', e.detail, 'host', e.host) AS json, e.id AS at, e.id AS tie" \
	    " FROM channel_events e WHERE ($3::bigint = 0 OR e.channel_id = $3) AND e.id " than " " LIST_FIRST_INT, \
	    order)
static const struct list events = { "channel events", EVENTS("<", "DESC"), EVENTS(">", "ASC") };

enum status
health_events(struct context *cx, const struct page *page, int64_t channel_id, json_t **items, bool *more)
{
	enum status st = page_run(cx, page, &events, items, more, PI(channel_id));

	return st == OK || st == E_INVALID_REQUEST ? st : fail(cx, st, "channel events: %s", pg_error(cx->pg));
}

/* ---- the span of a look ---------------------------------------------------------------------- */

static enum status
read_time(struct request *rq, const char *name, int64_t otherwise_ms, int64_t *out_ms)
{
	const char *text = query_text(rq, name);

	*out_ms = otherwise_ms;
	if (text == NULL || *text == '\0')
		return OK;
	if (strlen(text) == 10)
		text = arena_printf(rq->cx.arena, "%sT00:00:00Z", text);
	if (!clock_parse_rfc3339(text, out_ms))
		return fail_field(&rq->cx, name, "is not a time (2026-11-29 or 2026-11-29T08:00:00Z)");
	return OK;
}

enum status
health_span_read(struct request *rq, int64_t *from_ms, int64_t *to_ms)
{
	int64_t day_ms = INT64_C(86400000);
	enum status st;

	if ((st = read_time(rq, "to", clock_wall_ms(), to_ms)) != OK ||
	    (st = read_time(rq, "from", *to_ms - day_ms, from_ms)) != OK)
		return st;
	if (*from_ms > *to_ms)
		return fail_field(&rq->cx, "from", "is after to");
	if (*to_ms - *from_ms > HEALTH_STATS_DAYS * day_ms)
		return fail_field(&rq->cx, "from", "is more than %d days before to", HEALTH_STATS_DAYS);
	return OK;
}

/* ---- statistics -------------------------------------------------------------------------------- */

enum {
	TRIES,
	SUCCESSES,
	CONNECT,
	TIMEOUT,
	RATE_LIMITED,
	SERVER,
	REFUSED,
	CUT,
	CLIENT,
	SKIPS,
	SWITCHES,
	OPENS,
	CALLS,
	REQUEST_TOKENS,
	RESPONSE_TOKENS,
	SUMS
};
static const char *const sum_names[SUMS] = { "tries", "successes", "connect", "timeout", "rate_limited", "server",
	"refused", "cut", "client", "skips", "switches", "opens", "calls", "request_tokens", "response_tokens" };

struct sums {
	int64_t n[SUMS], first_bytes, first_byte_ms, cost_ucr, histogram[SCORE_BUCKETS];
};

static void
add_row(struct sums *s, const struct rows *rows, int row)
{
	json_t *histogram = row_json(rows, row, "histogram");

	for (int i = 0; i < SUMS; i++)
		s->n[i] += row_int(rows, row, sum_names[i]);
	s->first_bytes += row_int(rows, row, "first_bytes");
	s->first_byte_ms += row_int(rows, row, "first_byte_ms");
	s->cost_ucr += row_ucr(rows, row, "cost");
	for (size_t i = 0; i < SCORE_BUCKETS; i++)
		s->histogram[i] += json_integer_value(json_array_get(histogram, i));
	json_decref(histogram);
}

/* Below what 95 of 100 are, as if those of a bucket were spread over it evenly. */
static int64_t
p95_ms(const struct sums *s)
{
	int64_t all = 0, below = 0, from_us = 0, want;

	for (int i = 0; i < SCORE_BUCKETS; i++)
		all += s->histogram[i];
	want = (all * 95 + 99) / 100;
	for (int i = 0; i < SCORE_BUCKETS - 1; i++) {
		int64_t to_us = score_first_token_buckets_us[i];

		if (below + s->histogram[i] >= want)
			return (from_us +
				   (to_us - from_us) * (want - below) / (s->histogram[i] > 0 ? s->histogram[i] : 1)) /
			    1000;
		below += s->histogram[i];
		from_us = to_us;
	}
	return from_us / 1000;
}

/* Fill `to` with the sums. */
static json_t *
sums_json(json_t *to, const struct sums *s)
{
	char cost[UCR_TEXT_LEN];

	for (int i = 0; i < SUMS; i++)
		json_object_set_new(to, sum_names[i], json_integer(s->n[i]));
	json_object_set_new(
	    to, "first_byte_ms", s->first_bytes == 0 ? json_null() : json_integer(s->first_byte_ms / s->first_bytes));
	json_object_set_new(to, "first_byte_p95_ms", s->first_bytes == 0 ? json_null() : json_integer(p95_ms(s)));
	json_object_set_new(to, "cost", json_loads(ucr_format(s->cost_ucr, cost), JSON_DECODE_ANY, NULL));
	return to;
}

#define HOURS(order) \
	"SELECT json_time(h.hour) AS hour, h.key_id, k.name AS key, h.tries, h.successes, h.connect, h.timeout," \
	" h.rate_limited, h.server, h.refused, h.cut, h.client, h.skips, h.switches, h.opens, h.calls, h.request_tokens," \
	" h.response_tokens, h.cost, h.first_bytes, h.first_byte_ms, to_json(h.histogram) AS histogram" \
	" FROM channel_hours h LEFT JOIN channel_keys k ON k.id = h.key_id AND k.channel_id = h.channel_id" \
	" WHERE h.channel_id = $1 AND h.hour >= to_timestamp($2::bigint / 1000.0)" \
	"  AND h.hour < to_timestamp($3::bigint / 1000.0) ORDER BY " order

/* One object for each run of rows that have the same in `column`. */
static json_t *
group_json(const struct rows *rows, const char *column, bool by_key)
{
	json_t *out = json_array();

	for (int row = 0; row < rows_count(rows);) {
		struct sums s = { .first_bytes = 0 };
		const char *name = row_text(rows, row, column);
		json_t *one = by_key ? json_pack("{s:I, s:s?}", "key_id", (json_int_t)row_int(rows, row, "key_id"),
					   "key", row_text(rows, row, "key"))
				     : json_pack("{s:s}", "hour", name);

		for (; row < rows_count(rows) && strcmp(row_text(rows, row, column), name) == 0; row++)
			add_row(&s, rows, row);
		json_array_append_new(out, sums_json(one, &s));
	}
	return out;
}

/* `to` is not among them: the last hour is the one that begins before it. */
static json_t *
stats_json(const struct rows *by_hour, const struct rows *by_key, int64_t from_ms, int64_t to_ms)
{
	struct sums total = { .first_bytes = 0 };

	for (int i = 0; i < rows_count(by_hour); i++)
		add_row(&total, by_hour, i);
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "from", time_json(from_ms), "to", time_json(to_ms), "total",
	    sums_json(json_object(), &total), "hours", group_json(by_hour, "hour", false), "keys",
	    group_json(by_key, "key_id", true));
}

enum status
health_stats(struct context *cx, int64_t channel_id, int64_t from_ms, int64_t to_ms, json_t **out)
{
	AUTO_ROWS struct rows *there = NULL;
	AUTO_ROWS struct rows *by_hour = NULL;
	AUTO_ROWS struct rows *by_key = NULL;
	enum status st;

	st = pg_query_again(cx->pg, &there, "SELECT FROM channels WHERE id = $1", PI(channel_id));
	if (st == OK && rows_count(there) == 0)
		return fail(cx, E_NOT_FOUND, "channel %lld", (long long)channel_id);
	if (st == OK)
		st = pg_query_again(
		    cx->pg, &by_hour, HOURS("h.hour, h.key_id"), PI(channel_id), PI(from_ms), PI(to_ms));
	if (st == OK)
		st = pg_query_again(cx->pg, &by_key, HOURS("h.key_id, h.hour"), PI(channel_id), PI(from_ms), PI(to_ms));
	if (st != OK)
		return fail(cx, st, "statistics of a channel: %s", pg_error(cx->pg));
	*out = stats_json(by_hour, by_key, from_ms, to_ms);
	return OK;
}

/* ---- Prometheus ------------------------------------------------------------------------------------ */

static const struct metric {
	const char *name, *type, *help;
	int what; /* of enum pair_count; -1: the state */
	bool by_class;
} metrics[] = {
	{ "channel_breaker", "gauge", "Channel and key: 0 closed, 1 open, 2 half open, 3 off.", -1, false },
	{ "channel_tries_total", "counter", "Requests to a channel with a key.", PAIR_TRIES, false },
	{ "channel_successes_total", "counter", "Of these, answers that came to their end.", PAIR_SUCCESSES, false },
	{ "channel_failures_total", "counter", "Of these, failures, by what went wrong.", PAIR_FAILURES, true },
	{ "channel_skips_total", "counter", "Times it was passed over, being open or off.", PAIR_SKIPS, false },
	{ "channel_switches_total", "counter", "Calls that went on elsewhere after it had failed.", PAIR_SWITCHES,
	    false },
	{ "channel_opens_total", "counter", "Times its breaker opened.", PAIR_OPENS, false },
};

static void
put_pair(
    const struct metric *m, const struct health *h, struct pair *pair, int64_t channel, int64_t key, struct buf *to)
{
	for (int c = m->by_class ? HEALTH_FINE + 1 : 0; c < (m->by_class ? HEALTH_CLASSES : 1); c++) {
		uint64_t n = m->what < 0 ? (uint64_t)health_state_of(h, pair) : atomic_load(&pair->counts[m->what + c]);

		buf_printf(to, "weir_%s{channel=\"%" PRId64 "\",key=\"%" PRId64 "\"", m->name, channel, key);
		if (m->by_class)
			buf_printf(to, ",class=\"%s\"", health_class_name((enum health_class)c));
		buf_printf(to, "} %" PRIu64 "\n", n);
	}
}

void
health_metrics(const struct health *h, struct buf *to)
{
	for (size_t i = 0; h != NULL && i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		const struct metric *m = &metrics[i];
		int64_t channel, key;
		struct pair *pair;
		uint32_t at = 0;

		buf_printf(to, "# HELP weir_%s %s\n# TYPE weir_%s %s\n", m->name, m->help, m->name, m->type);
		while ((pair = pairs_next(health_pairs(h), &at, &channel, &key)) != NULL)
			put_pair(m, h, pair, channel, key, to);
	}
}
