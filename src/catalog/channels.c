#include "catalog/channels.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "catalog/channel_keys.h"
#include "catalog/health_report.h"
#include "core/process.h"
#include "core/secret.h"
#include "core/versions.h"
#include "wire/override.h"
#include "wire/wire.h"

#define CHANNEL_MODELS_MAX 500
#define CHANNEL_LIST_MAX 100 /* groups, names on the blacklist */
/* clang-format off */
#define CHANNEL_FIELDS(required) \
	{ "name", F_LINE, (required), .min = 1, .max = 200, .help = "unique name for operators" }, \
	{ "provider", F_LINE, (required), .min = 1, .max = 50, .help = "name of GET /api/admin/providers, such as openai" }, \
	{ "base_url", F_URL, (required), .max = 2048, .help = "root of the provider's API" }, \
	{ "api_key", F_LINE, F_NULLABLE, .min = 1, .max = 4096, .help = "its only key, kept sealed, never shown; null: none" }, \
	{ "enabled", F_BOOL, 0, .help = "takes part in selection; default true" }, \
	{ "priority", F_INT, 0, .min = -1000000, .max = 1000000, .help = "higher is tried first" }, \
	{ "weight", F_INT, 0, .max = 1000000, .help = "share among equals; 0: only when nothing else is left" }, \
	{ "allow_private", F_BOOL, 0, .help = "may be at a loopback or private address" }, \
	{ "groups", F_TEXTS, F_NULLABLE, .max = CHANNEL_LIST_MAX, .help = "of users it serves; null or empty: all" }, \
	{ "region", F_LINE, 0, .max = 64, .help = "where it is; empty: not told, fits every region" }, \
	{ "tag", F_LINE, 0, .max = 64, .help = "a word to sort channels by" }, \
	{ "proxy", F_LINE, F_NULLABLE, .min = 1, .max = 2048, .help = "http, https, socks5 or socks5h URL, kept sealed, never shown; null: none" }, \
	{ "blacklist", F_TEXTS, 0, .max = CHANNEL_LIST_MAX, .help = "models, by our name or the provider's, that are never asked here" }, \
	{ "param_override", F_OBJECT, 0, .help = "members of the body that are set; null: taken out" }, \
	{ "header_override", F_OBJECT, 0, .help = "header lines that are set; null: taken out" }, \
	{ "rpm", F_INT, F_NULLABLE, .min = 1, .max = 100000000, .help = "requests a minute; null: no limit" }, \
	{ "max_concurrent", F_INT, F_NULLABLE, .min = 1, .max = 1000000, .help = "calls at once, on each host; null: no limit" }, \
	{ "test_model", F_LINE, F_NULLABLE, .max = 200, .help = "what a test asks, by our name; null: the first" }, \
	{ "auto_disable", F_BOOL, 0, .help = "keys the provider refuses are taken out until a probe succeeds; default true" }, \
	{ "responses", F_BOOL, 0, .help = "speaks OpenAI's Responses API as well: its clients are passed on" }, \
	{ "models", F_ARRAY, 0, .max = CHANNEL_MODELS_MAX, .help = "objects {model, upstream_name?}" }
/* clang-format on */

const struct field channel_fields[] = {
	CHANNEL_FIELDS(F_REQUIRED),
	{ "keys", F_ARRAY, 0, .max = 100, .help = "objects {key, name?, weight?, sort?, rpm?}" },
	{ .name = NULL },
};
const struct field channel_change_fields[] = { CHANNEL_FIELDS(0), { .name = NULL } };

/* One element of "models". */
static const struct field channel_model_fields[] = {
	{ "model", F_LINE, F_REQUIRED, .min = 1, .max = 200 },
	{ "upstream_name", F_LINE, 0, .min = 1, .max = 200 },
	{ .name = NULL },
};

#define CHANNEL_JSON \
	"jsonb_build_object('id', ch.id, 'name', ch.name, 'provider', ch.provider," \
	" 'base_url', ch.base_url, 'has_key', EXISTS (SELECT FROM channel_keys k WHERE k.channel_id = ch.id)," \
	" 'keys', " CHANNEL_KEYS_JSON ", 'enabled', ch.enabled," \
	" 'priority', ch.priority, 'weight', ch.weight, 'allow_private', ch.allow_private," \
	" 'groups', coalesce(to_jsonb(ch.groups), '[]'), 'region', ch.region, 'tag', ch.tag," \
	" 'has_proxy', ch.proxy_enc IS NOT NULL, 'blacklist', to_jsonb(ch.blacklist)," \
	" 'param_override', ch.param_override, 'header_override', ch.header_override, 'rpm', ch.rpm, 'max_concurrent', ch.max_concurrent," \
	" 'test_model', ch.test_model, 'auto_disable', ch.auto_disable," \
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

/* The same in another order. */
#define CHANNELS(than, order) \
	LIST_SQL("bigint", "SELECT FROM channels ch WHERE ch.id = $1::bigint", \
	    "SELECT " CHANNEL_JSON ", ch.id AS at, ch.id AS tie FROM channels ch WHERE ch.id " than \
	    " " LIST_EDGE_INT(than), \
	    order)
#define SORTS(NUMBER, WORD) \
	WORD(name, "lower(ch.name)") \
	WORD(provider, "ch.provider") \
	WORD(tag, "lower(ch.tag)") \
	NUMBER(enabled, "ch.enabled::int") \
	NUMBER(priority, "ch.priority") \
	NUMBER(weight, "ch.weight")
#define SORTED(than, order) \
	LIST_SORTED_SQL("bigint", "$3", SORTS, "ch.id", "FROM channels ch", "ch.id DESC", \
	    "SELECT " CHANNEL_JSON " FROM channels ch WHERE ch.id = s.id", than, order)
static const struct list sorted = { "channels", CHANNELS("<", "DESC"), CHANNELS(">", "ASC"), LIST_SORTS(SORTS),
	SORTED("<", "DESC"), SORTED(">", "ASC") };
const struct field channels_query[] = { LIST_QUERY(F_INT, LIST_SORTS(SORTS)), { .name = NULL } };

/* As the responders know it; weirctl knows nothing of it. */
static void
add_health(struct context *cx, json_t *channel)
{
	if (cx->process != NULL)
		health_add(cx->process->health, channel);
}

static enum status
list_by_name(struct context *cx, const struct page *page, json_t **items, bool *more)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(
	    cx->pg, &rows, list_sql, PI(page->before), PI(page->after), PI(page->limit + 1));

	if (st != OK)
		return fail(cx, st, "list channels: %s", pg_error(cx->pg));
	return page_take(cx, page, rows, page->before != 0, items, more);
}

enum status
channels_list(struct context *cx, const struct page *page, json_t **items, bool *more)
{
	enum status st = page->sort == NULL ? list_by_name(cx, page, items, more)
					    : page_run(cx, page, &sorted, items, more);
	json_t *channel;
	size_t i;

	if (st == OK)
		json_array_foreach(*items, i, channel)
			add_health(cx, channel);
	return st;
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
	add_health(cx, *out);
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

#define CHANNEL_RECORD \
	" FROM jsonb_to_record($1::jsonb) AS i(name text, provider text, base_url text, enabled boolean, priority int," \
	"  weight int, allow_private boolean, groups text[], region text, tag text, blacklist text[]," \
	"  param_override jsonb, header_override jsonb, rpm int, max_concurrent int, test_model text, auto_disable boolean," \
	"  responses boolean)"

/* $1 the input without its secrets, $2 the sealed proxy or NULL. */
static const char insert_sql[] =
    "INSERT INTO channels (name, provider, base_url, enabled, priority, weight, allow_private, groups, region, tag,"
    "  proxy_enc, blacklist, param_override, header_override, rpm, max_concurrent, test_model, auto_disable, config)"
    " SELECT btrim(i.name), i.provider, i.base_url, coalesce(i.enabled, true),"
    "  coalesce(i.priority, 0), coalesce(i.weight, 1), coalesce(i.allow_private, false), i.groups,"
    "  coalesce(btrim(i.region), ''), coalesce(btrim(i.tag), ''), $2::bytea, coalesce(i.blacklist, '{}'),"
    "  coalesce(i.param_override, '{}'), coalesce(i.header_override, '{}'), i.rpm, i.max_concurrent,"
    "  nullif(btrim(i.test_model), ''), coalesce(i.auto_disable, true),"
    "  jsonb_build_object('responses', coalesce(i.responses, false))" CHANNEL_RECORD " RETURNING id";

/* What may be null changes where the input has it. */
#define OR_NULL(column) #column " = CASE WHEN $1::jsonb ? '" #column "' THEN i." #column " ELSE ch." #column " END"
#define OR_STAYS(column) #column " = coalesce(i." #column ", ch." #column ")"

/* $1 the input without its secrets, $2 the sealed proxy or NULL, $3 whether to set it, $4 the id. */
/* clang-format off */
static const char update_sql[] =
    "UPDATE channels AS ch SET name = coalesce(btrim(i.name), ch.name), " OR_STAYS(provider) ", " OR_STAYS(base_url) ", "
    OR_STAYS(enabled) ", " OR_STAYS(priority) ", " OR_STAYS(weight) ", " OR_STAYS(allow_private) ", " OR_NULL(groups)
    ", region = coalesce(btrim(i.region), ch.region), tag = coalesce(btrim(i.tag), ch.tag),"
    " proxy_enc = CASE WHEN $3 THEN $2::bytea ELSE ch.proxy_enc END, " OR_STAYS(blacklist) ", " OR_STAYS(param_override)
    ", " OR_STAYS(header_override) ", " OR_NULL(rpm) ", " OR_NULL(max_concurrent) ", test_model ="
    " CASE WHEN $1::jsonb ? 'test_model' THEN nullif(btrim(i.test_model), '') ELSE ch.test_model END, "
    OR_STAYS(auto_disable) ", config = CASE WHEN i.responses IS NULL THEN ch.config"
    "  ELSE ch.config || jsonb_build_object('responses', i.responses) END, updated_at = now()" CHANNEL_RECORD
    " WHERE ch.id = $4 RETURNING ch.id";
/* clang-format on */

/* What is written to the row: the input as text, and the sealed proxy. */
struct channel_row {
	char *text;
	unsigned char *proxy;
	size_t proxy_len;
	bool set_proxy;
};

static enum status
make_row(struct context *cx, const json_t *in, struct channel_row *row)
{
	static const char *const secrets[] = { "api_key", "keys", "proxy" };
	const char *proxy = field_text(in, "proxy");
	json_t *rest = json_copy((json_t *)in);
	char *text;
	enum status st = OK;

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		json_object_del(rest, secrets[i]);
	text = json_dumps(rest, JSON_WIRE);
	*row = (struct channel_row){ .text = arena_strdup(cx->arena, text), .set_proxy = field_present(in, "proxy") };
	free(text);
	json_decref(rest);
	if (proxy != NULL && (st = secret_seal(cx->arena, cx->conf, proxy, &row->proxy, &row->proxy_len)) != OK)
		return fail(cx, st, "seal the proxy of a channel");
	return OK;
}

static enum status
write_row(struct context *cx, int64_t *id, const json_t *in)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct channel_row row;
	struct pg_arg proxy;
	enum status st;

	if ((st = make_row(cx, in, &row)) != OK)
		return st;
	proxy = row.proxy == NULL ? PNULL : PX(row.proxy, row.proxy_len);
	if (*id == 0)
		st = pg_query(cx->pg, &rows, insert_sql, PS(row.text), proxy);
	else
		st = pg_query(cx->pg, &rows, update_sql, PS(row.text), proxy, PB(row.set_proxy), PI(*id));
	if (st == E_CONFLICT)
		return fail_with(cx, st, json_pack("{s:s}", "field", "name"), "channel: %s", pg_error(cx->pg));
	if (st != OK)
		return fail(cx, st, "write channel: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "channel %lld", (long long)*id);
	*id = row_int(rows, 0, "id");
	return OK;
}

/* Its only key, or, of a new one, several. */
static enum status
write_keys(struct context *cx, int64_t id, const json_t *in)
{
	json_t *keys = json_object_get(in, "keys"), *key;
	enum status st = OK;
	int64_t key_id;
	size_t i;

	if (field_present(in, "api_key") && (st = channel_key_only(cx, id, field_text(in, "api_key"))) != OK)
		return st;
	json_array_foreach(keys, i, key)
		if ((st = channel_key_add(cx, id, key, &key_id)) != OK)
			return st;
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

static bool
is_proxy(const char *url)
{
	static const char *const schemes[] = { "http://", "https://", "socks5://", "socks5h://" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0) {
			const char *host = url + strlen(schemes[i]);

			return *host != '\0' && strpbrk(host, " /?#") == NULL && host[strlen(host) - 1] != '@';
		}
	return false;
}

/* Groups and a model that are none would be found out when nobody is served. */
static enum status
check_names(struct context *cx, const json_t *in)
{
	AUTO_ROWS struct rows *rows = NULL;
	json_t *groups = json_object_get(in, "groups");
	char *text = json_dumps(json_is_array(groups) ? groups : json_null(), JSON_COMPACT | JSON_ENCODE_ANY);
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT (SELECT min(g.name) FROM jsonb_array_elements_text(nullif($1::jsonb, 'null')) AS g (name)"
	    "  WHERE NOT EXISTS (SELECT FROM user_groups u WHERE u.name = g.name)) AS no_group,"
	    " coalesce(btrim($2), '') <> '' AND NOT EXISTS (SELECT FROM llm_models m WHERE m.name = btrim($2)) AS no_model",
	    PS(text), PS(field_text(in, "test_model")));

	free(text);
	if (st != OK)
		return fail(cx, st, "check channel: %s", pg_error(cx->pg));
	if (!row_null(rows, 0, "no_group"))
		return fail_field(cx, "groups", "there is no group %s", row_text(rows, 0, "no_group"));
	return row_bool(rows, 0, "no_model") ? fail_field(cx, "test_model", "is not a model we have") : OK;
}

static enum status
check_input(struct context *cx, const json_t *in)
{
	const char *provider = field_text(in, "provider"), *base_url = field_text(in, "base_url");
	const char *proxy = field_text(in, "proxy"), *why;
	enum status st;

	if (provider != NULL && wire_find(provider) == NULL)
		return fail_field(cx, "provider", "is none of those at /api/admin/providers");
	if (base_url != NULL && strpbrk(base_url, "{}") != NULL)
		return fail_field(cx, "base_url", "has parts in braces that are to be filled in");
	if (proxy != NULL && !is_proxy(proxy))
		return fail_field(cx, "proxy", "must be an http, https, socks5 or socks5h URL without a path");
	if ((why = override_refuse(json_object_get(in, "header_override"), NULL)) != NULL)
		return fail_field(cx, "header_override", "%s", why);
	if ((why = override_refuse(NULL, json_object_get(in, "param_override"))) != NULL)
		return fail_field(cx, "param_override", "%s", why);
	if ((st = channel_keys_check(cx, json_object_get(in, "keys"))) != OK || (st = check_names(cx, in)) != OK)
		return st;
	return check_models(cx, json_object_get(in, "models"));
}

static enum status
save(struct context *cx, int64_t id, const json_t *in, json_t **out)
{
	json_t *models = json_object_get(in, "models");
	enum status st;

	if ((st = check_input(cx, in)) != OK)
		return st;
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "write channel: %s", pg_error(cx->pg));
	if ((st = write_row(cx, &id, in)) != OK || (st = write_keys(cx, id, in)) != OK ||
	    (st = write_models(cx, id, models)) != OK) {
		context_rollback(cx);
		return st;
	}
	if ((st = context_commit(cx)) != OK)
		return fail(cx, st, "write channel: %s", pg_error(cx->pg));
	versions_changed(cx);
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
	versions_changed(cx);
	return rows_count(rows) > 0 ? OK : fail(cx, E_NOT_FOUND, "channel %lld", (long long)id);
}
