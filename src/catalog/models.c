#include "catalog/models.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/strategy.h"
#include "core/versions.h"

#define TOKENS_MAX 100000000
#define GROUP_STRATEGIES_MAX 100
#define GROUP_BYTES_MAX 255
#define PRICE_MAX_UCR (INT64_C(1000000) * UCR_PER_CREDIT)

#define MODEL_TYPES "chat image video embedding audio rerank moderation"
/* clang-format off */
#define MODEL_FIELDS(required) \
	{ "name", F_LINE, (required), .min = 1, .max = 200, .help = "unique name on the wire" }, \
	{ "display_name", F_LINE, 0, .max = 200, .help = "name shown to people; empty: name" }, \
	{ "type", F_CHOICE, 0, .choices = MODEL_TYPES, .help = "default chat" }, \
	{ "context_tokens", F_INT, (required), .min = 1, .max = TOKENS_MAX, .help = "context window" }, \
	{ "max_output_tokens", F_INT, (required), .min = 1, .max = TOKENS_MAX, .help = "most tokens of one answer" }, \
	{ "abilities", F_TEXTS, 0, .max = 20, .help = "such as vision, audio, video, reasoning, tools" }, \
	{ "price_input_per_mtok", F_CREDITS, (required), .max = PRICE_MAX_UCR, .help = "credits per million input tokens" }, \
	{ "price_output_per_mtok", F_CREDITS, (required), .max = PRICE_MAX_UCR, .help = "credits per million output tokens" }, \
	{ "price_per_call", F_CREDITS, 0, .max = PRICE_MAX_UCR, .help = "credits per call" }, \
	{ "enabled", F_BOOL, 0, .help = "offered to users; default true" }, \
	{ "is_default", F_BOOL, 0, .help = "taken where a request names no model" }, \
	{ "sort", F_INT, 0, .min = -1000000, .max = 1000000, .help = "order in lists, ascending" }, \
	{ "strategy", F_CHOICE, 0, .choices = STRATEGY_NAMES, .help = "how channels of equal priority are chosen; default weighted" }, \
	{ "group_strategies", F_OBJECT, 0, .help = "the same for some groups of users: {group: strategy}" }, \
	{ "media", F_OBJECT, 0, .help = "what a model for pictures or films takes, and how its provider calls it; {}: what is known of it" }
/* clang-format on */

const struct field model_fields[] = { MODEL_FIELDS(F_REQUIRED), { .name = NULL } };
const struct field model_change_fields[] = { MODEL_FIELDS(0), { .name = NULL } };

#define OFFER_JSON \
	"jsonb_build_object('id', m.id, 'name', m.name, 'display_name', coalesce(nullif(m.display_name, ''), m.name)," \
	" 'type', m.type, 'context_tokens', m.context_tokens, 'max_output_tokens', m.max_output_tokens," \
	" 'abilities', to_jsonb(m.abilities), 'price_input_per_mtok', trim_scale(model_base_price(m.id, 'input'))," \
	" 'price_output_per_mtok', trim_scale(model_base_price(m.id, 'output'))," \
	" 'price_per_call', trim_scale(coalesce(model_base_price(m.id, 'call'), 0)), 'is_default', m.is_default)"
#define MODEL_JSON \
	OFFER_JSON " || jsonb_build_object('enabled', m.enabled, 'sort', m.sort, 'strategy', m.strategy," \
		   " 'group_strategies', m.group_strategies, 'media', m.media," \
		   " 'channels', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', ch.id, 'name', ch.name," \
		   "  'enabled', ch.enabled) ORDER BY ch.priority DESC, ch.id), '[]')" \
		   "  FROM channel_models cm JOIN channels ch ON ch.id = cm.channel_id WHERE cm.model_id = m.id)," \
		   " 'created_at', json_time(m.created_at), 'updated_at', json_time(m.updated_at)) AS json"

/* $1 before, $2 after (0: none), $3 limit.  The table is small: number its rows, then cut the page. */
#define PAGE_OF(json, where) \
	"WITH l AS (SELECT m.id, " json ", row_number() OVER (ORDER BY m.sort, m.name) AS n FROM llm_models m" where \
	")," \
	" at AS (SELECT n FROM l WHERE id = $1::bigint + $2::bigint)" \
	" SELECT json, ($1::bigint = 0 AND $2::bigint = 0) OR EXISTS (SELECT FROM at) AS cursor_ok" \
	" FROM (SELECT 1) AS one LEFT JOIN LATERAL (SELECT l.json, l.n FROM l" \
	"  WHERE ($1 = 0 OR l.n < (SELECT n FROM at)) AND ($2 = 0 OR l.n > (SELECT n FROM at))" \
	"  ORDER BY CASE WHEN $1 = 0 THEN l.n ELSE -l.n END LIMIT $3) AS p ON true" \
	" ORDER BY CASE WHEN $1 = 0 THEN p.n ELSE -p.n END"

static const char offered_sql[] = PAGE_OF(OFFER_JSON " AS json",
    " WHERE m.enabled AND ($4::text IS NULL OR m.type = $4) AND EXISTS (SELECT FROM channel_models cm"
    "  JOIN channels ch ON ch.id = cm.channel_id WHERE cm.model_id = m.id AND ch.enabled"
    "   AND (coalesce(cardinality(ch.groups), 0) = 0 OR $5 = ANY (ch.groups))"
    "   AND NOT ch.blacklist && ARRAY[m.name::text, coalesce(cm.upstream_name, m.name)::text])");
static const char list_sql[] = PAGE_OF(MODEL_JSON, "");

/* The same in another order. */
#define MODELS(than, order) \
	LIST_SQL("bigint", "SELECT FROM llm_models m WHERE m.id = $1::bigint", \
	    "SELECT " MODEL_JSON ", m.id AS at, m.id AS tie FROM llm_models m WHERE m.id " than \
	    " " LIST_EDGE_INT(than), \
	    order)
#define SORTS(NUMBER, WORD) \
	WORD(name, "lower(m.name)") \
	WORD(type, "m.type") \
	NUMBER(enabled, "m.enabled::int") \
	NUMBER(sort, "m.sort") \
	NUMBER(context_tokens, "m.context_tokens") \
	NUMBER(price_input_per_mtok, "model_base_price(m.id, 'input')") \
	NUMBER(price_output_per_mtok, "model_base_price(m.id, 'output')")
#define SORTED(than, order) \
	LIST_SORTED_SQL("bigint", "$3", SORTS, "m.id", "FROM llm_models m", "m.id DESC", \
	    "SELECT " MODEL_JSON " FROM llm_models m WHERE m.id = s.id", than, order)
static const struct list sorted = { "models", MODELS("<", "DESC"), MODELS(">", "ASC"), LIST_SORTS(SORTS),
	SORTED("<", "DESC"), SORTED(">", "ASC") };
const struct field models_query[] = { LIST_QUERY(F_INT, LIST_SORTS(SORTS)), { .name = NULL } };

enum status
models_offered(struct context *cx, const struct page *page, const char *type, json_t **items, bool *more)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if ((st = page_sort_check(cx, page, NULL)) != OK)
		return st;
	st = pg_query_again(cx->pg, &rows, offered_sql, PI(page->before), PI(page->after), PI(page->limit + 1),
	    PS(type), PS(cx->caller.group == NULL ? "default" : cx->caller.group));

	if (st != OK)
		return fail(cx, st, "list models: %s", pg_error(cx->pg));
	return page_take(cx, page, rows, page->before != 0, items, more);
}

enum status
models_list(struct context *cx, const struct page *page, json_t **items, bool *more)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (page->sort != NULL)
		return page_run(cx, page, &sorted, items, more);
	st = pg_query_again(cx->pg, &rows, list_sql, PI(page->before), PI(page->after), PI(page->limit + 1));
	if (st != OK)
		return fail(cx, st, "list models: %s", pg_error(cx->pg));
	return page_take(cx, page, rows, page->before != 0, items, more);
}

enum status
model_find(struct context *cx, int64_t id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(
	    cx->pg, &rows, "SELECT " MODEL_JSON " FROM llm_models m WHERE m.id = $1", PI(id));

	if (st != OK)
		return fail(cx, st, "read model: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "model %lld", (long long)id);
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
model_find_name(struct context *cx, const char *name, int64_t *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows, "SELECT id FROM llm_models WHERE name = $1", PS(name));

	if (st != OK)
		return fail(cx, st, "find model: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "model %s", name);
	*id = row_int(rows, 0, "id");
	return OK;
}

/* $1 the input; members that are absent or null take the default. */
static const char insert_sql[] =
    "INSERT INTO llm_models AS m (name, display_name, type, context_tokens, max_output_tokens, abilities,"
    "  enabled, is_default, sort, strategy, group_strategies, media)"
    " SELECT btrim(i.name), coalesce(btrim(i.display_name), ''), coalesce(i.type, 'chat'),"
    "  coalesce(i.context_tokens, 8192), coalesce(i.max_output_tokens, 4096), coalesce(i.abilities, '{}'),"
    "  coalesce(i.enabled, true), coalesce(i.is_default, false), coalesce(i.sort, 0),"
    "  coalesce(i.strategy, 'weighted'), coalesce(i.group_strategies, '{}'), coalesce(i.media, '{}')"
    " FROM jsonb_to_record($1::jsonb) AS i(name text, display_name text, type text, context_tokens int,"
    "  max_output_tokens int, abilities text[], enabled boolean, is_default boolean, sort int, strategy text,"
    "  group_strategies jsonb, media jsonb)"
    " RETURNING m.id, m.context_tokens >= m.max_output_tokens AS fits";

/* $1 the input, $2 the id; members that are absent or null stay as they are. */
static const char update_sql[] =
    "UPDATE llm_models AS m SET name = coalesce(btrim(i.name), m.name),"
    "  display_name = coalesce(btrim(i.display_name), m.display_name), type = coalesce(i.type, m.type),"
    "  context_tokens = coalesce(i.context_tokens, m.context_tokens),"
    "  max_output_tokens = coalesce(i.max_output_tokens, m.max_output_tokens),"
    "  abilities = coalesce(i.abilities, m.abilities),"
    "  enabled = coalesce(i.enabled, m.enabled),"
    "  is_default = coalesce(i.is_default, m.is_default), sort = coalesce(i.sort, m.sort),"
    "  strategy = coalesce(i.strategy, m.strategy), group_strategies = coalesce(i.group_strategies, m.group_strategies),"
    "  media = coalesce(i.media, m.media),"
    "  updated_at = now()"
    " FROM jsonb_to_record($1::jsonb) AS i(name text, display_name text, type text, context_tokens int,"
    "  max_output_tokens int, abilities text[], enabled boolean, is_default boolean, sort int, strategy text,"
    "  group_strategies jsonb, media jsonb)"
    " WHERE m.id = $2"
    " RETURNING m.id, m.context_tokens >= m.max_output_tokens AS fits";

/* The mark of the default moves: take it from whoever has it.  id 0: a new model. */
static enum status
clear_default(struct context *cx, int64_t id, const json_t *in)
{
	if (!field_bool(in, "is_default", false))
		return OK;
	return pg_query(cx->pg, NULL,
	    "UPDATE llm_models SET is_default = false, updated_at = now() WHERE is_default AND id <> $1"
	    " AND type = coalesce($2, (SELECT type FROM llm_models WHERE id = $1), 'chat')",
	    PI(id), PS(field_text(in, "type")));
}

/* $1 the input, $2 the id: the rows that hold without any condition.  What is absent stays. */
static const char prices_sql[] =
    "SELECT model_set_base_price($2, 'input', i.price_input_per_mtok),"
    "  model_set_base_price($2, 'output', i.price_output_per_mtok), model_set_base_price($2, 'call', i.price_per_call)"
    " FROM jsonb_to_record($1::jsonb) AS i(price_input_per_mtok numeric, price_output_per_mtok numeric,"
    "  price_per_call numeric)";

/* Into *rows its id, and whether it fits. */
static enum status
write_model(struct context *cx, int64_t id, const json_t *in, struct rows **rows)
{
	char *text = json_dumps(in, JSON_WIRE);
	enum status st = clear_default(cx, id, in);

	if (st == OK)
		st = id == 0 ? pg_query(cx->pg, rows, insert_sql, PS(text))
			     : pg_query(cx->pg, rows, update_sql, PS(text), PI(id));
	if (st == OK && rows_count(*rows) == 1)
		st = pg_query(cx->pg, NULL, prices_sql, PS(text), PI(row_int(*rows, 0, "id")));
	free(text);
	if (st == E_CONFLICT)
		return fail_with(cx, st, json_pack("{s:s}", "field", "name"), "model: %s", pg_error(cx->pg));
	if (st != OK)
		return fail(cx, st, "write model: %s", pg_error(cx->pg));
	if (rows_count(*rows) == 0)
		return fail(cx, E_NOT_FOUND, "model %lld", (long long)id);
	if (!row_bool(*rows, 0, "fits"))
		return fail_field(cx, "max_output_tokens", "must not be more than context_tokens");
	return OK;
}

static enum status
check_strategies(struct context *cx, const json_t *by_group)
{
	enum strategy strategy;
	const char *group;
	json_t *name;

	if (json_object_size(by_group) > GROUP_STRATEGIES_MAX)
		return fail_field(cx, "group_strategies", "has more than %d members", GROUP_STRATEGIES_MAX);
	json_object_foreach((json_t *)by_group, group, name)
		if (*group == '\0' || strlen(group) > GROUP_BYTES_MAX ||
		    !strategy_parse(json_string_value(name), &strategy))
			return fail_field(cx, "group_strategies", "must be {group: one of " STRATEGY_NAMES "}");
	return OK;
}

static enum status
save(struct context *cx, int64_t id, const json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if ((st = check_strategies(cx, json_object_get(in, "group_strategies"))) != OK)
		return st;
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "write model: %s", pg_error(cx->pg));
	if ((st = write_model(cx, id, in, &rows)) != OK || (st = model_find(cx, row_int(rows, 0, "id"), out)) != OK) {
		context_rollback(cx);
		return st;
	}
	if ((st = context_commit(cx)) != OK) {
		json_decref(*out);
		return fail(cx, st, "write model: %s", pg_error(cx->pg));
	}
	versions_changed(cx);
	return OK;
}

enum status
model_create(struct context *cx, const json_t *in, json_t **out)
{
	return save(cx, 0, in, out);
}

enum status
model_update(struct context *cx, int64_t id, const json_t *in, json_t **out)
{
	if (id == 0)
		return fail(cx, E_NOT_FOUND, "no such model");
	return save(cx, id, in, out);
}

enum status
model_delete(struct context *cx, int64_t id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows, "DELETE FROM llm_models WHERE id = $1 RETURNING id", PI(id));

	if (st == E_NOT_FOUND) { /* a foreign key: agents.model_id */
		st = fail(cx, E_CONFLICT, "model %lld: %s", (long long)id, pg_error(cx->pg));
		fail_message(cx, "An agent runs on this model.", "有智能体正在使用该模型");
		return st;
	}
	if (st != OK)
		return fail(cx, st, "delete model: %s", pg_error(cx->pg));
	versions_changed(cx);
	return rows_count(rows) > 0 ? OK : fail(cx, E_NOT_FOUND, "model %lld", (long long)id);
}
