#include "ledger/usage.h"

#include <string.h>

#include "base/buf.h"
#include "io/pg.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- which ---------------------------------------------------------------------- */

/* 2026-11-29, or that and a time: PostgreSQL reads the rest, and says when it cannot. */
static enum status
query_time(struct request *rq, const char *name, const char **out)
{
	const char *text = query_text(rq, name);

	*out = text == NULL || *text == '\0' ? NULL : text;
	if (*out == NULL)
		return OK;
	if (strlen(text) < 10 || strlen(text) > 35 || strspn(text, "0123456789-:.+TZ ") != strlen(text) ||
	    text[4] != '-')
		return fail_field(&rq->cx, name, "is not a time (2026-11-29 or 2026-11-29T08:00:00Z)");
	return OK;
}

enum status
usage_filter_read(struct request *rq, bool for_admin, struct usage_filter *out)
{
	enum status st;

	*out = (struct usage_filter){ .user_id = rq->cx.caller.user_id, .for_admin = for_admin };
	if (for_admin && (st = query_uuid(rq, "user_id", &out->user_id)) != OK)
		return st;
	if ((st = query_uuid(rq, "key_id", &out->key_id)) != OK || (st = query_time(rq, "from", &out->from)) != OK ||
	    (st = query_time(rq, "to", &out->to)) != OK)
		return st;
	out->model = query_text(rq, "model");
	out->status = query_text(rq, "status");
	return OK;
}

/* Times that only look like times are the caller's mistake. */
static enum status
fail_query(struct context *cx, enum status st, const char *what)
{
	if (strncmp(pg_sqlstate(cx->pg), "22", 2) == 0)
		return fail_field(cx, "from", "is not a time, or its end is not one");
	return fail(cx, st, "%s: %s", what, pg_error(cx->pg));
}

/* ---- records ----------------------------------------------------------------- */

/* $3 user, $4 key, $5 model, $6 status, $7 from, $8 to */
#define MATCHES \
	" AND ($4::uuid IS NULL OR u.key_id = $4) AND ($5::text IS NULL OR u.model = $5)" \
	" AND ($6::text IS NULL OR u.status = $6) AND ($7::timestamptz IS NULL OR u.created_at >= $7)" \
	" AND ($8::timestamptz IS NULL OR u.created_at < $8)"
#define RECORD(more) \
	"SELECT json_build_object('id', u.id, 'created_at', json_time(u.created_at), 'request_id', u.request_id," \
	" 'task_id', u.task_id, 'key_id', u.key_id, 'model', u.model," \
	" 'request_tokens', u.request_tokens, 'response_tokens', u.response_tokens, 'cached_tokens', u.cached_tokens," \
	" 'cache_write_tokens', u.cache_write_tokens, 'reasoning_tokens', u.reasoning_tokens," \
	" 'estimated', u.estimated, 'cost', trim_scale(u.cost), 'latency_ms', u.latency_ms," \
	" 'first_token_ms', u.first_token_ms, 'status', u.status, 'error_code', u.error_code" more ") AS json,"
/* The caller's own: by the index on user and time. */
#define MINE(than, order) \
	LIST_SQL("bigint", "SELECT FROM usage u WHERE u.id = $1::bigint AND u.user_id = $3::uuid", \
	    RECORD( \
		"") " u.created_at AS at, u.id AS tie FROM usage u WHERE u.user_id = $3::uuid AND (u.created_at, u.id) " than \
		    " (coalesce((SELECT c.created_at FROM usage c WHERE c.id = $1::bigint), 'infinity'), " LIST_FIRST_INT \
		    ")" MATCHES, \
	    order)
#define ALL(than, order) \
	LIST_SQL("bigint", "SELECT FROM usage u WHERE u.id = $1::bigint", \
	    RECORD( \
		", 'user_id', u.user_id, 'provider', u.provider, 'channel', u.channel, 'overrun', trim_scale(u.overrun)") " u.id AS at, u.id AS tie FROM usage u WHERE ($3::uuid IS NULL OR u.user_id = $3) AND u.id " than \
															  " " LIST_FIRST_INT \
															      MATCHES, \
	    order)
static const struct list mine = { "usage", MINE("<", "DESC"), MINE(">", "ASC") };
static const struct list all = { "all usage", ALL("<", "DESC"), ALL(">", "ASC") };

enum status
usage_records(struct context *cx, const struct usage_filter *f, const struct page *page, json_t **items, bool *more)
{
	enum status st = page_run(cx, page, f->for_admin ? &all : &mine, items, more, PS(f->user_id), PS(f->key_id),
	    PS(f->model), PS(f->status), PS(f->from), PS(f->to));

	return st == OK || st == E_INVALID_REQUEST ? st : fail_query(cx, st, "usage records");
}

/* ---- CSV ---------------------------------------------------------------------------- */

/* A field that could be taken for a formula is told to be text. */
static void
put_field(struct buf *out, const char *text)
{
	const char *value = text == NULL ? "" : text;

	if (value[strcspn(value, ",\"\r\n")] == '\0' && strchr("=+-@", *value) == NULL) {
		buf_puts(out, value);
		return;
	}
	buf_puts(out, strchr("=+-@", *value) != NULL && *value != '\0' ? "\"'" : "\"");
	for (; *value != '\0'; value++)
		buf_add(out, *value == '"' ? "\"\"" : value, *value == '"' ? 2 : 1);
	buf_puts(out, "\"");
}

static const char *
csv_text(struct context *cx, const struct rows *rows, bool for_admin)
{
	static const char *const columns[] = { "created_at", "request_id", "key_id", "model", "status", "error_code",
		"request_tokens", "response_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens", "cost",
		"latency_ms", "first_token_ms", /* for admins also: */ "user_id", "channel" };
	size_t n = for_admin ? COUNT(columns) : COUNT(columns) - 2;
	struct buf b = BUF_INIT(0);
	const char *text;

	for (int row = -1; row < rows_count(rows); row++)
		for (size_t i = 0; i < n; i++) {
			put_field(&b, row < 0 ? columns[i] : row_text(rows, row, columns[i]));
			buf_puts(&b, i + 1 < n ? "," : "\r\n");
		}
	text = arena_strdup(cx->arena, buf_str(&b));
	buf_free(&b);
	return text;
}

enum status
usage_csv(struct context *cx, const struct usage_filter *f, const char **text)
{
	static const char sql[] =
	    "SELECT json_time(u.created_at) AS created_at, u.request_id, u.key_id, u.model, u.status, u.error_code,"
	    " u.request_tokens, u.response_tokens, u.cached_tokens, u.cache_write_tokens, u.reasoning_tokens,"
	    " trim_scale(u.cost) AS cost, u.latency_ms, u.first_token_ms, u.user_id, u.channel"
	    " FROM usage u WHERE ($3::uuid IS NULL OR u.user_id = $3) AND $1::text IS NULL" MATCHES
	    " ORDER BY u.created_at DESC, u.id DESC LIMIT $2::bigint";
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows, sql, PNULL, PI(USAGE_CSV_ROWS), PS(f->user_id), PS(f->key_id),
	    PS(f->model), PS(f->status), PS(f->from), PS(f->to));

	if (st != OK)
		return fail_query(cx, st, "usage as CSV");
	*text = csv_text(cx, rows, f->for_admin);
	return OK;
}

/* ---- sums --------------------------------------------------------------------------- */

static const struct group {
	const char *name;
	bool in_order, for_admin;
} groups[] = {
	{ "day", true, false },
	{ "hour", true, false },
	{ "model", false, false },
	{ "key", false, false },
	{ "status", false, false },
	{ "user", false, true },
	{ "channel", false, true },
};

static const struct group *
find_group(const char *name, bool for_admin)
{
	for (size_t i = 0; i < COUNT(groups); i++)
		if (strcmp(groups[i].name, name) == 0 && (for_admin || !groups[i].for_admin))
			return &groups[i];
	return NULL;
}

/* $1 user, $2 key, $3 model, $4 status, $5 from, $6 to, $7 group, $8 in order */
static const char sums_sql[] =
    "WITH span AS (SELECT coalesce($5::timestamptz, date_trunc('day', now()) - interval '29 days') AS a,"
    "   coalesce($6::timestamptz, now()) AS b),"
    " g AS (SELECT CASE $7 WHEN 'day' THEN to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
    "   WHEN 'hour' THEN to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:00\"Z\"')"
    "   WHEN 'model' THEN u.model WHEN 'key' THEN u.key_id::text WHEN 'status' THEN u.status"
    "   WHEN 'user' THEN u.user_id::text WHEN 'channel' THEN u.channel END AS name, count(*) AS calls,"
    "  sum(u.request_tokens::bigint) AS request_tokens, sum(u.response_tokens::bigint) AS response_tokens,"
    "  sum(u.cost) AS cost FROM usage u, span WHERE ($1::uuid IS NULL OR u.user_id = $1)"
    "  AND ($2::uuid IS NULL OR u.key_id = $2) AND ($3::text IS NULL OR u.model = $3)"
    "  AND ($4::text IS NULL OR u.status = $4) AND u.created_at >= span.a AND u.created_at < span.b GROUP BY 1)"
    " SELECT json_build_object('from', json_time(span.a), 'to', json_time(span.b), 'total',"
    "  (SELECT json_build_object('calls', coalesce(sum(g.calls), 0), 'request_tokens', coalesce(sum(g.request_tokens), 0),"
    "   'response_tokens', coalesce(sum(g.response_tokens), 0), 'cost', trim_scale(coalesce(sum(g.cost), 0))) FROM g),"
    " 'items', coalesce((SELECT json_agg(json_build_object('name', g.name, 'calls', g.calls, 'request_tokens',"
    "   g.request_tokens, 'response_tokens', g.response_tokens, 'cost', trim_scale(g.cost))"
    "  ORDER BY CASE WHEN $8 THEN g.name END, g.cost DESC, g.name) FROM g), '[]')) AS json FROM span";

enum status
usage_sums(struct context *cx, const struct usage_filter *f, const char *group_by, json_t **out)
{
	const struct group *group = find_group(group_by == NULL ? "day" : group_by, f->for_admin);
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (group == NULL)
		return fail_field(cx, "group_by", "must be day, hour, model, key%s",
		    f->for_admin ? ", status, user or channel" : " or status");
	st = pg_query_again(cx->pg, &rows, sums_sql, PS(f->user_id), PS(f->key_id), PS(f->model), PS(f->status),
	    PS(f->from), PS(f->to), PS(group->name), PB(group->in_order));
	if (st != OK)
		return fail_query(cx, st, "usage sums");
	*out = row_json(rows, 0, "json");
	return OK;
}
