#include "account/users.h"

#include <stdlib.h>
#include <string.h>

#include "core/audit.h"
#include "core/events.h"

#define USER_JSON \
	"jsonb_build_object('id', u.id, 'email', u.email, 'phone', u.phone, 'nickname', u.nickname," \
	" 'role', u.role, 'status', u.status, 'credits', trim_scale(u.credits)," \
	" 'held', trim_scale(credits_held(u.id))," \
	" 'locale', u.locale, 'created_at', json_time(u.created_at), 'updated_at', json_time(u.updated_at)," \
	" 'last_login_at', json_time(u.last_login_at)) AS json"

/* $1 cursor or NULL, $2 search, $3 role, $4 status, each or NULL, $5 limit.
 * Ids are version 7: their order is the order of creation. */
#define USERS_LIST(than, order) \
	"SELECT " USER_JSON " FROM users u WHERE ($1::uuid IS NULL OR u.id " than " $1::uuid)" \
	" AND ($2::text IS NULL OR strpos(lower(concat_ws(' ', u.email, u.phone, u.nickname)), lower($2)) > 0)" \
	" AND ($3::text IS NULL OR u.role = $3) AND ($4::text IS NULL OR u.status = $4)" \
	" ORDER BY u.id " order " LIMIT $5"
static const char users_older_sql[] = USERS_LIST("<", "DESC");
static const char users_newer_sql[] = USERS_LIST(">", "ASC");

enum status
admin_users_list(
    struct context *cx, const struct page *page, const struct user_filter *filter, json_t **items, bool *more)
{
	AUTO_ROWS struct rows *found = NULL, *rows = NULL;
	bool newer = page->after_id != NULL;
	const char *cursor = newer ? page->after_id : page->before_id;
	enum status st = OK;

	if (cursor != NULL)
		st = pg_query_again(cx->pg, &found, "SELECT id FROM users WHERE id = $1", PS(cursor));
	if (st == OK && cursor != NULL && rows_count(found) == 0)
		return page_stale(cx, page);
	if (st == OK)
		st = pg_query_again(cx->pg, &rows, newer ? users_newer_sql : users_older_sql, PS(cursor), PS(filter->q),
		    PS(filter->role), PS(filter->status), PI(page->limit + 1));
	if (st != OK)
		return fail(cx, st, "list users: %s", pg_error(cx->pg));
	*items = page_items(page, rows, newer, more);
	return OK;
}

enum status
admin_user_find(struct context *cx, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such user");
	if ((st = pg_query_again(cx->pg, &rows, "SELECT " USER_JSON " FROM users u WHERE u.id = $1", PS(id))) != OK)
		return fail(cx, st, "read user: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "user %s", id);
	*out = row_json(rows, 0, "json");
	return OK;
}

static enum status
refuse_self(struct context *cx, const char *id, const json_t *in)
{
	const char *role = field_text(in, "role"), *status = field_text(in, "status");
	enum status st;

	if (strcmp(id, cx->caller.user_id) != 0)
		return OK;
	if ((role == NULL || strcmp(role, "admin") == 0) && (status == NULL || strcmp(status, "active") == 0))
		return OK;
	st = fail(cx, E_CONFLICT, "an admin tried to disable or demote itself");
	fail_message(cx, "You cannot disable or demote yourself.", "不能停用或降级自己的账号");
	return st;
}

enum status
admin_user_update(struct context *cx, const char *id, const json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such user");
	if ((st = refuse_self(cx, id, in)) != OK)
		return st;
	st = pg_query_again(cx->pg, &rows,
	    "WITH u AS (UPDATE users SET role = coalesce($2, role), status = coalesce($3, status),"
	    "  nickname = coalesce(btrim($4), nickname), updated_at = now() WHERE id = $1 RETURNING *),"
	    " s AS (UPDATE sessions SET revoked_at = now(), revoke_reason = 'disabled'"
	    "  WHERE user_id = $1 AND revoked_at IS NULL AND (SELECT status FROM u) = 'disabled')"
	    " SELECT " USER_JSON " FROM u",
	    PS(id), PS(field_text(in, "role")), PS(field_text(in, "status")), PS(field_text(in, "nickname")));
	if (st != OK)
		return fail(cx, st, "change user %s: %s", id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "user %s", id);
	*out = row_json(rows, 0, "json");
	return OK;
}

static enum status
refuse_balance(struct context *cx, json_t *balance)
{
	enum status st = fail_with(cx, E_CONFLICT, json_pack("{s:o}", "balance", balance), "the balance is too low");

	fail_message(cx, "The balance is too low for this.", "余额不足，无法扣减");
	return st;
}

enum status
admin_user_grant(struct context *cx, const char *id, int64_t amount_ucr, const char *reason, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *outcome;
	json_t *balance;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such user");
	/* not again: a lost answer must not grant twice; the caller has Idempotency-Key */
	st = pg_query(cx->pg, &rows,
	    "SELECT outcome, to_jsonb(trim_scale(balance)) AS balance"
	    " FROM credits_grant($1, $2, 'admin_adjustment', $3, $4)",
	    PS(id), PM(amount_ucr), PS(reason), PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "grant to %s: %s", id, pg_error(cx->pg));
	outcome = row_text(rows, 0, "outcome");
	if (strcmp(outcome, "no_user") == 0)
		return fail(cx, E_NOT_FOUND, "user %s", id);
	balance = row_json(rows, 0, "balance");
	if (strcmp(outcome, "insufficient") == 0)
		return refuse_balance(cx, balance);
	*out = json_pack("{s:o}", "balance", balance);
	events_tell(cx, id, "balance", json_incref(*out));
	return OK;
}

/* $1 user, $2 cursor (0: none), $3 limit */
#define HISTORY(than, order) \
	"SELECT jsonb_build_object('id', h.id, 'change_type', h.change_type," \
	" 'change_amount', trim_scale(h.change_amount), 'balance_after', trim_scale(h.balance_after)," \
	" 'description', h.description, 'task_id', h.task_id, 'actor_id', h.actor_id," \
	" 'created_at', json_time(h.created_at)) AS json FROM credits_history h" \
	" WHERE h.user_id = $1 AND ($2::bigint = 0 OR h.id " than " $2) ORDER BY h.id " order " LIMIT $3"
static const char history_older_sql[] = HISTORY("<", "DESC");
static const char history_newer_sql[] = HISTORY(">", "ASC");

enum status
admin_user_history(struct context *cx, const char *id, const struct page *page, json_t **items, bool *more)
{
	AUTO_ROWS struct rows *found = NULL, *rows = NULL;
	bool newer = page->after != 0;
	int64_t cursor = newer ? page->after : page->before;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such user");
	st = pg_query_again(cx->pg, &found,
	    "SELECT $2::bigint = 0 OR EXISTS (SELECT FROM credits_history h WHERE h.user_id = u.id"
	    " AND h.id = $2) AS cursor_ok"
	    " FROM users u WHERE u.id = $1",
	    PS(id), PI(cursor));
	if (st == OK && rows_count(found) == 0)
		return fail(cx, E_NOT_FOUND, "user %s", id);
	if (st == OK && !row_bool(found, 0, "cursor_ok"))
		return page_stale(cx, page);
	if (st == OK)
		st = pg_query_again(cx->pg, &rows, newer ? history_newer_sql : history_older_sql, PS(id), PI(cursor),
		    PI(page->limit + 1));
	if (st != OK)
		return fail(cx, st, "list the credits of %s: %s", id, pg_error(cx->pg));
	*items = page_items(page, rows, newer, more);
	return OK;
}

void
admin_audit(struct request *rq, const char *action, const char *noun, const json_t *object)
{
	const json_t *id = json_object_get(object, "id");
	json_t *details = json_deep_copy(rq->json);
	const char *name = json_is_integer(id)
	    ? arena_printf(rq->cx.arena, "%s:%lld", noun, (long long)json_integer_value(id))
	    : arena_printf(rq->cx.arena, "%s:%s", noun, json_is_string(id) ? json_string_value(id) : "");

	if (json_object_get(details, "api_key") != NULL)
		json_object_set_new(details, "api_key", json_string("(set)"));
	audit(&rq->cx, action, name, "ok", details);
}
