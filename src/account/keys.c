#include "account/keys.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "account/key_new.h"
#include "base/clock.h"
#include "core/versions.h"
#include "ledger/credits.h"

#define SCOPES "chat embeddings images audio moderation rerank"
#define PERIODS "none day week month"
#define NUMBER_MAX 1000000000
/* clang-format off */
#define KEY_FIELDS(required) \
	{ "name", F_LINE, (required), .min = 1, .max = 100, .help = "what its owner calls it" }, \
	{ "label", F_LINE, F_NULLABLE, .max = 100, .help = "a word by which its owner groups keys" }, \
	{ "scopes", F_TEXTS, F_NULLABLE, .min = 1, .max = 6, .help = "some of: " SCOPES "; null: all" }, \
	{ "models", F_TEXTS, F_NULLABLE, .min = 1, .max = 100, .help = "names of models it may ask; null: all" }, \
	{ "allow_ips", F_TEXTS, F_NULLABLE, .min = 1, .max = 32, .help = "addresses and networks (10.0.0.0/8) it may be used from; null: all" }, \
	{ "expires_at", F_LINE, F_NULLABLE, .min = 1, .max = 40, .help = "RFC 3339; null: never" }, \
	{ "budget", F_OBJECT, F_NULLABLE, .help = "{amount, period?: none, day, week or month}; null: none of its own" }, \
	{ "rpm", F_INT, F_NULLABLE, .min = 1, .max = NUMBER_MAX, .help = "requests per minute" }, \
	{ "tpm", F_INT, F_NULLABLE, .min = 1, .max = NUMBER_MAX, .help = "tokens per minute" }, \
	{ "max_concurrent", F_INT, F_NULLABLE, .min = 1, .max = NUMBER_MAX, .help = "calls at once" }, \
	{ "auto_rotate", F_BOOL, 0, .help = "another key takes its place by itself, to be collected" }, \
	{ "rotate_every_days", F_INT, F_NULLABLE, .min = 1, .max = 3650, .help = "after so many days it should be rotated" }
/* clang-format on */

const struct field key_fields[] = { KEY_FIELDS(F_REQUIRED), { .name = NULL } };
const struct field key_change_fields[] = { KEY_FIELDS(0), { .name = NULL } };

static const struct field budget_fields[] = {
	{ "amount", F_CREDITS, F_REQUIRED, .min = 0, .max = UCR_MAX },
	{ "period", F_CHOICE, 0, .choices = PERIODS },
	{ .name = NULL },
};
static const struct field scope_fields[] = { { "scope", F_CHOICE, F_REQUIRED, .choices = SCOPES }, { .name = NULL } };

#define KEY_JSON "api_key_json(k) AS json"

/* ---- what is sent ------------------------------------------------------------------ */

/* "10.0.0.0/8", "2001:db8::1": as PostgreSQL reads an inet. */
static bool
is_network(const char *text)
{
	char address[INET6_ADDRSTRLEN];
	unsigned char bytes[sizeof(struct in6_addr)];
	size_t len = strcspn(text, "/");
	const char *bits = text + len;
	bool is_v4;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	is_v4 = inet_pton(AF_INET, address, bytes) == 1;
	if (!is_v4 && inet_pton(AF_INET6, address, bytes) != 1)
		return false;
	if (*bits == '\0')
		return true;
	bits++;
	len = strlen(bits);
	return len >= 1 && len <= 3 && strspn(bits, "0123456789") == len && (len == 1 || *bits != '0') &&
	    strtol(bits, NULL, 10) <= (is_v4 ? 32 : 128);
}

static enum status
check_names(struct context *cx, const json_t *in)
{
	struct field_problem problem;
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(in, "models"), i, name)
		if (json_string_length(name) == 0)
			return fail_field(cx, "models", "element %zu must not be empty", i);
	json_array_foreach(json_object_get(in, "allow_ips"), i, name)
		if (!is_network(json_string_value(name)))
			return fail_field(cx, "allow_ips", "element %zu must be an address or a network", i);
	json_array_foreach(json_object_get(in, "scopes"), i, name) {
		json_t *one = json_own(cx->arena, json_pack("{s:O}", "scope", name));

		if (!fields_check(cx->arena, scope_fields, one, &problem))
			return fail_field(cx, "scopes", "element %zu %s", i, problem.message);
	}
	return OK;
}

/* Beyond what its field table can say. */
static enum status
check_input(struct context *cx, const json_t *in)
{
	const char *expires = field_text(in, "expires_at");
	json_t *budget = json_object_get(in, "budget");
	struct field_problem problem;
	int64_t at_ms;

	if (expires != NULL && !clock_parse_rfc3339(expires, &at_ms))
		return fail_field(cx, "expires_at", "must be a time such as 2027-01-31T12:00:00Z");
	if (expires != NULL && at_ms <= clock_wall_ms())
		return fail_field(cx, "expires_at", "must be in the future");
	if (json_is_object(budget) && !fields_check(cx->arena, budget_fields, budget, &problem))
		return fail_field(cx, "budget", "%s %s", problem.field, problem.message);
	return check_names(cx, in);
}

/* ---- making one -------------------------------------------------------------------- */

static enum status
refuse_more(struct context *cx)
{
	fail(cx, E_CONFLICT, "too many API keys");
	fail_message(cx, "You have too many API keys. Delete some that you no longer need.",
	    "API 密钥过多，请先删除不再使用的密钥");
	return E_CONFLICT;
}

/* Is there room for `more` keys, in the transaction that is open?  The user's row is
 * locked first, so that two at once cannot both be the last; the count is a statement of
 * its own, to see what the other has made. */
static enum status
check_room(struct context *cx, int live_max, int more)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	st = pg_query(cx->pg, NULL, "SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE", PS(cx->caller.user_id));
	if (st == OK)
		st = pg_query(cx->pg, &rows,
		    "SELECT count(*) FILTER (WHERE revoked_at IS NULL) AS live, count(*) AS kept"
		    " FROM api_keys WHERE user_id = $1",
		    PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "count API keys: %s", pg_error(cx->pg));
	return row_int(rows, 0, "live") + more <= live_max && row_int(rows, 0, "kept") + more <= KEYS_KEPT_MAX
	    ? OK
	    : refuse_more(cx);
}

/* What its fields say each for itself is right; but one may need another. */
static enum status
fail_write(struct context *cx, enum status st, const char *what)
{
	if (strcmp(pg_sqlstate(cx->pg), "23514") == 0)
		return fail_field(cx, "auto_rotate", "needs rotate_every_days");
	return fail(cx, st, "%s: %s", what, pg_error(cx->pg));
}

/* $1 the input, $2 id, $3 user, $4 hash, $5 prefix */
static const char insert_sql[] =
    "INSERT INTO api_keys AS k (id, user_id, hash, prefix, name, scopes, models, allow_ips, expires_at, budget,"
    "  budget_period, rpm, tpm, max_concurrent, label, auto_rotate, rotate_every_days)"
    " SELECT $2::uuid, $3::uuid, $4::bytea, $5, btrim(i.name), i.scopes, i.models, i.allow_ips, i.expires_at,"
    "  (i.budget->>'amount')::numeric, coalesce(i.budget->>'period', 'none'), i.rpm, i.tpm, i.max_concurrent,"
    "  nullif(btrim(i.label), ''), coalesce(i.auto_rotate, false), i.rotate_every_days"
    " FROM jsonb_to_record($1::jsonb) AS i(name text, scopes text[], models text[], allow_ips inet[],"
    "  expires_at timestamptz, budget jsonb, rpm int, tpm int, max_concurrent int, label text, auto_rotate boolean,"
    "  rotate_every_days int) RETURNING " KEY_JSON;

static enum status
insert_key(struct context *cx, const json_t *in, const struct new_key *k, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	char *text = json_dumps(in, JSON_WIRE);
	enum status st = pg_query(cx->pg, &rows, insert_sql, PS(text), PS(k->id), PS(cx->caller.user_id),
	    PX(k->hash, sizeof(k->hash)), PS(k->shown));

	free(text);
	if (st != OK)
		return fail_write(cx, st, "make an API key");
	*out = row_json(rows, 0, "json");
	return OK;
}

/* The key is made: commit, and show it this once. */
static enum status
give(struct context *cx, const struct new_key *k, json_t *made, json_t **out)
{
	enum status st = context_commit(cx);

	if (st != OK) {
		json_decref(made);
		return fail(cx, st, "make an API key: %s", pg_error(cx->pg));
	}
	json_object_set_new(made, "key", json_string(k->text));
	*out = made;
	return OK;
}

enum status
key_create(struct context *cx, const json_t *in, json_t **out)
{
	struct new_key k;
	json_t *made = NULL;
	enum status st;

	if ((st = check_input(cx, in)) != OK)
		return st;
	key_make(&k);
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "make an API key: %s", pg_error(cx->pg));
	if ((st = check_room(cx, KEYS_LIVE_MAX, 1)) != OK || (st = insert_key(cx, in, &k, &made)) != OK) {
		context_rollback(cx);
		return st;
	}
	return give(cx, &k, made, out);
}

/* ---- finding them ------------------------------------------------------------------- */

enum status
key_find(struct context *cx, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such API key");
	st = pg_query_again(cx->pg, &rows, "SELECT " KEY_JSON " FROM api_keys k WHERE k.id = $1 AND k.user_id = $2",
	    PS(id), PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "read API key: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "API key %s", id);
	*out = row_json(rows, 0, "json");
	return OK;
}

/* What the user and the group of the call may still spend. */
static enum status
add_budgets(struct context *cx, json_t *quota)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT trim_scale(coalesce((SELECT g.ratio FROM user_groups g WHERE g.name = $2), 1)) AS ratio,"
	    " quota_json($1, NULL) AS user_budget, quota_json(NULL, $2) AS group_budget",
	    PS(cx->caller.user_id), PS(cx->caller.group));

	if (st != OK)
		return fail(cx, st, "read budgets: %s", pg_error(cx->pg));
	json_object_set_new(quota, "group", json_string(cx->caller.group));
	json_object_set_new(quota, "ratio", json_credits(row_ucr(rows, 0, "ratio")));
	json_object_set_new(
	    quota, "user_budget", row_null(rows, 0, "user_budget") ? json_null() : row_json(rows, 0, "user_budget"));
	json_object_set_new(
	    quota, "group_budget", row_null(rows, 0, "group_budget") ? json_null() : row_json(rows, 0, "group_budget"));
	return OK;
}
enum status
keys_quota(struct context *cx, json_t **out)
{
	const struct key_limits *limits = cx->caller.limits;
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = credits_json(cx, cx->caller.user_id, out);

	if (st != OK)
		return st;
	st = pg_query_again(cx->pg, &rows,
	    "SELECT coalesce(jsonb_agg(jsonb_build_object('id', k.id, 'name', k.name, 'prefix', k.prefix,"
	    " 'budget', api_key_budget_json(k)) ORDER BY k.id DESC), '[]') AS json FROM api_keys k WHERE k.user_id = $1"
	    " AND CASE WHEN $2::uuid IS NULL THEN k.budget IS NOT NULL AND api_key_status(k) = 'active' ELSE k.id = $2 END",
	    PS(cx->caller.user_id), PS(limits == NULL ? NULL : limits->shared_id));
	if (st == OK)
		json_object_set_new(*out, "keys", row_json(rows, 0, "json"));
	else
		st = fail(cx, st, "read API keys: %s", pg_error(cx->pg));
	if (st == OK)
		st = add_budgets(cx, *out);
	if (st != OK)
		json_decref(*out);
	return st;
}

/* ---- changing them ------------------------------------------------------------------- */

/* Nothing was changed: it is nobody's or somebody else's, or has ended. */
static enum status
refuse_change(struct context *cx, const char *id)
{
	json_t *key;
	enum status st = key_find(cx, id, &key);

	if (st != OK)
		return st;
	json_decref(key);
	fail(cx, E_CONFLICT, "API key %s has ended", id);
	fail_message(cx, "This API key is not in use any more.", "该 API 密钥已停用");
	return E_CONFLICT;
}

/* $1 the input, $2 id, $3 user.  What is not in the input stays; null takes a limit away.
 * A key that has expired lives again when it gets a new end. */
#define CHANGED(column) #column " = CASE WHEN $1::jsonb ? '" #column "' THEN i." #column " ELSE k." #column " END, "
static const char update_sql[] = "UPDATE api_keys AS k SET name = coalesce(btrim(i.name), k.name), " CHANGED(
    scopes) CHANGED(models) CHANGED(allow_ips) CHANGED(expires_at) CHANGED(rpm) CHANGED(tpm) CHANGED(max_concurrent)
    CHANGED(auto_rotate) CHANGED(
	rotate_every_days) "  label = CASE WHEN $1::jsonb ? 'label' THEN nullif(btrim(i.label), '') ELSE k.label END,"
			   "  budget = CASE WHEN $1::jsonb ? 'budget' THEN (i.budget->>'amount')::numeric ELSE k.budget END,"
			   "  budget_period = CASE WHEN $1::jsonb ? 'budget' THEN coalesce(i.budget->>'period', 'none')"
			   "   ELSE k.budget_period END,"
			   "  status = CASE WHEN $1::jsonb ? 'expires_at' THEN 'active' ELSE k.status END,"
			   "  revoked_at = CASE WHEN $1::jsonb ? 'expires_at' THEN NULL ELSE k.revoked_at END"
			   " FROM jsonb_to_record($1::jsonb) AS i(name text, scopes text[], models text[], allow_ips inet[],"
			   "  expires_at timestamptz, budget jsonb, rpm int, tpm int, max_concurrent int, label text,"
			   "  auto_rotate boolean, rotate_every_days int)"
			   " WHERE k.id = $2 AND k.user_id = $3 AND k.status IN ('active', 'expired') RETURNING " KEY_JSON;

enum status
key_update(struct context *cx, const char *id, const json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	char *text;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such API key");
	if ((st = check_input(cx, in)) != OK)
		return st;
	text = json_dumps(in, JSON_WIRE);
	st = pg_query_again(cx->pg, &rows, update_sql, PS(text), PS(id), PS(cx->caller.user_id));
	free(text);
	if (st != OK)
		return fail_write(cx, st, "change API key");
	if (rows_count(rows) == 0)
		return refuse_change(cx, id);
	versions_changed(cx);
	*out = row_json(rows, 0, "json");
	return OK;
}

static enum status
put_in_place(struct context *cx, const char *id, int64_t overlap_s, const struct new_key *k)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows, "SELECT api_key_rotate($1, $2, $3, $4, $5, $6::int) AS outcome",
	    PS(id), PS(cx->caller.user_id), PS(k->id), PX(k->hash, sizeof(k->hash)), PS(k->shown), PI(overlap_s));

	if (st != OK)
		return fail(cx, st, "rotate API key: %s", pg_error(cx->pg));
	return strcmp(row_text(rows, 0, "outcome"), "ok") == 0 ? OK : refuse_change(cx, id);
}

enum status
key_rotate(struct context *cx, const char *id, int64_t overlap_s, json_t **out)
{
	struct new_key k;
	json_t *made;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such API key");
	key_make(&k);
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "rotate API key: %s", pg_error(cx->pg));
	/* A full list must not stand in the way of who has to rotate; and the key is locked before
	 * the user, as the calls lock them that are made with it. */
	if ((st = put_in_place(cx, id, overlap_s, &k)) != OK || (st = check_room(cx, 2 * KEYS_LIVE_MAX, 0)) != OK ||
	    (st = key_find(cx, k.id, &made)) != OK) {
		context_rollback(cx);
		return st;
	}
	versions_changed(cx);
	return give(cx, &k, made, out);
}

enum status
key_revoke(struct context *cx, const char *id, json_t **out)
{
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such API key");
	st = pg_query_again(cx->pg, NULL,
	    "UPDATE api_keys SET status = 'revoked', revoked_at = now(), secret_sealed = NULL"
	    " WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL",
	    PS(id), PS(cx->caller.user_id));
	versions_changed(cx);
	return st == OK ? key_find(cx, id, out) : fail(cx, st, "revoke API key: %s", pg_error(cx->pg));
}

enum status
key_expire(struct context *cx, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such API key");
	st = pg_query_again(cx->pg, &rows,
	    "UPDATE api_keys AS k SET expires_at = now(), revoked_at = now(), secret_sealed = NULL,"
	    " status = CASE WHEN k.status = 'active' THEN 'expired' ELSE k.status END"
	    " WHERE k.id = $1 AND k.user_id = $2 AND k.revoked_at IS NULL AND k.status IN ('active', 'rotated')"
	    " RETURNING " KEY_JSON,
	    PS(id), PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "expire API key: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return refuse_change(cx, id);
	versions_changed(cx);
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
key_delete(struct context *cx, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such API key");
	/* not again: a second run would find nothing and say "not found" */
	st = pg_query(cx->pg, &rows, "DELETE FROM api_keys WHERE id = $1 AND user_id = $2 RETURNING id", PS(id),
	    PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "delete API key: %s", pg_error(cx->pg));
	versions_changed(cx);
	return rows_count(rows) > 0 ? OK : fail(cx, E_NOT_FOUND, "API key %s", id);
}
