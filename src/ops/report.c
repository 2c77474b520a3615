#include "ops/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static const char *const state_names[] = { "free", "starting", "ready", "draining" };
static const char *const breaker_names[] = { "closed", "open", "probing" };

enum unit { NONE, US };
enum kind { COUNTER, GAUGE, PEAK, LEVEL };
static const struct {
	const char *metric, *help;
	enum kind kind;
	enum unit unit;
} scores[SCORE_COUNT] = {
#define SCORE(NAME, kind, unit, metric, help) { metric, help, kind, unit },
#include "score/score.def"
#undef SCORE
};

static int64_t
value(const struct score_snapshot *s, enum score what)
{
	return s->values[what];
}

static const char *
breaker_name(const struct score_snapshot *s)
{
	int64_t n = value(s, SCORE_REDIS_BREAKER);

	return breaker_names[n >= 0 && n <= 2 ? n : 1];
}

static int
count_state(const struct score_snapshot *s, enum slot_state state)
{
	int n = 0;

	for (size_t i = 0; i < s->n_processes; i++)
		n += s->processes[i].state == state;
	return n;
}

/* ---- Prometheus ---- */

static void
metric_head(struct buf *to, const char *name, const char *type, const char *help)
{
	buf_printf(to, "# HELP weir_%s %s\n# TYPE weir_%s %s\n", name, help, name, type);
}

static void
metric_int(struct buf *to, const char *name, const char *type, const char *help, int64_t n)
{
	metric_head(to, name, type, help);
	buf_printf(to, "weir_%s %" PRId64 "\n", name, n);
}

/* One histogram's lines; `labels` is "" or "route=\"x\",". */
static void
metric_histogram(struct buf *to, const char *name, const char *labels, const struct score_histogram *h,
    const int64_t bounds_us[SCORE_BUCKETS])
{
	uint64_t below = 0;
	size_t len = strlen(labels);

	for (int i = 0; i < SCORE_BUCKETS; i++) {
		below += h->buckets[i];
		if (i < SCORE_BUCKETS - 1)
			buf_printf(to, "weir_%s_bucket{%sle=\"%g\"} %" PRIu64 "\n", name, labels,
			    (double)bounds_us[i] / 1e6, below);
		else
			buf_printf(to, "weir_%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, below);
	}
	if (len > 0)
		len--; /* without the comma */
	buf_printf(to, "weir_%s_sum%s%.*s%s %.6f\n", name, len > 0 ? "{" : "", (int)len, labels, len > 0 ? "}" : "",
	    (double)h->sum_us / 1e6);
	buf_printf(to, "weir_%s_count%s%.*s%s %" PRIu64 "\n", name, len > 0 ? "{" : "", (int)len, labels,
	    len > 0 ? "}" : "", h->count);
}

static void
metrics_pool(const struct score_snapshot *s, struct buf *to)
{
	metric_head(to, "processes", "gauge", "Responder processes by what they do.");
	for (int state = SLOT_STARTING; state <= SLOT_DRAINING; state++)
		buf_printf(to, "weir_processes{state=\"%s\"} %d\n", state_names[state],
		    count_state(s, (enum slot_state)state));
	metric_int(to, "start_time_seconds", "gauge", "When the counting began, in seconds since the epoch.",
	    s->started_ms / 1000);
	metric_int(
	    to, "pool_respawns_total", "counter", "Processes started in the place of one that died.", s->pool.respawns);
	metric_int(to, "pool_reloads_total", "counter", "Reloads that went well.", s->pool.reloads);
	metric_int(
	    to, "pool_reloads_failed_total", "counter", "Reloads that kept the old processes.", s->pool.reloads_failed);
	if (s->pool.listen_queue < 0)
		return; /* the kernel does not tell */
	metric_int(to, "listen_queue", "gauge", "Connections that wait to be accepted.", s->pool.listen_queue);
	metric_int(to, "listen_queue_max", "gauge", "Most connections that waited, looked at once a second.",
	    s->pool.listen_queue_max);
	metric_int(to, "listen_backlog", "gauge", "Connections that may wait.", s->pool.listen_backlog);
}

static void
metrics_routes(const struct score_snapshot *s, struct buf *to)
{
	char labels[80];

	metric_head(to, "requests_total", "counter", "Requests answered, by route and class of the HTTP status.");
	for (size_t r = 0; r < s->n_routes; r++)
		for (int class = 0; class < 6; class ++)
			if (s->routes[r].by_class[class] > 0)
				buf_printf(to, "weir_requests_total{route=\"%s\",status=\"%dxx\"} %" PRIu64 "\n",
				    s->routes[r].name, class, s->routes[r].by_class[class]);
	metric_head(to, "request_duration_seconds", "histogram", "Time to answer a request; for a stream: to open it.");
	for (size_t r = 0; r < s->n_routes; r++) {
		if (s->routes[r].latency.count == 0)
			continue;
		snprintf(labels, sizeof(labels), "route=\"%s\",", s->routes[r].name);
		metric_histogram(
		    to, "request_duration_seconds", labels, &s->routes[r].latency, score_request_buckets_us);
	}
}

void
score_metrics(const struct score_snapshot *s, struct buf *to)
{
	metrics_pool(s, to);
	for (int i = 0; i < SCORE_COUNT; i++) {
		const char *type = scores[i].kind == COUNTER ? "counter" : "gauge";

		metric_head(to, scores[i].metric, type, scores[i].help);
		if (scores[i].unit == US)
			buf_printf(to, "weir_%s %.6f\n", scores[i].metric, (double)s->values[i] / 1e6);
		else
			buf_printf(to, "weir_%s %" PRId64 "\n", scores[i].metric, s->values[i]);
	}
	metrics_routes(s, to);
	metric_head(to, "first_token_seconds", "histogram", "Time from the arrival of a turn to its first content.");
	metric_histogram(to, "first_token_seconds", "", &s->first_token, score_first_token_buckets_us);
}

/* ---- advice ---- */

static void
advise(json_t *list, const char *text)
{
	json_array_append_new(list, json_string(text));
}

/* How the requests fared. */
static void
advise_requests(const struct score_snapshot *s, const struct conf *conf, json_t *list)
{
	if (value(s, SCORE_ALL_BUSY) > 0)
		json_array_append_new(list,
		    json_sprintf("all workers were busy %" PRId64 " times: raise [server] workers (now %" PRId64
				 " per process)",
			value(s, SCORE_ALL_BUSY), conf->server_workers));
	if (value(s, SCORE_OVERLOADED) > 0)
		json_array_append_new(list,
		    json_sprintf("%" PRId64 " requests were refused with 503 overloaded: raise [server] workers, "
				 "processes or queue (now %" PRId64 ")",
			value(s, SCORE_OVERLOADED), conf->server_queue));
	if (value(s, SCORE_SLOW_REQUESTS) * 100 > (int64_t)s->requests)
		json_array_append_new(list,
		    json_sprintf("%" PRId64 " of %" PRIu64 " requests were slow: look for slow_request in the log",
			value(s, SCORE_SLOW_REQUESTS), s->requests));
	if (s->requests >= 100 && s->errors * 100 > s->requests)
		json_array_append_new(list,
		    json_sprintf("%" PRIu64 " of %" PRIu64 " requests ended with a 5xx status: look at the log",
			s->errors, s->requests));
	if (s->pool.listen_backlog > 0 && s->pool.listen_queue_max * 2 > s->pool.listen_backlog)
		json_array_append_new(list,
		    json_sprintf("%" PRId64 " connections waited at the socket, which takes %" PRId64
				 ": raise [server] processes, or Backlog= in weir.socket and net.core.somaxconn",
			s->pool.listen_queue_max, s->pool.listen_backlog));
}

/* How the processes fared. */
static void
advise_pool(const struct score_snapshot *s, json_t *list)
{
	if (count_state(s, SLOT_READY) == 0)
		advise(list, "no process is ready to serve: look at the log (journalctl -u weir)");
	if (s->pool.respawns > 0)
		json_array_append_new(list,
		    json_sprintf("%" PRId64
				 " processes died and were started again: look for responder_died in the log",
			s->pool.respawns));
	if (s->pool.reloads_failed > 0)
		json_array_append_new(list,
		    json_sprintf("%" PRId64 " reloads failed and left the old processes running: "
				 "look for pool_reload_failed in the log; weirctl config check",
			s->pool.reloads_failed));
	for (size_t i = 0; i < s->n_processes; i++) {
		const struct score_process *p = &s->processes[i];
		int64_t up_us = (s->at_ms - p->started_ms) * 1000;

		if (up_us > 60000000 && p->values[SCORE_REACTOR_BUSY_US] * 10 > up_us * 8)
			json_array_append_new(list,
			    json_sprintf(
				"the reactor of process %d was busy %d%% of its time: raise [server] processes",
				(int)p->pid, (int)(p->values[SCORE_REACTOR_BUSY_US] * 100 / up_us)));
	}
}

/* How what we depend on fared. */
static void
advise_services(const struct score_snapshot *s, json_t *list)
{
	if (value(s, SCORE_REDIS_BREAKER) != 0)
		json_array_append_new(list,
		    json_sprintf("the Redis breaker is %s: slots are counted in PostgreSQL,"
				 " rate limits per process; look at Redis",
			breaker_name(s)));
	if (value(s, SCORE_PG_RECONNECTS) > 0)
		json_array_append_new(list,
		    json_sprintf("connections to PostgreSQL were lost %" PRId64 " times: look at its log",
			value(s, SCORE_PG_RECONNECTS)));
	if (value(s, SCORE_UPSTREAM_REQUESTS) >= 20 &&
	    value(s, SCORE_UPSTREAM_FAILURES) * 20 > value(s, SCORE_UPSTREAM_REQUESTS))
		json_array_append_new(list,
		    json_sprintf("%" PRId64 " of %" PRId64 " requests to model providers failed: weirctl channel list",
			value(s, SCORE_UPSTREAM_FAILURES), value(s, SCORE_UPSTREAM_REQUESTS)));
	if (value(s, SCORE_LOG_LOST) > 0)
		json_array_append_new(list,
		    json_sprintf("%" PRId64 " log lines were lost: standard error does not take them fast enough; "
				 "look at journald's rate limits",
			value(s, SCORE_LOG_LOST)));
}

json_t *
score_advice(const struct score_snapshot *s, const struct conf *conf)
{
	json_t *list = json_array();

	advise_pool(s, list);
	advise_requests(s, conf, list);
	advise_services(s, list);
	return list;
}

/* ---- JSON ---- */

static json_t *
json_when(int64_t wall_ms)
{
	char text[RFC3339_LEN];

	if (wall_ms == 0)
		return json_null();
	clock_rfc3339(wall_ms, text);
	return json_string(text);
}

/* Two decimals are enough for a rate. */
static json_t *
json_rate(double per_s)
{
	return json_real((double)(int64_t)(per_s * 100 + 0.5) / 100);
}

/* -1 means that nobody can tell. */
static json_t *
json_known(int64_t n)
{
	return n < 0 ? json_null() : json_integer(n);
}

static json_t *
json_process(const struct score_process *p)
{
	return json_pack("{s:i, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "pid", (int)p->pid, "state",
	    state_names[p->state], "started_at", json_when(p->started_ms), "last_request_at",
	    json_when(p->last_request_ms), "requests", (json_int_t)p->requests, "workers",
	    (json_int_t)p->values[SCORE_WORKERS], "workers_busy", (json_int_t)p->values[SCORE_WORKERS_BUSY],
	    "streams_open", (json_int_t)p->values[SCORE_STREAMS_OPEN], "connections",
	    (json_int_t)p->values[SCORE_CONNECTIONS], "resident_bytes", (json_int_t)p->values[SCORE_RSS_BYTES]);
}

static json_t *
json_pool(const struct score_snapshot *s)
{
	json_t *processes = json_array();

	for (size_t i = 0; i < s->n_processes; i++)
		json_array_append_new(processes, json_process(&s->processes[i]));
	return json_pack("{s:o, s:i, s:I, s:i, s:i, s:i, s:I, s:I, s:I, s:o}", "master",
	    s->pool.master > 0 ? json_integer(s->pool.master) : json_null(), "ready", count_state(s, SLOT_READY),
	    "wanted", (json_int_t)s->pool.processes, "starting", count_state(s, SLOT_STARTING), "draining",
	    count_state(s, SLOT_DRAINING), "total", (int)s->n_processes, "respawns", (json_int_t)s->pool.respawns,
	    "reloads", (json_int_t)s->pool.reloads, "reloads_failed", (json_int_t)s->pool.reloads_failed, "processes",
	    processes);
}

static json_t *
json_serving(const struct score_snapshot *s)
{
	return json_pack(
	    "{s:{s:I, s:I, s:I, s:I, s:I}, s:{s:I, s:I, s:I}, s:{s:o, s:o, s:o}, s:{s:I, s:I}, s:{s:I, s:I, s:I, s:o}}",
	    "workers", "total", value(s, SCORE_WORKERS), "idle", value(s, SCORE_WORKERS) - value(s, SCORE_WORKERS_BUSY),
	    "busy", value(s, SCORE_WORKERS_BUSY), "busy_max", value(s, SCORE_WORKERS_BUSY_MAX), "all_busy",
	    value(s, SCORE_ALL_BUSY), "queue", "length", value(s, SCORE_QUEUE_LENGTH), "max", value(s, SCORE_QUEUE_MAX),
	    "overloaded", value(s, SCORE_OVERLOADED), "listen_queue", "length", json_known(s->pool.listen_queue), "max",
	    json_known(s->pool.listen_queue_max), "backlog", json_known(s->pool.listen_backlog), "connections", "open",
	    value(s, SCORE_CONNECTIONS), "accepted", value(s, SCORE_ACCEPTED), "requests", "total",
	    (json_int_t)s->requests, "errors", (json_int_t)s->errors, "slow", value(s, SCORE_SLOW_REQUESTS), "per_s",
	    json_rate(s->requests_per_s));
}

static json_t *
json_turns(const struct score_snapshot *s)
{
	return json_pack("{s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I}, s:{s:I, s:I, s:o}, s:I, s:{s:I, s:I, s:I, s:I,"
			 " s:I}, s:{s:s, s:I}, s:{s:I}, s:I}",
	    "streams", "open", value(s, SCORE_STREAMS_OPEN), "started", value(s, SCORE_STREAMS_STARTED), "completed",
	    value(s, SCORE_STREAMS_COMPLETED), "failed", value(s, SCORE_STREAMS_FAILED), "cancelled",
	    value(s, SCORE_STREAMS_CANCELLED), "abandoned", value(s, SCORE_STREAMS_ABANDONED), "resumed",
	    value(s, SCORE_STREAMS_RESUMED), "tokens", "input", value(s, SCORE_TOKENS_IN), "output",
	    value(s, SCORE_TOKENS_OUT), "per_s", json_rate(s->tokens_per_s), "holds_open", value(s, SCORE_HOLDS_OPEN),
	    "upstream", "open", value(s, SCORE_UPSTREAM_OPEN), "requests", value(s, SCORE_UPSTREAM_REQUESTS),
	    "failures", value(s, SCORE_UPSTREAM_FAILURES), "retries", value(s, SCORE_UPSTREAM_RETRIES), "fallbacks",
	    value(s, SCORE_UPSTREAM_FALLBACKS), "redis", "breaker", breaker_name(s), "failures",
	    value(s, SCORE_REDIS_FAILURES), "postgres", "reconnects", value(s, SCORE_PG_RECONNECTS), "log_lines_lost",
	    value(s, SCORE_LOG_LOST));
}

json_t *
score_json(const struct score_snapshot *s, const struct conf *conf)
{
	json_t *all = json_object(), *serving = json_serving(s), *turns = json_turns(s);

	json_object_set_new(all, "at", json_when(s->at_ms));
	json_object_set_new(all, "started_at", json_when(s->started_ms));
	json_object_set_new(all, "pool", json_pool(s));
	json_object_update(all, serving);
	json_object_update(all, turns);
	json_object_set_new(all, "advice", score_advice(s, conf));
	json_decref(serving);
	json_decref(turns);
	return all;
}

/* ---- text ---- */

static void
line_int(struct buf *to, const char *label, int64_t n)
{
	if (n < 0)
		buf_printf(to, "%-22s unknown\n", label);
	else
		buf_printf(to, "%-22s %" PRId64 "\n", label, n);
}

static void
text_serving(const struct score_snapshot *s, struct buf *to)
{
	char started[RFC3339_LEN];

	clock_rfc3339(s->started_ms, started);
	buf_printf(to, "%-22s %s\n", "process manager:", s->pool.master > 0 ? "static pool" : "single processes");
	buf_printf(to, "%-22s %s\n", "start time:", started);
	line_int(to, "start since:", (s->at_ms - s->started_ms) / 1000);
	line_int(to, "accepted conn:", value(s, SCORE_ACCEPTED));
	line_int(to, "listen queue:", s->pool.listen_queue);
	line_int(to, "max listen queue:", s->pool.listen_queue_max);
	line_int(to, "listen queue len:", s->pool.listen_backlog);
	line_int(to, "processes:", (int64_t)s->n_processes);
	line_int(to, "idle workers:", value(s, SCORE_WORKERS) - value(s, SCORE_WORKERS_BUSY));
	line_int(to, "active workers:", value(s, SCORE_WORKERS_BUSY));
	line_int(to, "total workers:", value(s, SCORE_WORKERS));
	line_int(to, "max active workers:", value(s, SCORE_WORKERS_BUSY_MAX));
	line_int(to, "max workers reached:", value(s, SCORE_ALL_BUSY));
	line_int(to, "waiting requests:", value(s, SCORE_QUEUE_LENGTH));
	line_int(to, "max waiting requests:", value(s, SCORE_QUEUE_MAX));
	line_int(to, "refused (overloaded):", value(s, SCORE_OVERLOADED));
	line_int(to, "requests:", (int64_t)s->requests);
	buf_printf(to, "%-22s %.2f\n", "requests/s:", s->requests_per_s);
	line_int(to, "slow requests:", value(s, SCORE_SLOW_REQUESTS));
}

static void
text_turns(const struct score_snapshot *s, struct buf *to)
{
	line_int(to, "open streams:", value(s, SCORE_STREAMS_OPEN));
	line_int(to, "streams completed:", value(s, SCORE_STREAMS_COMPLETED));
	line_int(to, "streams failed:", value(s, SCORE_STREAMS_FAILED));
	line_int(to, "streams cancelled:", value(s, SCORE_STREAMS_CANCELLED));
	buf_printf(to, "%-22s %.2f\n", "tokens/s:", s->tokens_per_s);
	line_int(to, "holds alive:", value(s, SCORE_HOLDS_OPEN));
	line_int(to, "upstream requests:", value(s, SCORE_UPSTREAM_REQUESTS));
	line_int(to, "upstream failures:", value(s, SCORE_UPSTREAM_FAILURES));
	buf_printf(to, "%-22s %s\n", "redis breaker:", breaker_name(s));
	line_int(to, "respawns:", s->pool.respawns);
	line_int(to, "reloads:", s->pool.reloads);
	line_int(to, "log lines lost:", value(s, SCORE_LOG_LOST));
}

static void
text_processes(const struct score_snapshot *s, struct buf *to)
{
	buf_printf(to, "\n%8s  %-9s %10s %8s %8s %8s %9s\n", "pid", "state", "requests", "workers", "busy", "streams",
	    "memory");
	for (size_t i = 0; i < s->n_processes; i++) {
		const struct score_process *p = &s->processes[i];

		buf_printf(to, "%8d  %-9s %10" PRIu64 " %8" PRId64 " %8" PRId64 " %8" PRId64 " %7" PRId64 "kB\n",
		    (int)p->pid, state_names[p->state], p->requests, p->values[SCORE_WORKERS],
		    p->values[SCORE_WORKERS_BUSY], p->values[SCORE_STREAMS_OPEN], p->values[SCORE_RSS_BYTES] / 1024);
	}
}

void
score_text(const struct score_snapshot *s, const struct conf *conf, struct buf *to)
{
	json_t *advice = score_advice(s, conf), *sentence;
	size_t i;

	text_serving(s, to);
	text_turns(s, to);
	text_processes(s, to);
	buf_puts(to, "\n");
	json_array_foreach(advice, i, sentence)
		buf_printf(to, "advice: %s\n", json_string_value(sentence));
	if (json_array_size(advice) == 0)
		buf_puts(to, "advice: nothing to change\n");
	json_decref(advice);
}
