#include "account/keys.h"

#include "base/csv.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum status
key_filter_read(struct request *rq, struct key_filter *out)
{
	bool for_admin = rq->route->caller == CALLER_ADMIN;

	*out = (struct key_filter){
		.user_id = for_admin ? NULL : rq->cx.caller.user_id,
		.status = query_text(rq, "status"),
		.label = query_text(rq, "label"),
		.for_admin = for_admin,
	};
	if (for_admin) {
		enum status st = query_uuid(rq, "user_id", &out->user_id);

		if (st != OK)
			return st;
	}
	return page_search(rq, &out->q);
}

/* $3 user, $4 status, $5 label, $6 q, $7 for an admin */
#define MATCHES \
	" ($3::uuid IS NULL OR k.user_id = $3) AND ($4::text IS NULL OR api_key_status(k) = $4)" \
	" AND ($5::text IS NULL OR k.label = $5) AND ($6::text IS NULL OR position(lower($6) IN lower(k.name)) > 0" \
	"  OR position(lower($6) IN lower(k.label)) > 0 OR starts_with(k.prefix, left($6, 10))" \
	"  OR $7 AND EXISTS (SELECT FROM users u WHERE u.id = k.user_id AND (position(lower($6) IN lower(u.email)) > 0" \
	"   OR position($6 IN u.phone) > 0 OR position(lower($6) IN lower(u.nickname)) > 0)))"
#define OWNER "(SELECT coalesce(u.email, u.phone) FROM users u WHERE u.id = k.user_id)"
#define KEY_JSON \
	"api_key_json(k) || CASE WHEN $7 THEN jsonb_build_object('user_id', k.user_id, 'user', " OWNER ") ELSE '{}' END"
/* Ids are version 7: their order is the order of creation. */
#define KEYS(than, order) \
	LIST_SQL("uuid", "SELECT FROM api_keys k WHERE k.id = $1::uuid AND ($3::uuid IS NULL OR k.user_id = $3)", \
	    "SELECT " KEY_JSON " AS json, k.id AS at, k.id AS tie FROM api_keys k WHERE k.id " than \
	    " " LIST_EDGE_UUID(than) " AND" MATCHES, \
	    order)
/* user: for admins; of the caller's own keys it is the same everywhere */
#define SORTS(NUMBER, WORD) \
	WORD(name, "lower(k.name)") \
	WORD(label, "lower(k.label)") \
	WORD(status, "api_key_status(k)") \
	WORD(user, OWNER) \
	NUMBER(spent, "k.spent") \
	NUMBER(use_count, "k.use_count") \
	NUMBER(last_used_at, LIST_TIME("k.last_used_at")) \
	NUMBER(expires_at, LIST_TIME("k.expires_at"))
#define SORTED(than, order) \
	LIST_SORTED_SQL("uuid", "$8", SORTS, "k.id", "FROM api_keys k WHERE" MATCHES, "k.id DESC", \
	    "SELECT " KEY_JSON " FROM api_keys k WHERE k.id = s.id", than, order)
static const struct list keys = { "API keys", KEYS("<", "DESC"), KEYS(">", "ASC"), LIST_SORTS(SORTS),
	SORTED("<", "DESC"), SORTED(">", "ASC") };
const struct field keys_query[] = {
	LIST_QUERY(F_UUID, LIST_SORTS(SORTS)),
	{ "q", F_LINE, 0, .max = 200, .help = "occurs in name, label or prefix; for admins also in who has it" },
	{ "status", F_CHOICE, 0, .choices = "active rotated revoked expired locked" },
	{ "label", F_LINE, 0 },
	{ "user_id", F_UUID, 0, .help = "for admins" },
	{ .name = NULL },
};

enum status
keys_list(struct context *cx, const struct page *page, const struct key_filter *f, json_t **items, bool *more)
{
	return page_run(
	    cx, page, &keys, items, more, PS(f->user_id), PS(f->status), PS(f->label), PS(f->q), PB(f->for_admin));
}

/* ---- CSV ---------------------------------------------------------------------------- */

static const char *const columns[] = { "id", "name", "label", "prefix", "status", "scopes", "models", "allow_ips",
	"expires_at", "budget", "budget_period", "rpm", "tpm", "max_concurrent", "auto_rotate", "rotate_every_days",
	"last_used_at", "last_ip", "use_count", "spent", "created_at", "revoked_at", "locked_at", "lock_reason",
	/* for admins also: */ "user_id", "user" };
static const char export_sql[] =
    "SELECT k.id, k.name, k.label, k.prefix, api_key_status(k) AS status, array_to_string(k.scopes, ' ') AS scopes,"
    " array_to_string(k.models, ' ') AS models, array_to_string(k.allow_ips, ' ') AS allow_ips,"
    " json_time(k.expires_at) AS expires_at, trim_scale(k.budget) AS budget, k.budget_period, k.rpm, k.tpm,"
    " k.max_concurrent, k.auto_rotate, k.rotate_every_days, json_time(k.last_used_at) AS last_used_at,"
    " host(k.last_ip) AS last_ip, k.use_count, trim_scale(k.spent) AS spent, json_time(k.created_at) AS created_at,"
    " json_time(k.revoked_at) AS revoked_at, json_time(k.locked_at) AS locked_at, k.lock_reason, k.user_id, " OWNER
    " AS \"user\" FROM api_keys k WHERE $1::text IS NULL AND" MATCHES " ORDER BY k.id DESC LIMIT $2::bigint";

static const char *
write_csv(struct arena *a, const struct rows *rows, bool for_admin)
{
	size_t n = for_admin ? COUNT(columns) : COUNT(columns) - 2;
	struct buf b = { 0 };
	const char *csv;

	for (int row = -1; row < rows_count(rows); row++) {
		for (size_t i = 0; i < n; i++)
			csv_add(&b, row < 0 ? columns[i] : row_text(rows, row, columns[i]));
		csv_end(&b);
	}
	csv = arena_strdup(a, buf_str(&b));
	buf_free(&b);
	return csv;
}

enum status
keys_export(struct context *cx, const struct key_filter *f, const char **csv)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows, export_sql, PNULL, PI(KEYS_CSV_ROWS), PS(f->user_id),
	    PS(f->status), PS(f->label), PS(f->q), PB(f->for_admin));

	if (st != OK)
		return fail(cx, st, "export API keys: %s", pg_error(cx->pg));
	*csv = write_csv(cx->arena, rows, f->for_admin);
	return OK;
}
