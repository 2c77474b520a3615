#include "account/groups.h"
#include "core/versions.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_GROUP "default"
#define NAME_LEN 50
#define RATIO_MAX_PPM (INT64_C(1000) * UCR_PER_CREDIT)

/* clang-format off */
#define GROUP_FIELDS \
	{ "description", F_LINE, 0, .max = 500, .help = "what it is for" }, \
	{ "ratio", F_CREDITS, 0, .max = RATIO_MAX_PPM, .help = "by what prices are multiplied; default 1, 0 is free" }, \
	{ "budget", F_OBJECT, F_NULLABLE, .help = "{amount, period?: none, day, week or month} that all in it have together; null: none" }
/* clang-format on */

const struct field group_fields[] = {
	{ "name", F_LINE, F_REQUIRED, .min = 1, .max = NAME_LEN,
	    .help = "small letters, digits, dot, dash and underscore; stays" },
	GROUP_FIELDS,
	{ .name = NULL },
};
const struct field group_change_fields[] = { GROUP_FIELDS, { .name = NULL } };
static const struct field budget_fields[] = {
	{ "amount", F_CREDITS, F_REQUIRED, .min = 0, .max = UCR_MAX },
	{ "period", F_CHOICE, 0, .choices = "none day week month" },
	{ .name = NULL },
};

/* ---- budgets -------------------------------------------------------------------- */

enum status
budget_check(struct context *cx, const json_t *in)
{
	json_t *budget = json_object_get(in, "budget");
	struct field_problem problem;

	if (!json_is_object(budget) || fields_check(cx->arena, budget_fields, budget, &problem))
		return OK;
	return fail_field(cx, "budget", "%s %s", problem.field, problem.message);
}

enum status
budget_set(struct context *cx, const char *user_id, const char *group, const json_t *in)
{
	const json_t *budget = json_object_get(in, "budget");
	const char *period = budget == NULL ? NULL : field_text(budget, "period");
	struct pg_arg none = PNULL;
	enum status st;

	if (!field_present(in, "budget"))
		return OK;
	st = pg_query(cx->pg, NULL, "SELECT quota_set($1::uuid, $2::text, $3::numeric, $4::text, $5::uuid)",
	    PS(user_id), PS(group), json_is_object(budget) ? PM(field_ucr(budget, "amount", 0)) : none, PS(period),
	    PS(cx->caller.user_id));
	return st == OK ? OK : fail(cx, st, "set a budget: %s", pg_error(cx->pg));
}

/* $3 user or NULL, $4 kind or NULL, $5 subject or NULL. */
#define HISTORY(than, order) \
	LIST_SQL("bigint", \
	    "SELECT FROM quota_history h WHERE h.id = $1::bigint AND ($3::uuid IS NULL OR h.user_id = $3)", \
	    "SELECT quota_history_json(h) AS json, h.id AS at, h.id AS tie FROM quota_history h WHERE h.id " than \
	    " " LIST_FIRST_INT " AND ($3::uuid IS NULL OR h.user_id = $3) AND ($4::text IS NULL OR h.kind = $4)" \
	    " AND ($5::text IS NULL OR h.subject = $5)", \
	    order)
static const struct list history = { "quota history", HISTORY("<", "DESC"), HISTORY(">", "ASC") };

enum status
quota_history(struct context *cx, const char *user_id, const char *kind, const char *subject, const struct page *page,
    json_t **items, bool *more)
{
	return page_run(cx, page, &history, items, more, PS(user_id), PS(kind), PS(subject));
}

/* ---- groups --------------------------------------------------------------------- */

static bool
is_name(const char *s)
{
	if (*s == '.' || *s == '_' || *s == '-')
		return false;
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

enum status
groups_list(struct context *cx, json_t **items)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT coalesce(jsonb_agg(group_json(g) ORDER BY g.name), '[]') AS json FROM user_groups g");

	if (st != OK)
		return fail(cx, st, "list groups: %s", pg_error(cx->pg));
	*items = row_json(rows, 0, "json");
	return OK;
}

enum status
group_find(struct context *cx, const char *name, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(
	    cx->pg, &rows, "SELECT group_json(g) AS json FROM user_groups g WHERE g.name = $1", PS(name));

	if (st != OK)
		return fail(cx, st, "read group: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "group %s", name);
	*out = row_json(rows, 0, "json");
	return OK;
}

static enum status
insert_group(struct context *cx, const json_t *in, const char *name)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows,
	    "INSERT INTO user_groups (name, description, ratio) SELECT $1, coalesce(btrim($2), ''), $3::numeric"
	    " WHERE (SELECT count(*) FROM user_groups) < $4 RETURNING name",
	    PS(name), PS(field_text(in, "description")), PM(field_ucr(in, "ratio", UCR_PER_CREDIT)), PI(GROUPS_MAX));

	if (st == E_CONFLICT)
		return fail_with(cx, st, json_pack("{s:s}", "field", "name"), "group: %s", pg_error(cx->pg));
	if (st != OK)
		return fail(cx, st, "make a group: %s", pg_error(cx->pg));
	if (rows_count(rows) > 0)
		return OK;
	fail(cx, E_CONFLICT, "too many groups");
	fail_message(cx, "There are too many groups.", "分组数量已达上限");
	return E_CONFLICT;
}

/* In a transaction: what `change` does, and the group as it is then. */
static enum status
save(struct context *cx, const char *name, const json_t *in,
    enum status (*change)(struct context *cx, const json_t *in, const char *name), json_t **out)
{
	enum status st;

	if ((st = budget_check(cx, in)) != OK)
		return st;
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "write group: %s", pg_error(cx->pg));
	if ((st = change(cx, in, name)) != OK || (st = group_find(cx, name, out)) != OK) {
		context_rollback(cx);
		return st;
	}
	if ((st = context_commit(cx)) != OK) {
		json_decref(*out);
		return fail(cx, st, "write group: %s", pg_error(cx->pg));
	}
	versions_changed(cx);
	return OK;
}

static enum status
create(struct context *cx, const json_t *in, const char *name)
{
	enum status st = insert_group(cx, in, name);

	return st == OK ? budget_set(cx, NULL, name, in) : st;
}

enum status
group_create(struct context *cx, const json_t *in, json_t **out)
{
	const char *name = field_text(in, "name");

	if (!is_name(name))
		return fail_field(cx, "name", "must be of small letters, digits, '.', '-' and '_'");
	return save(cx, name, in, create, out);
}

/* The budget first: it locks before all that settlements lock. */
static enum status
update(struct context *cx, const json_t *in, const char *name)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct pg_arg none = PNULL;
	json_t *before;
	enum status st;

	if ((st = group_find(cx, name, &before)) != OK)
		return st;
	json_decref(before);
	if ((st = budget_set(cx, NULL, name, in)) != OK)
		return st;
	st = pg_query(cx->pg, &rows,
	    "UPDATE user_groups SET description = coalesce(btrim($2), description), ratio = coalesce($3::numeric, ratio),"
	    " updated_at = now() WHERE name = $1 RETURNING name",
	    PS(name), PS(field_text(in, "description")),
	    field_present(in, "ratio") ? PM(field_ucr(in, "ratio", UCR_PER_CREDIT)) : none);
	if (st != OK)
		return fail(cx, st, "change group: %s", pg_error(cx->pg));
	return rows_count(rows) > 0 ? OK : fail(cx, E_NOT_FOUND, "group %s", name);
}

enum status
group_update(struct context *cx, const char *name, const json_t *in, json_t **out)
{
	return save(cx, name, in, update, out);
}

enum status
group_delete(struct context *cx, const char *name)
{
	AUTO_ROWS struct rows *rows = NULL;
	json_t *group;
	enum status st;

	if ((st = group_find(cx, name, &group)) != OK)
		return st;
	json_decref(group);
	if (strcmp(name, DEFAULT_GROUP) != 0) {
		st = pg_query(cx->pg, &rows,
		    "DELETE FROM user_groups g WHERE g.name = $1 AND NOT EXISTS (SELECT FROM users u WHERE u.user_group = $1)"
		    " AND NOT EXISTS (SELECT FROM api_keys k WHERE k.user_group = $1) RETURNING name",
		    PS(name));
		if (st != OK && strcmp(pg_sqlstate(cx->pg), "23503") != 0)
			return fail(cx, st, "remove group: %s", pg_error(cx->pg));
		if (st == OK && rows_count(rows) > 0) {
			versions_changed(cx);
			return OK;
		}
	}
	fail(cx, E_CONFLICT, "group %s is in use", name);
	fail_message(
	    cx, "Somebody is in this group, or it is the default one.", "该分组仍有成员或为默认分组，不能删除");
	return E_CONFLICT;
}

enum status
group_set_key(struct context *cx, const char *key_id, const char *group)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (key_id == NULL)
		return fail(cx, E_NOT_FOUND, "no such API key");
	st = pg_query(
	    cx->pg, &rows, "UPDATE api_keys SET user_group = $2 WHERE id = $1 RETURNING id", PS(key_id), PS(group));
	if (st != OK && strcmp(pg_sqlstate(cx->pg), "23503") == 0)
		return fail_field(cx, "group", "is not a group we have");
	if (st != OK && strcmp(pg_sqlstate(cx->pg), "23514") == 0)
		return fail_field(cx, "group", "is not a group we have");
	if (st != OK)
		return fail(cx, st, "set a key's group: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "API key %s", key_id);
	versions_changed(cx);
	return OK;
}
