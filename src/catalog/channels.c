#include "catalog/channels.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/log.h"
#include "wire/wire.h"
#include "core/secret.h"

#define CHANNEL_TYPES "chat image video embedding audio"
#define CHANNEL_MODELS_MAX 500
/* clang-format off */
#define CHANNEL_FIELDS(required) \
	{ "name", F_LINE, (required), .min = 1, .max = 200, .help = "unique name for operators" }, \
	{ "provider", F_LINE, (required), .min = 1, .max = 50, .help = "adapter, such as openai" }, \
	{ "type", F_CHOICE, 0, .choices = CHANNEL_TYPES, .help = "default chat" }, \
	{ "base_url", F_URL, (required), .max = 2048, .help = "root of the provider's API" }, \
	{ "api_key", F_LINE, F_NULLABLE, .min = 1, .max = 4096, .help = "kept sealed, never shown; null: none" }, \
	{ "enabled", F_BOOL, 0, .help = "takes part in selection; default true" }, \
	{ "priority", F_INT, 0, .min = -1000000, .max = 1000000, .help = "higher is tried first" }, \
	{ "weight", F_INT, 0, .max = 1000000, .help = "share among equals; 0: only when nothing else is left" }, \
	{ "allow_private", F_BOOL, 0, .help = "may be at a loopback or private address" }, \
	{ "responses", F_BOOL, 0, .help = "speaks OpenAI's Responses API as well: its clients are passed on" }, \
	{ "models", F_ARRAY, 0, .max = CHANNEL_MODELS_MAX, .help = "objects {model, upstream_name?}" }
/* clang-format on */

const struct field channel_fields[] = { CHANNEL_FIELDS(F_REQUIRED), { .name = NULL } };
const struct field channel_change_fields[] = { CHANNEL_FIELDS(0), { .name = NULL } };

/* One element of "models". */
static const struct field channel_model_fields[] = {
	{ "model", F_LINE, F_REQUIRED, .min = 1, .max = 200 },
	{ "upstream_name", F_LINE, 0, .min = 1, .max = 200 },
	{ .name = NULL },
};

#define CHANNEL_JSON \
	"jsonb_build_object('id', ch.id, 'name', ch.name, 'provider', ch.provider, 'type', ch.type," \
	" 'base_url', ch.base_url, 'has_key', ch.api_key_enc IS NOT NULL, 'enabled', ch.enabled," \
	" 'priority', ch.priority, 'weight', ch.weight, 'allow_private', ch.allow_private," \
	" 'responses', coalesce(ch.config -> 'responses' = 'true', false)," \
	" 'models', (SELECT coalesce(jsonb_agg(jsonb_build_object('model', m.name," \
	"  'upstream_name', coalesce(cm.upstream_name, m.name)) ORDER BY m.name), '[]')" \
	"  FROM channel_models cm JOIN llm_models m ON m.id = cm.model_id WHERE cm.channel_id = ch.id)," \
	" 'created_at', json_time(ch.created_at), 'updated_at', json_time(ch.updated_at)) AS json"

/* $1 before, $2 after (0: none), $3 limit. */
static const char list_sql[] =
    "WITH at AS (SELECT name FROM channels WHERE id = $1::bigint + $2::bigint)"
    " SELECT p.json, ($1::bigint = 0 AND $2::bigint = 0) OR EXISTS (SELECT FROM at) AS cursor_ok"
    " FROM (SELECT 1) AS one LEFT JOIN LATERAL (SELECT ch.name, " CHANNEL_JSON " FROM channels ch"
    "  WHERE ($1 = 0 OR ch.name < (SELECT name FROM at)) AND ($2 = 0 OR ch.name > (SELECT name FROM at))"
    "  ORDER BY CASE WHEN $1 = 0 THEN ch.name END, CASE WHEN $1 <> 0 THEN ch.name END DESC LIMIT $3) AS p ON true"
    " ORDER BY CASE WHEN $1 = 0 THEN p.name END, CASE WHEN $1 <> 0 THEN p.name END DESC";

enum status
channels_list(struct context *cx, const struct page *page, json_t **items, bool *more)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(
	    cx->pg, &rows, list_sql, PI(page->before), PI(page->after), PI(page->limit + 1));

	if (st != OK)
		return fail(cx, st, "list channels: %s", pg_error(cx->pg));
	return page_take(cx, page, rows, page->before != 0, items, more);
}

enum status
channel_find(struct context *cx, int64_t id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(
	    cx->pg, &rows, "SELECT " CHANNEL_JSON " FROM channels ch WHERE ch.id = $1", PI(id));

	if (st != OK)
		return fail(cx, st, "read channel: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "channel %lld", (long long)id);
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
channel_find_name(struct context *cx, const char *name, int64_t *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows, "SELECT id FROM channels WHERE name = $1", PS(name));

	if (st != OK)
		return fail(cx, st, "find channel: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "channel %s", name);
	*id = row_int(rows, 0, "id");
	return OK;
}

/* $1 the input without its key, $2 the sealed key or NULL. */
static const char insert_sql[] =
    "INSERT INTO channels (name, provider, type, base_url, api_key_enc, enabled, priority, weight, allow_private, config)"
    " SELECT btrim(i.name), i.provider, coalesce(i.type, 'chat'), i.base_url, $2::bytea, coalesce(i.enabled, true),"
    "  coalesce(i.priority, 0), coalesce(i.weight, 1), coalesce(i.allow_private, false),"
    "  jsonb_build_object('responses', coalesce(i.responses, false))"
    " FROM jsonb_to_record($1::jsonb) AS i(name text, provider text, type text, base_url text, enabled boolean,"
    "  priority int, weight int, allow_private boolean, responses boolean) RETURNING id";

/* $1 the input without its key, $2 the sealed key or NULL, $3 whether to set it, $4 the id. */
static const char update_sql[] =
    "UPDATE channels AS ch SET name = coalesce(btrim(i.name), ch.name), provider = coalesce(i.provider, ch.provider),"
    "  type = coalesce(i.type, ch.type), base_url = coalesce(i.base_url, ch.base_url),"
    "  api_key_enc = CASE WHEN $3 THEN $2::bytea ELSE ch.api_key_enc END, enabled = coalesce(i.enabled, ch.enabled),"
    "  priority = coalesce(i.priority, ch.priority), weight = coalesce(i.weight, ch.weight),"
    "  allow_private = coalesce(i.allow_private, ch.allow_private), updated_at = now(),"
    "  config = CASE WHEN i.responses IS NULL THEN ch.config"
    "   ELSE ch.config || jsonb_build_object('responses', i.responses) END"
    " FROM jsonb_to_record($1::jsonb) AS i(name text, provider text, type text, base_url text, enabled boolean,"
    "  priority int, weight int, allow_private boolean, responses boolean) WHERE ch.id = $4 RETURNING ch.id";

/* What is written to the row: the input as text, and the sealed key. */
struct channel_row {
	char *text;
	unsigned char *key;
	size_t key_len;
	bool set_key;
};

static enum status
make_row(struct context *cx, const json_t *in, struct channel_row *row)
{
	const char *key = field_text(in, "api_key");
	json_t *rest = json_copy((json_t *)in);
	char *text;
	enum status st = OK;

	json_object_del(rest, "api_key");
	text = json_dumps(rest, JSON_WIRE);
	*row = (struct channel_row){ .text = arena_strdup(cx->arena, text), .set_key = field_present(in, "api_key") };
	free(text);
	json_decref(rest);
	if (key != NULL && (st = secret_seal(cx->arena, cx->conf, key, &row->key, &row->key_len)) != OK)
		return fail(cx, st, "seal the key of a channel");
	return OK;
}

static enum status
write_row(struct context *cx, int64_t *id, const json_t *in)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct channel_row row;
	struct pg_arg key;
	enum status st;

	if ((st = make_row(cx, in, &row)) != OK)
		return st;
	key = row.key == NULL ? PNULL : PX(row.key, row.key_len);
	if (*id == 0)
		st = pg_query(cx->pg, &rows, insert_sql, PS(row.text), key);
	else
		st = pg_query(cx->pg, &rows, update_sql, PS(row.text), key, PB(row.set_key), PI(*id));
	if (st == E_CONFLICT)
		return fail_with(cx, st, json_pack("{s:s}", "field", "name"), "channel: %s", pg_error(cx->pg));
	if (st != OK)
		return fail(cx, st, "write channel: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "channel %lld", (long long)*id);
	*id = row_int(rows, 0, "id");
	return OK;
}

static enum status
check_models(struct context *cx, const json_t *models)
{
	struct field_problem problem;
	size_t i;
	json_t *m;

	json_array_foreach(models, i, m) {
		if (!json_is_object(m))
			return fail_field(cx, "models", "element %zu must be an object {model, upstream_name?}", i);
		if (!fields_check(cx->arena, channel_model_fields, m, &problem))
			return fail_field(cx, "models", "element %zu: %s %s", i, problem.field, problem.message);
	}
	return OK;
}

static enum status
write_models(struct context *cx, int64_t id, const json_t *models)
{
	AUTO_ROWS struct rows *rows = NULL;
	char *text;
	enum status st;

	if (!json_is_array(models))
		return OK;
	if ((st = pg_query(cx->pg, NULL, "DELETE FROM channel_models WHERE channel_id = $1", PI(id))) != OK)
		return fail(cx, st, "write channel: %s", pg_error(cx->pg));
	text = json_dumps(models, JSON_WIRE);
	st = pg_query(cx->pg, &rows,
	    "INSERT INTO channel_models (channel_id, model_id, upstream_name)"
	    " SELECT $1, m.id, nullif(i.upstream_name, m.name)"
	    " FROM jsonb_to_recordset($2::jsonb) AS i(model text, upstream_name text) JOIN llm_models m"
	    " ON m.name = i.model"
	    " ON CONFLICT DO NOTHING RETURNING model_id",
	    PI(id), PS(text));
	free(text);
	if (st != OK)
		return fail(cx, st, "write channel: %s", pg_error(cx->pg));
	if ((size_t)rows_count(rows) != json_array_size(models))
		return fail_field(cx, "models", "names a model twice, or one that does not exist");
	return OK;
}

static enum status
save(struct context *cx, int64_t id, const json_t *in, json_t **out)
{
	const char *provider = field_text(in, "provider");
	json_t *models = json_object_get(in, "models");
	enum status st;

	if (provider != NULL && wire_find(provider) == NULL)
		return fail_field(cx, "provider", "is not an adapter we have");
	if ((st = check_models(cx, models)) != OK)
		return st;
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "write channel: %s", pg_error(cx->pg));
	if ((st = write_row(cx, &id, in)) != OK || (st = write_models(cx, id, models)) != OK) {
		context_rollback(cx);
		return st;
	}
	if ((st = context_commit(cx)) != OK)
		return fail(cx, st, "write channel: %s", pg_error(cx->pg));
	return channel_find(cx, id, out);
}

enum status
channel_create(struct context *cx, const json_t *in, json_t **out)
{
	return save(cx, 0, in, out);
}

enum status
channel_update(struct context *cx, int64_t id, const json_t *in, json_t **out)
{
	if (id == 0)
		return fail(cx, E_NOT_FOUND, "no such channel");
	return save(cx, id, in, out);
}

enum status
channel_delete(struct context *cx, int64_t id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows, "DELETE FROM channels WHERE id = $1 RETURNING id", PI(id));

	if (st != OK)
		return fail(cx, st, "delete channel: %s", pg_error(cx->pg));
	return rows_count(rows) > 0 ? OK : fail(cx, E_NOT_FOUND, "channel %lld", (long long)id);
}
