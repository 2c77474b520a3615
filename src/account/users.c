#include "account/users.h"

#include <stdlib.h>
#include <string.h>

#include "account/groups.h"
#include "core/audit.h"
#include "core/versions.h"

#define USER_JSON \
	"jsonb_build_object('id', u.id, 'email', u.email, 'phone', u.phone, 'nickname', u.nickname," \
	" 'role', u.role, 'status', u.status, 'group', u.user_group, 'budget', quota_json(u.id, NULL), 'credits', trim_scale(u.credits)," \
	" 'held', trim_scale(credits_held(u.id))," \
	" 'locale', u.locale, 'created_at', json_time(u.created_at), 'updated_at', json_time(u.updated_at)," \
	" 'last_login_at', json_time(u.last_login_at)) AS json"

/* $3 search, $4 role, $5 status, each or NULL.  Ids are version 7: their order is the
 * order of creation. */
#define MATCHES \
	" ($3::text IS NULL OR strpos(lower(concat_ws(' ', u.email, u.phone, u.nickname)), lower($3)) > 0)" \
	" AND ($4::text IS NULL OR u.role = $4) AND ($5::text IS NULL OR u.status = $5)"
#define USERS(than, order) \
	LIST_SQL("uuid", "SELECT FROM users u WHERE u.id = $1::uuid", \
	    "SELECT " USER_JSON ", u.id AS at, u.id AS tie FROM users u WHERE u.id " than \
	    " " LIST_EDGE_UUID(than) " AND" MATCHES, \
	    order)
/* name: what people call them */
#define SORTS(NUMBER, WORD) \
	WORD(name, "lower(coalesce(nullif(u.nickname, ''), u.email, u.phone))") \
	WORD(email, "lower(u.email)") \
	WORD(role, "u.role") \
	WORD(status, "u.status") \
	WORD(group, "u.user_group") \
	NUMBER(credits, "u.credits") \
	NUMBER(last_login_at, LIST_TIME("u.last_login_at"))
#define SORTED(than, order) \
	LIST_SORTED_SQL("uuid", "$6", SORTS, "u.id", "FROM users u WHERE" MATCHES, "u.id DESC", \
	    "SELECT " USER_JSON " FROM users u WHERE u.id = s.id", than, order)
static const struct list users = { "users", USERS("<", "DESC"), USERS(">", "ASC"), LIST_SORTS(SORTS),
	SORTED("<", "DESC"), SORTED(">", "ASC") };
const struct field users_query[] = {
	LIST_QUERY(F_UUID, LIST_SORTS(SORTS)),
	{ "q", F_LINE, 0, .max = 200, .help = "occurs in email, phone or nickname" },
	{ "role", F_CHOICE, 0, .choices = "user admin" },
	{ "status", F_CHOICE, 0, .choices = "active disabled" },
	{ .name = NULL },
};

enum status
admin_users_list(
    struct context *cx, const struct page *page, const struct user_filter *filter, json_t **items, bool *more)
{
	return page_run(cx, page, &users, items, more, PS(filter->q), PS(filter->role), PS(filter->status));
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

	if (cx->caller.user_id == NULL || strcmp(id, cx->caller.user_id) != 0)
		return OK;
	if ((role == NULL || strcmp(role, "admin") == 0) && (status == NULL || strcmp(status, "active") == 0))
		return OK;
	st = fail(cx, E_CONFLICT, "an admin tried to disable or demote itself");
	fail_message(cx, "You cannot disable or demote yourself.", "不能停用或降级自己的账号");
	return st;
}

/* In a transaction.  The budget first: it locks before all that settlements lock. */
static enum status
write_user(struct context *cx, const char *id, const json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	json_t *before;
	enum status st;

	if ((st = admin_user_find(cx, id, &before)) != OK)
		return st;
	json_decref(before);
	if ((st = budget_set(cx, id, NULL, in)) != OK)
		return st;
	st = pg_query(cx->pg, &rows,
	    "WITH u AS (UPDATE users SET role = coalesce($2, role), status = coalesce($3, status),"
	    "  nickname = coalesce(btrim($4), nickname), user_group = coalesce($5, user_group), updated_at = now()"
	    "  WHERE id = $1 RETURNING *),"
	    " s AS (UPDATE sessions SET revoked_at = now(), revoke_reason = 'disabled'"
	    "  WHERE user_id = $1 AND revoked_at IS NULL AND (SELECT status FROM u) = 'disabled')"
	    " SELECT " USER_JSON " FROM u",
	    PS(id), PS(field_text(in, "role")), PS(field_text(in, "status")), PS(field_text(in, "nickname")),
	    PS(field_text(in, "group")));
	if (st != OK && (strcmp(pg_sqlstate(cx->pg), "23503") == 0 || strcmp(pg_sqlstate(cx->pg), "23514") == 0))
		return fail_field(cx, "group", "is not a group we have");
	if (st != OK)
		return fail(cx, st, "change user %s: %s", id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "user %s", id);
	versions_changed(cx); /* of the user's keys */
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
admin_user_update(struct context *cx, const char *id, const json_t *in, json_t **out)
{
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such user");
	if ((st = refuse_self(cx, id, in)) != OK || (st = budget_check(cx, in)) != OK)
		return st;
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "change user %s: %s", id, pg_error(cx->pg));
	if ((st = write_user(cx, id, in, out)) != OK) {
		context_rollback(cx);
		return st;
	}
	if ((st = context_commit(cx)) != OK) {
		json_decref(*out);
		return fail(cx, st, "change user %s: %s", id, pg_error(cx->pg));
	}
	return OK;
}

/* Secrets, wherever in it they stand. */
static void
hide_secrets(json_t *details)
{
	static const char *const secrets[] = { "api_key", "key", "proxy" };
	json_t *value;
	const char *name;
	size_t i;

	for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (json_object_get(details, secrets[i]) != NULL)
			json_object_set_new(details, secrets[i], json_string("(set)"));
	json_array_foreach(details, i, value)
		hide_secrets(value);
	json_object_foreach(details, name, value)
		hide_secrets(value);
}

void
admin_audit(struct request *rq, const char *action, const char *noun, const json_t *object)
{
	const json_t *id = json_object_get(object, "id");
	json_t *details = json_deep_copy(rq->json);
	const char *name = json_is_integer(id)
	    ? arena_printf(rq->cx.arena, "%s:%lld", noun, (long long)json_integer_value(id))
	    : arena_printf(rq->cx.arena, "%s:%s", noun, json_is_string(id) ? json_string_value(id) : "");

	hide_secrets(details);
	audit(&rq->cx, action, name, "ok", details);
}
