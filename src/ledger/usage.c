#include "ledger/usage.h"

#include <string.h>

#include "base/buf.h"
#include "base/csv.h"
#include "base/log.h"
#include "core/sweep.h"
#include "io/pg.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define IDS_AT_ONCE 20000
#define ROWS_AT_ONCE 5000

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
usage_filter_read(struct request *rq, struct usage_filter *out)
{
	bool for_admin = rq->route->caller == CALLER_ADMIN;
	enum status st;

	*out = (struct usage_filter){ .user_id = for_admin ? NULL : rq->cx.caller.user_id, .for_admin = for_admin };
	if (for_admin && (st = query_uuid(rq, "user_id", &out->user_id)) != OK)
		return st;
	if ((st = query_uuid(rq, "key_id", &out->key_id)) != OK || (st = query_time(rq, "from", &out->from)) != OK ||
	    (st = query_time(rq, "to", &out->to)) != OK)
		return st;
	out->model = query_text(rq, "model");
	out->status = query_text(rq, "status");
	if (for_admin)
		out->channel = query_text(rq, "channel");
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

/* The members of a record behind its id, in JSON and in CSV: C(name, SQL). */
#define COLUMNS(C) \
	C(created_at, "json_time(u.created_at)") \
	C(request_id, "u.request_id") \
	C(task_id, "u.task_id") \
	C(key_id, "u.key_id") \
	C(model, "u.model") \
	C(op, "u.op") \
	C(status, "u.status") \
	C(error_code, "u.error_code") \
	C(request_tokens, "u.request_tokens") \
	C(response_tokens, "u.response_tokens") \
	C(total_tokens, "u.total_tokens") \
	C(cached_tokens, "u.cached_tokens") \
	C(cache_write_tokens, "u.cache_write_tokens") \
	C(reasoning_tokens, "u.reasoning_tokens") \
	C(estimated, "u.estimated") \
	C(cost, "trim_scale(u.cost)") \
	C(latency_ms, "u.latency_ms") \
	C(first_token_ms, "u.first_token_ms")
/* For admins also: */
#define ADMIN_COLUMNS(C) \
	C(user_id, "u.user_id") \
	C(provider, "u.provider") \
	C(channel_id, "u.channel_id") \
	C(channel, "u.channel") \
	C(overrun, "trim_scale(u.overrun)") \
	C(metadata, "u.metadata")
#define AS_MEMBER(name, sql) ", '" #name "', " sql
#define AS_COLUMN(name, sql) ", " sql " AS " #name
#define AS_NAME(name, sql) #name,

/* $3 user, $4 key, $5 model, $6 status, $7 from, $8 to, $9 channel */
#define MATCHES \
	" AND ($4::uuid IS NULL OR u.key_id = $4) AND ($5::text IS NULL OR u.model = $5)" \
	" AND ($6::text IS NULL OR u.status = $6) AND ($7::timestamptz IS NULL OR u.created_at >= $7)" \
	" AND ($8::timestamptz IS NULL OR u.created_at < $8) AND ($9::text IS NULL OR u.channel = $9)"
/* The caller's own: by the index on user and time. */
#define MINE_FROM(than) \
	" u.created_at AS at, u.id AS tie FROM usage u WHERE u.user_id = $3::uuid AND (u.created_at, u.id) " than \
	" (coalesce((SELECT c.created_at FROM usage c WHERE c.id = $1::bigint), " LIST_EDGE_TIME( \
	    than) "), " LIST_EDGE_INT(than) ")" MATCHES
#define MINE(than, order) \
	LIST_SQL("bigint", "SELECT FROM usage u WHERE u.id = $1::bigint AND u.user_id = $3::uuid", \
	    "SELECT json_build_object('id', u.id" COLUMNS(AS_MEMBER) ") AS json," MINE_FROM(than), order)
#define ALL_FROM(than) \
	" u.id AS at, u.id AS tie FROM usage u WHERE ($3::uuid IS NULL OR u.user_id = $3) AND u.id " than \
	" " LIST_EDGE_INT(than) MATCHES
#define ALL(than, order) \
	LIST_SQL("bigint", "SELECT FROM usage u WHERE u.id = $1::bigint", \
	    "SELECT json_build_object('id', u.id" COLUMNS(AS_MEMBER) \
		ADMIN_COLUMNS(AS_MEMBER) ") AS json," ALL_FROM(than), \
	    order)
#define SORTS(NUMBER, WORD) \
	WORD(model, "u.model") \
	WORD(op, "u.op") \
	WORD(status, "u.status") \
	NUMBER(total_tokens, "u.total_tokens") \
	NUMBER(cost, "u.cost") \
	NUMBER(latency_ms, "u.latency_ms") \
	NUMBER(first_token_ms, "u.first_token_ms")
#define ITEM(columns) "SELECT json_build_object('id', u.id" columns ") FROM usage u WHERE u.id = s.id"
#define MINE_SORTED(than, order) \
	LIST_SORTED_SQL("bigint", "$10", SORTS, "u.id", "FROM usage u WHERE u.user_id = $3::uuid" MATCHES, \
	    "u.created_at DESC, u.id DESC", ITEM(COLUMNS(AS_MEMBER)), than, order)
#define ALL_SORTED(than, order) \
	LIST_SORTED_SQL("bigint", "$10", SORTS, "u.id", \
	    "FROM usage u WHERE ($3::uuid IS NULL OR u.user_id = $3)" MATCHES, "u.id DESC", \
	    ITEM(COLUMNS(AS_MEMBER) ADMIN_COLUMNS(AS_MEMBER)), than, order)
static const struct list mine = { "usage", MINE("<", "DESC"), MINE(">", "ASC"), LIST_SORTS(SORTS),
	MINE_SORTED("<", "DESC"), MINE_SORTED(">", "ASC") };
static const struct list all = { "all usage", ALL("<", "DESC"), ALL(">", "ASC"), LIST_SORTS(SORTS),
	ALL_SORTED("<", "DESC"), ALL_SORTED(">", "ASC") };
const struct field usage_query[] = {
	LIST_QUERY(F_INT, LIST_SORTS(SORTS)),
	{ "key_id", F_UUID, 0 },
	{ "model", F_LINE, 0 },
	{ "status", F_CHOICE, 0, .choices = "completed failed cancelled" },
	{ "from", F_LINE, 0, .help = "a time: from then on" },
	{ "to", F_LINE, 0, .help = "a time: before it" },
	{ "user_id", F_UUID, 0, .help = "for admins" },
	{ "channel", F_LINE, 0, .help = "for admins" },
	{ .name = NULL },
};

enum status
usage_records(struct context *cx, const struct usage_filter *f, const struct page *page, json_t **items, bool *more)
{
	enum status st = page_run(cx, page, f->for_admin ? &all : &mine, items, more, PS(f->user_id), PS(f->key_id),
	    PS(f->model), PS(f->status), PS(f->from), PS(f->to), PS(f->channel));

	return st == OK || st == E_INVALID_REQUEST ? st : fail_query(cx, st, "usage records");
}

/* ---- CSV ---------------------------------------------------------------------------- */

static const char *
csv_text(struct context *cx, const struct rows *rows, bool for_admin)
{
	static const char *const names[] = { "id", COLUMNS(AS_NAME) };
	static const char *const admin_names[] = { ADMIN_COLUMNS(AS_NAME) };
	struct buf b = BUF_INIT(0);
	const char *text;

	for (int row = -1; row < rows_count(rows); row++) {
		for (size_t i = 0; i < COUNT(names); i++)
			csv_add(&b, row < 0 ? names[i] : row_text(rows, row, names[i]));
		for (size_t i = 0; for_admin && i < COUNT(admin_names); i++)
			csv_add(&b, row < 0 ? admin_names[i] : row_text(rows, row, admin_names[i]));
		csv_end(&b);
	}
	text = arena_strdup(cx->arena, buf_str(&b));
	buf_free(&b);
	return text;
}

enum status
usage_csv(struct context *cx, const struct usage_filter *f, int64_t before, const char **text)
{
	static const char mine_sql[] = "SELECT u.id" COLUMNS(AS_COLUMN) "," MINE_FROM(
	    "<") " ORDER BY at DESC, tie DESC LIMIT $2::bigint";
	static const char all_sql[] = "SELECT u.id" COLUMNS(AS_COLUMN)
	    ADMIN_COLUMNS(AS_COLUMN) "," ALL_FROM("<") " ORDER BY at DESC LIMIT $2::bigint";
	AUTO_ROWS struct rows *rows = NULL;
	struct pg_arg none = PNULL;
	enum status st = pg_query_again(cx->pg, &rows, f->for_admin ? all_sql : mine_sql,
	    before > 0 ? PI(before) : none, PI(USAGE_CSV_ROWS), PS(f->user_id), PS(f->key_id), PS(f->model),
	    PS(f->status), PS(f->from), PS(f->to), PS(f->channel));

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

#define SUMS \
	"'calls', coalesce(s.calls, 0), 'errors', coalesce(s.errors, 0), 'request_tokens', coalesce(s.request_tokens, 0)," \
	" 'response_tokens', coalesce(s.response_tokens, 0), 'cached_tokens', coalesce(s.cached_tokens, 0)," \
	" 'cache_write_tokens', coalesce(s.cache_write_tokens, 0), 'reasoning_tokens', coalesce(s.reasoning_tokens, 0)," \
	" 'cost', trim_scale(coalesce(s.cost, 0)), 'latency_ms', s.latency_ms / nullif(s.latency_calls, 0)," \
	" 'first_token_ms', s.first_token_ms / nullif(s.first_token_calls, 0)"
/* $1 user, $2 key, $3 model, $4 status, $5 from, $6 to, $7 group, $8 in order, $9 channel, $10 items at most */
static const char sums_sql[] =
    "WITH span AS (SELECT coalesce($5::timestamptz, date_trunc('day', now(), 'UTC') - interval '29 days') AS a,"
    "   coalesce($6::timestamptz, now()) AS b),"
    " s AS MATERIALIZED (SELECT u.* FROM span, usage_sums($7, $1, $2, $3, $4, $9, span.a, span.b) AS u),"
    " i AS (SELECT * FROM s WHERE NOT s.total ORDER BY CASE WHEN $8 THEN s.name END DESC, s.cost DESC LIMIT $10::bigint)"
    " SELECT json_build_object('from', json_time(span.a), 'to', json_time(span.b),"
    "  'total', (SELECT json_build_object(" SUMS ") FROM s WHERE s.total),"
    "  'items', coalesce((SELECT json_agg(json_build_object('name', s.name, " SUMS ")"
    "   ORDER BY CASE WHEN $8 THEN s.name END, s.cost DESC, s.name) FROM i AS s), '[]')) AS json FROM span";

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
	    PS(f->from), PS(f->to), PS(group->name), PB(group->in_order), PS(f->channel), PI(USAGE_SUMS_ITEMS));
	if (st != OK)
		return fail_query(cx, st, "usage sums");
	*out = row_json(rows, 0, "json");
	return OK;
}

/* ---- by the clock -------------------------------------------------------------------- */

enum status
usage_sweep_sums(struct sweeper *s)
{
	int64_t n;
	enum status st;

	do {
		AUTO_ROWS struct rows *rows = NULL;

		/* not again: what was added once must not be added twice, and the next sweep comes soon */
		if ((st = pg_query(s->cx.pg, &rows, "SELECT usage_roll_up($1::int) AS n", PI(IDS_AT_ONCE))) != OK)
			return st;
		n = row_int(rows, 0, "n");
	} while (n > 0 && !s->stopping());
	return OK;
}

enum status
usage_sweep_old(struct sweeper *s)
{
	int64_t n;
	enum status st;

	if (s->cx.conf->usage_keep_days == 0)
		return OK;
	do {
		AUTO_ROWS struct rows *rows = NULL;

		st = pg_query_again(s->cx.pg, &rows, "SELECT usage_prune($1::int, $2::int) AS n",
		    PI(s->cx.conf->usage_keep_days), PI(ROWS_AT_ONCE));
		if (st != OK)
			return st;
		if ((n = row_int(rows, 0, "n")) > 0)
			LOG(INFO, "pruned", LS("what", "usage"), LI("count", n));
	} while (n == ROWS_AT_ONCE && !s->stopping());
	return OK;
}
