#include "jobs/desk.h"

#include <string.h>

#include "base/clock.h"
#include "base/fields.h"
#include "io/pg.h"

#define REPLAY_AT_ONCE 1000

#define JOB_JSON \
	"jsonb_build_object('id', j.id, 'kind', j.kind, 'status', j.status, 'priority', j.priority, 'run_at'," \
	" json_time(j.run_at), 'payload', j.payload, 'has_secret', j.sealed IS NOT NULL, 'unique_key', j.unique_key," \
	" 'user_id', j.user_id, 'attempts', j.attempts, 'error', j.error, 'created_at', json_time(j.created_at)," \
	" 'started_at', json_time(j.started_at), 'ended_at', json_time(j.ended_at)) AS json"
#define SCHEDULE_JSON \
	"jsonb_build_object('name', s.name, 'kind', s.kind, 'cron', s.cron, 'time_zone', s.time_zone, 'enabled', s.enabled," \
	" 'next_at', CASE WHEN s.next_at < 'infinity' THEN json_time(s.next_at) END, 'last_at', json_time(s.last_at)," \
	" 'last_job', s.last_job) AS json"

/* ---- jobs ---------------------------------------------------------------------- */

/* $3 status, $4 kind; NULL: any. */
#define MATCHES " ($3::text IS NULL OR j.status = $3) AND ($4::text IS NULL OR j.kind = $4)"
#define JOBS(than, order) \
	LIST_SQL("uuid", "SELECT FROM jobs j WHERE j.id = $1::uuid", \
	    "SELECT " JOB_JSON ", j.id AS at, j.id AS tie FROM jobs j" \
	    " WHERE j.id " than " " LIST_EDGE_UUID(than) " AND" MATCHES, \
	    order)
#define SORTS(NUMBER, WORD) \
	WORD(kind, "j.kind") \
	WORD(status, "j.status") \
	NUMBER(priority, "j.priority") \
	NUMBER(attempts, "j.attempts") \
	NUMBER(run_at, LIST_TIME("j.run_at")) \
	NUMBER(started_at, LIST_TIME("j.started_at")) \
	NUMBER(ended_at, LIST_TIME("j.ended_at"))
#define SORTED(than, order) \
	LIST_SORTED_SQL("uuid", "$5", SORTS, "j.id", "FROM jobs j WHERE" MATCHES, "j.id DESC", \
	    "SELECT " JOB_JSON " FROM jobs j WHERE j.id = s.id", than, order)
static const struct list jobs = { "jobs", JOBS("<", "DESC"), JOBS(">", "ASC"), LIST_SORTS(SORTS), SORTED("<", "DESC"),
	SORTED(">", "ASC") };
const struct field jobs_query[] = {
	LIST_QUERY(F_UUID, LIST_SORTS(SORTS)),
	{ "status", F_CHOICE, 0, .choices = "waiting running done dead cancelled" },
	{ "kind", F_LINE, 0 },
	{ .name = NULL },
};

enum status
jobs_list(struct context *cx, const char *status, const char *kind, const struct page *page, json_t **items, bool *more)
{
	static const char *const known[] = { "waiting", "running", "done", "dead", "cancelled" };
	bool ok = status == NULL;

	for (size_t i = 0; !ok && i < sizeof(known) / sizeof(known[0]); i++)
		ok = strcmp(status, known[i]) == 0;
	if (!ok)
		return fail_field(cx, "status", "is not one of waiting, running, done, dead, cancelled");
	return page_run(cx, page, &jobs, items, more, PS(status), PS(kind));
}

/* The one row of a statement that is about one job or schedule. */
static enum status
take_one(struct context *cx, enum status st, const struct rows *rows, const char *what, const char *id, json_t **out)
{
	if (st != OK)
		return fail(cx, st, "%s %s: %s", what, id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "%s %s", what, id);
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
job_find(struct context *cx, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such job");
	st = pg_query_again(cx->pg, &rows, "SELECT " JOB_JSON " FROM jobs j WHERE j.id = $1", PS(id));
	return take_one(cx, st, rows, "job", id, out);
}

/* Did what was asked come true?  Else it is told why not. */
static enum status
expect(struct context *cx, bool came, const char *id, json_t **out, const char *en, const char *zh)
{
	if (came)
		return OK;
	fail_with(cx, E_CONFLICT, json_pack("{s:O}", "status", json_object_get(*out, "status")), "job %s", id);
	fail_message(cx, en, zh);
	json_decref(*out);
	*out = NULL;
	return E_CONFLICT;
}

enum status
job_cancel(struct context *cx, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such job");
	st = pg_query_again(cx->pg, &rows,
	    "SELECT " JOB_JSON ", j.status = 'cancelled' OR j.cancel_requested_at IS NOT NULL AS came"
	    " FROM job_cancel($1::uuid) AS j",
	    PS(id));
	if ((st = take_one(cx, st, rows, "job", id, out)) != OK)
		return st;
	return expect(cx, row_bool(rows, 0, "came"), id, out, "This job has ended.", "该任务已结束");
}

enum status
job_retry(struct context *cx, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such job");
	st = pg_query_again(cx->pg, &rows,
	    "SELECT " JOB_JSON ", j.status = 'waiting' AND j.run_at <= now() AS came FROM job_retry($1::uuid) AS j",
	    PS(id));
	if ((st = take_one(cx, st, rows, "job", id, out)) != OK)
		return st;
	return expect(cx, row_bool(rows, 0, "came"), id, out,
	    "This job cannot be run again: it is running or done, or another has taken its place.",
	    "该任务无法重新运行：正在运行、已完成，或已被另一任务替代");
}

enum status
jobs_replay(struct context *cx, const char *kind, const char *from, int64_t *n)
{
	AUTO_ROWS struct rows *rows = NULL;
	int64_t wall_ms;
	enum status st;

	if (!clock_parse_rfc3339(from, &wall_ms))
		return fail_field(cx, "from", "is not a time such as 2026-01-02T03:04:05Z");
	st = pg_query(cx->pg, &rows, "SELECT jobs_replay($1, $2::timestamptz, $3::int) AS n", PS(kind), PS(from),
	    PI(REPLAY_AT_ONCE));
	if (st != OK)
		return fail(cx, st, "replay %s: %s", kind, pg_error(cx->pg));
	*n = row_int(rows, 0, "n");
	return OK;
}

/* ---- queues ---------------------------------------------------------------------- */

static const char queues_sql[] =
    "SELECT q.kind, jsonb_build_object('kind', q.kind, 'paused', q.paused, 'waiting', q.waiting, 'running', q.running,"
    " 'dead', q.dead, 'oldest_s', q.oldest_s, 'done', q.done, 'retried', q.retried, 'died', q.died, 'run_ms', q.run_ms)"
    " AS json FROM jobs_overview() AS q";

/* What this build says of a kind; one it does not know is left as it is. */
static void
add_policy(json_t *queue, const char *kind)
{
	const struct job_kind *k = job_kind_find(kind);

	json_object_set_new(queue, "known", json_boolean(k != NULL));
	json_object_set_new(queue, "tries", k == NULL ? json_null() : json_integer(k->tries));
	json_object_set_new(queue, "at_once", k == NULL ? json_null() : json_integer(k->at_once));
}

static json_t *
queue_of_nothing(const char *kind)
{
	json_t *q = json_pack("{s:s, s:b}", "kind", kind, "paused", 0);
	static const char *const counts[] = { "waiting", "running", "dead", "oldest_s", "done", "retried", "died",
		"run_ms" };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		json_object_set_new(q, counts[i], json_integer(0));
	return q;
}

/* The kinds that nothing was ever asked of have no row. */
static void
add_idle(json_t *items)
{
	for (const struct job_kind *k = job_kinds(); k->name != NULL; k++) {
		json_t *q, *of_nothing;
		size_t i;
		bool found = false;

		json_array_foreach(items, i, q)
			found = found || strcmp(field_text(q, "kind"), k->name) == 0;
		if (found)
			continue;
		of_nothing = queue_of_nothing(k->name);
		add_policy(of_nothing, k->name);
		json_array_append_new(items, of_nothing);
	}
}

enum status
queues_list(struct context *cx, json_t **items)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows, queues_sql);

	if (st != OK)
		return fail(cx, st, "queues: %s", pg_error(cx->pg));
	*items = json_array();
	for (int i = 0; i < rows_count(rows); i++) {
		json_t *q = row_json(rows, i, "json");

		add_policy(q, row_text(rows, i, "kind"));
		json_array_append_new(*items, q);
	}
	add_idle(*items);
	return OK;
}

static json_t *
find_queue(json_t *items, const char *kind)
{
	json_t *q;
	size_t i;

	json_array_foreach(items, i, q)
		if (strcmp(field_text(q, "kind"), kind) == 0)
			return json_incref(q);
	return NULL;
}

enum status
queue_pause(struct context *cx, const char *kind, bool pause, json_t **out)
{
	json_t *items;
	enum status st;

	if (kind == NULL || job_kind_find(kind) == NULL)
		return fail(cx, E_NOT_FOUND, "no such kind of job");
	st = pg_query_again(cx->pg, NULL,
	    "INSERT INTO job_kinds AS k (kind, paused) VALUES ($1, $2)"
	    " ON CONFLICT (kind) DO UPDATE SET paused = excluded.paused, updated_at = now()",
	    PS(kind), PB(pause));
	if (st == OK && !pause)
		st = pg_query_again(cx->pg, NULL, "SELECT pg_notify('weir_jobs', $1)", PS(kind));
	if (st != OK)
		return fail(cx, st, "pause %s: %s", kind, pg_error(cx->pg));
	if ((st = queues_list(cx, &items)) != OK)
		return st;
	*out = find_queue(items, kind);
	json_decref(items);
	return OK;
}

static void
put_metric(struct buf *to, json_t *items, const char *name, const char *type, const char *help, const char *member,
    double scale)
{
	json_t *q;
	size_t i;

	buf_printf(to, "# HELP weir_%s %s\n# TYPE weir_%s %s\n", name, help, name, type);
	json_array_foreach(items, i, q)
		buf_printf(to, "weir_%s{kind=\"%s\"} %.15g\n", name, field_text(q, "kind"),
		    (double)json_integer_value(json_object_get(q, member)) / scale);
}

enum status
queues_metrics(struct context *cx, struct buf *to)
{
	json_t *items;
	enum status st = queues_list(cx, &items);

	if (st != OK)
		return st;
	put_metric(to, items, "jobs_waiting", "gauge", "Jobs that wait, also for later.", "waiting", 1);
	put_metric(to, items, "jobs_running", "gauge", "Jobs that run.", "running", 1);
	put_metric(to, items, "jobs_dead", "gauge", "Jobs that failed for good and are still there.", "dead", 1);
	put_metric(
	    to, items, "jobs_oldest_seconds", "gauge", "Since when the first job that waits is due.", "oldest_s", 1);
	put_metric(to, items, "jobs_done_total", "counter", "Jobs done.", "done", 1);
	put_metric(to, items, "jobs_retried_total", "counter", "Tries that failed and were put off.", "retried", 1);
	put_metric(to, items, "jobs_died_total", "counter", "Jobs that failed for good.", "died", 1);
	put_metric(to, items, "jobs_run_seconds_total", "counter", "Time taken by tries that ended.", "run_ms", 1000);
	json_decref(items);
	return OK;
}

/* ---- the calendar ------------------------------------------------------------------ */

const struct field schedule_change_fields[] = {
	{ "cron", F_LINE, 0, .min = 6, .max = 100,
	    .help = "minute, hour, day, month, weekday, as in crontab(5), or @daily and its like" },
	{ "time_zone", F_LINE, 0, .min = 1, .max = 50, .help = "such as Europe/Berlin" },
	{ "enabled", F_BOOL, 0 },
	{ .name = NULL },
};

enum status
schedules_list(struct context *cx, json_t **items)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows, "SELECT " SCHEDULE_JSON " FROM schedules s ORDER BY s.name");

	if (st != OK)
		return fail(cx, st, "schedules: %s", pg_error(cx->pg));
	*items = json_array();
	for (int i = 0; i < rows_count(rows); i++)
		json_array_append_new(*items, row_json(rows, i, "json"));
	return OK;
}

enum status
schedule_update(struct context *cx, const char *name, const json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	const json_t *enabled = json_object_get(in, "enabled");
	struct pg_arg none = PNULL;
	enum status st;

	if (name == NULL)
		return fail(cx, E_NOT_FOUND, "no such schedule");
	st = pg_query(cx->pg, &rows,
	    "WITH wanted AS (SELECT w.name, coalesce($2, w.cron) AS cron, coalesce($3, w.time_zone) AS time_zone,"
	    "   cron_next(coalesce($2, w.cron), coalesce($3, w.time_zone), now()) AS next_at"
	    "  FROM schedules w WHERE w.name = $1),"
	    " s AS (UPDATE schedules c SET cron = w.cron, time_zone = w.time_zone,"
	    "   enabled = coalesce($4::boolean, c.enabled), updated_at = now(), next_at = w.next_at"
	    "  FROM wanted w WHERE c.name = w.name AND w.next_at IS NOT NULL RETURNING c.*)"
	    " SELECT w.next_at IS NULL AS never, (SELECT s.json FROM (SELECT " SCHEDULE_JSON
	    " FROM s) AS s) AS json FROM wanted w",
	    PS(name), PS(field_text(in, "cron")), PS(field_text(in, "time_zone")),
	    enabled == NULL ? none : PB(json_is_true(enabled)));
	if (st == E_INVALID_REQUEST)
		return fail_field(
		    cx, strncmp(pg_error(cx->pg), "cron:", 5) == 0 ? "cron" : "time_zone", "%s", pg_error(cx->pg));
	if (st == OK && rows_count(rows) > 0 && row_bool(rows, 0, "never"))
		return fail_field(cx, "cron", "names no day that comes");
	return take_one(cx, st, rows, "schedule", name, out);
}

enum status
schedule_run(struct context *cx, const char *name, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	char id[UUID_LEN], job[UUID_LEN];
	enum status st;

	if (name == NULL)
		return fail(cx, E_NOT_FOUND, "no such schedule");
	uuid_v7(id);
	st = pg_query(cx->pg, &rows,
	    "SELECT job_submit($2::uuid, s.kind, s.payload, NULL, 'schedule:' || s.name, NULL, 0, 0) AS id"
	    " FROM schedules s WHERE s.name = $1",
	    PS(name), PS(id));
	if (st != OK)
		return fail(cx, st, "schedule %s: %s", name, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "schedule %s", name);
	memcpy(job, row_text(rows, 0, "id"), UUID_LEN);
	return job_find(cx, job, out);
}
