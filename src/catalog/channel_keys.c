#include "catalog/channel_keys.h"

#include <stdlib.h>
#include <string.h>

#include "core/secret.h"
#include "core/versions.h"

/* clang-format off */
#define KEY_FIELDS(required) \
	{ "name", F_LINE, 0, .min = 1, .max = 200, .help = "unique in its channel; absent: a number" }, \
	{ "key", F_LINE, (required), .min = 1, .max = 4096, .help = "kept sealed, never shown" }, \
	{ "weight", F_INT, 0, .max = 1000000, .help = "share among the keys of its channel; 0: only when no other is left" }, \
	{ "sort", F_INT, 0, .min = -1000000, .max = 1000000, .help = "order among them, ascending" }, \
	{ "rpm", F_INT, F_NULLABLE, .min = 1, .max = 100000000, .help = "requests a minute; null: no limit" }
/* clang-format on */

const struct field channel_key_fields[] = { KEY_FIELDS(F_REQUIRED), { .name = NULL } };
const struct field channel_key_change_fields[] = {
	KEY_FIELDS(0),
	{ "enabled", F_BOOL, 0, .help = "false: taken out by an operator; true: used again, whoever took it out" },
	{ .name = NULL },
};

/* The input without the secret, and the secret sealed. */
struct key_row {
	const char *text;
	unsigned char *sealed;
	size_t len;
};

static enum status
make_row(struct context *cx, const json_t *in, struct key_row *row)
{
	const char *key = field_text(in, "key");
	json_t *rest = json_copy((json_t *)in);
	enum status st;
	char *text;

	json_object_del(rest, "key");
	text = json_dumps(rest, JSON_WIRE);
	*row = (struct key_row){ .text = arena_strdup(cx->arena, text) };
	free(text);
	json_decref(rest);
	if (key != NULL && (st = secret_seal(cx->arena, cx->conf, key, &row->sealed, &row->len)) != OK)
		return fail(cx, st, "seal the key of a channel");
	return OK;
}

static struct pg_arg
sealed_arg(const struct key_row *row)
{
	return row->sealed == NULL ? PNULL : PX(row->sealed, row->len);
}

static enum status
told(struct context *cx, enum status st)
{
	if (st == E_CONFLICT)
		return fail_with(cx, st, json_pack("{s:s}", "field", "name"), "channel key: %s", pg_error(cx->pg));
	return st == OK ? OK : fail(cx, st, "write channel key: %s", pg_error(cx->pg));
}

/* $1 the channel, $2 the input, $3 the sealed key, $4 most.  The channel's row is locked: its keys are counted. */
static const char insert_sql[] =
    "WITH ch AS (SELECT id FROM channels WHERE id = $1 FOR UPDATE),"
    " n AS (SELECT count(*) AS n, coalesce(max(k.sort), 0) AS sort FROM channel_keys k WHERE k.channel_id = $1),"
    " made AS (INSERT INTO channel_keys (channel_id, name, key_enc, weight, sort, rpm)"
    "  SELECT ch.id, coalesce(btrim(i.name), 'key ' || n.n + 1), $3::bytea, coalesce(i.weight, 1),"
    "   coalesce(i.sort, n.sort), i.rpm"
    "  FROM ch, n, jsonb_to_record($2::jsonb) AS i(name text, weight int, sort int, rpm int)"
    "  WHERE n.n < $4 RETURNING id)"
    " SELECT ch.id AS channel_id, made.id FROM ch LEFT JOIN made ON true";

enum status
channel_key_add(struct context *cx, int64_t channel_id, const json_t *in, int64_t *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct key_row row;
	enum status st;

	if ((st = make_row(cx, in, &row)) != OK)
		return st;
	st = pg_query(cx->pg, &rows, insert_sql, PI(channel_id), PS(row.text), sealed_arg(&row), PI(CHANNEL_KEYS_MAX));
	if ((st = told(cx, st)) != OK)
		return st;
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "channel %lld", (long long)channel_id);
	if (row_null(rows, 0, "id"))
		return fail(cx, E_CONFLICT, "channel %lld has %d keys", (long long)channel_id, CHANNEL_KEYS_MAX);
	*id = row_int(rows, 0, "id");
	versions_changed(cx);
	return OK;
}

/* $1 the channel, $2 the key, $3 the input, $4 the sealed key or NULL. */
static const char update_sql[] =
    "UPDATE channel_keys AS k SET name = coalesce(btrim(i.name), k.name), key_enc = coalesce($4::bytea, k.key_enc),"
    "  weight = coalesce(i.weight, k.weight), sort = coalesce(i.sort, k.sort),"
    "  rpm = CASE WHEN $3::jsonb ? 'rpm' THEN i.rpm ELSE k.rpm END,"
    "  status = s.status, off_reason = CASE WHEN s.status = k.status THEN k.off_reason END,"
    "  off_at = CASE WHEN s.status = 'active' THEN NULL WHEN s.status = k.status THEN k.off_at ELSE now() END,"
    "  last_error = CASE WHEN $4::bytea IS NULL THEN k.last_error END,"
    "  last_error_at = CASE WHEN $4::bytea IS NULL THEN k.last_error_at END, updated_at = now()"
    " FROM jsonb_to_record($3::jsonb) AS i(name text, weight int, sort int, rpm int, enabled boolean),"
    "  LATERAL (SELECT CASE WHEN NOT i.enabled THEN 'disabled' WHEN i.enabled THEN 'active'"
    "   WHEN $4::bytea IS NOT NULL AND o.status = 'off' THEN 'active' ELSE o.status END AS status"
    "   FROM channel_keys o WHERE o.id = $2 AND o.channel_id = $1) AS s"
    " WHERE k.id = $2 AND k.channel_id = $1 RETURNING k.id";

enum status
channel_key_update(struct context *cx, int64_t channel_id, int64_t id, const json_t *in)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct key_row row;
	enum status st;

	if ((st = make_row(cx, in, &row)) != OK)
		return st;
	st = pg_query(cx->pg, &rows, update_sql, PI(channel_id), PI(id), PS(row.text), sealed_arg(&row));
	if ((st = told(cx, st)) != OK)
		return st;
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "key %lld", (long long)id);
	versions_changed(cx);
	return OK;
}

enum status
channel_key_delete(struct context *cx, int64_t channel_id, int64_t id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows,
	    "DELETE FROM channel_keys WHERE id = $1 AND channel_id = $2 RETURNING id", PI(id), PI(channel_id));

	if (st != OK)
		return fail(cx, st, "delete channel key: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "key %lld", (long long)id);
	versions_changed(cx);
	return OK;
}

enum status
channel_key_find_name(struct context *cx, int64_t channel_id, const char *name, int64_t *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(
	    cx->pg, &rows, "SELECT id FROM channel_keys WHERE channel_id = $1 AND name = $2", PI(channel_id), PS(name));

	if (st != OK)
		return fail(cx, st, "find channel key: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "key %s", name);
	*id = row_int(rows, 0, "id");
	return OK;
}

enum status
channel_keys_check(struct context *cx, json_t *keys)
{
	struct field_problem problem;
	size_t i;
	json_t *key;

	json_array_foreach(keys, i, key) {
		if (!json_is_object(key))
			return fail_field(cx, "keys", "element %zu must be an object {key, name?, …}", i);
		if (!fields_check(cx->arena, channel_key_fields, key, &problem))
			return fail_field(cx, "keys", "element %zu: %s %s", i, problem.field, problem.message);
	}
	return OK;
}

enum status
channel_key_only(struct context *cx, int64_t channel_id, const char *key)
{
	AUTO_ROWS struct rows *rows = NULL;
	json_t *in;
	int64_t id;
	enum status st = pg_query(
	    cx->pg, &rows, "SELECT id FROM channel_keys WHERE channel_id = $1 ORDER BY id LIMIT 2", PI(channel_id));

	if (st != OK)
		return fail(cx, st, "read channel keys: %s", pg_error(cx->pg));
	if (rows_count(rows) > 1)
		return fail_field(cx, "api_key", "cannot be set: the channel has several keys, change them one by one");
	if (key == NULL)
		return rows_count(rows) == 0 ? OK : channel_key_delete(cx, channel_id, row_int(rows, 0, "id"));
	in = json_own(cx->arena, json_pack("{s:s}", "key", key));
	if (rows_count(rows) > 0)
		return channel_key_update(cx, channel_id, row_int(rows, 0, "id"), in);
	json_object_set_new(in, "name", json_string("default"));
	return channel_key_add(cx, channel_id, in, &id);
}

enum status
channel_key_balance(struct context *cx, int64_t channel_id, int64_t id, const char *balance, const char *currency)
{
	enum status st = pg_query(cx->pg, NULL,
	    "UPDATE channel_keys SET balance = $3::numeric, balance_currency = $4, balance_at = now()"
	    " WHERE id = $1 AND channel_id = $2",
	    PI(id), PI(channel_id), PS(balance), PS(currency));

	return st == OK ? OK : fail(cx, st, "write balance: %s", pg_error(cx->pg));
}
