#include "chat/agents.h"

#include <stdlib.h>
#include <string.h>

#include "knowledge/search.h"
#include "mcp/servers.h"

#define PROMPT_CHARS_MAX 32000
/* clang-format off */
#define AGENT_FIELDS(required) \
	{ "name", F_LINE, (required), .min = 1, .max = 200, .help = "name shown to users" }, \
	{ "description", F_TEXT, 0, .max = 2000, .help = "what it is for" }, \
	{ "prompt", F_PROSE, 0, .max = PROMPT_CHARS_MAX, .help = "system prompt put before the conversation" }, \
	{ "model_id", F_INT, (required), .min = 1, .max = INT64_MAX, .help = "chat model it runs on" }, \
	{ "fallback_model_id", F_INT, F_NULLABLE, .min = 1, .max = INT64_MAX, .help = "taken after a time-out or failure before the first content" }, \
	{ "timeout_seconds", F_INT, 0, .min = 1, .max = 3600, .help = "time to the first content; default 120" }, \
	{ "temperature", F_NUMBER, F_NULLABLE, .max = 2, .help = "null: the provider's default" }, \
	{ "knowledge_ids", F_TEXTS, 0, .max = SEARCH_BASES_MAX, .help = "bases it looks into, for users who may read them" }, \
	{ "knowledge_mode", F_CHOICE, 0, .choices = "auto always off", .help = "auto: where something fits the question" }, \
	{ "knowledge_rewrite", F_BOOL, 0, .help = "search for the question as a model puts it, from what was said before" }, \
	{ "tool_servers", F_TEXTS, 0, .max = TOOL_SERVERS_CHOSEN, .help = "servers whose tools it may call" }, \
	{ "enabled", F_BOOL, 0, .help = "offered to users; default true" }
/* clang-format on */

const struct field agent_fields[] = { AGENT_FIELDS(F_REQUIRED), { .name = NULL } };
const struct field agent_change_fields[] = { AGENT_FIELDS(0), { .name = NULL } };

#define OFFER_JSON \
	"jsonb_build_object('id', a.id, 'name', a.name, 'description', a.description," \
	" 'model', (SELECT m.name FROM llm_models m WHERE m.id = a.model_id))"
#define AGENT_JSON \
	OFFER_JSON " || jsonb_build_object('model_id', a.model_id, 'fallback_model_id', a.fallback_model_id," \
		   " 'fallback_model', (SELECT m.name FROM llm_models m WHERE m.id = a.fallback_model_id)," \
		   " 'prompt', a.prompt, 'timeout_seconds', a.timeout_seconds, 'temperature', a.temperature," \
		   " 'knowledge_ids', to_jsonb(a.knowledge_ids), 'knowledge_mode', a.knowledge_mode," \
		   " 'knowledge_rewrite', a.knowledge_rewrite," \
		   " 'tool_servers', to_jsonb(coalesce(a.tool_servers, '{}'))," \
		   " 'enabled', a.enabled, 'created_at', json_time(a.created_at)," \
		   " 'updated_at', json_time(a.updated_at)) AS json"

/* $3 all, not only the enabled ones */
#define AGENTS(json, than, order) \
	LIST_SQL("uuid", "SELECT FROM agents a WHERE a.id = $1::uuid AND ($3 OR a.enabled)", \
	    "SELECT " json ", a.id AS at, a.id AS tie FROM agents a WHERE ($3 OR a.enabled) AND a.id " than \
	    " " LIST_FIRST_UUID, \
	    order)
static const struct list offered = { "offered agents", AGENTS(OFFER_JSON " AS json", "<", "DESC"),
	AGENTS(OFFER_JSON " AS json", ">", "ASC") };
static const struct list agents = { "agents", AGENTS(AGENT_JSON, "<", "DESC"), AGENTS(AGENT_JSON, ">", "ASC") };

enum status
agents_offered(struct context *cx, const struct page *page, json_t **items, bool *more)
{
	return page_run(cx, page, &offered, items, more, PB(false));
}

enum status
agents_list(struct context *cx, const struct page *page, json_t **items, bool *more)
{
	return page_run(cx, page, &agents, items, more, PB(true));
}

enum status
agent_find(struct context *cx, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such agent");
	st = pg_query_again(cx->pg, &rows, "SELECT " AGENT_JSON " FROM agents a WHERE a.id = $1", PS(id));
	if (st != OK)
		return fail(cx, st, "read agent: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "agent %s", id);
	*out = row_json(rows, 0, "json");
	return OK;
}

static enum status
check_model(struct context *cx, const json_t *in, const char *field)
{
	AUTO_ROWS struct rows *rows = NULL;
	int64_t id = field_int(in, field, 0);
	enum status st;

	if (id == 0)
		return OK;
	st = pg_query_again(cx->pg, &rows, "SELECT id FROM llm_models WHERE id = $1 AND type = 'chat'", PI(id));
	if (st != OK)
		return fail(cx, st, "find model: %s", pg_error(cx->pg));
	return rows_count(rows) > 0 ? OK : fail_field(cx, field, "is not a chat model");
}

/* $1 the input, $2 the id, $3 its knowledge_ids or NULL, $4 its tool_servers or NULL */
static const char insert_sql[] =
    "INSERT INTO agents AS a (id, name, description, prompt, model_id, fallback_model_id, timeout_seconds, temperature,"
    "  enabled, knowledge_ids, knowledge_mode, knowledge_rewrite, tool_servers)"
    " SELECT $2::uuid, btrim(i.name), coalesce(i.description, ''), coalesce(i.prompt, ''), i.model_id,"
    "  i.fallback_model_id, coalesce(i.timeout_seconds, 120), i.temperature, coalesce(i.enabled, true),"
    "  coalesce($3::uuid[], '{}'), coalesce(i.knowledge_mode, 'auto'), coalesce(i.knowledge_rewrite, false),"
    "  nullif($4::uuid[], '{}')"
    " FROM jsonb_to_record($1::jsonb) AS i(name text, description text, prompt text, model_id bigint,"
    "  fallback_model_id bigint, timeout_seconds int, temperature real, enabled boolean, knowledge_mode text,"
    "  knowledge_rewrite boolean)"
    " RETURNING " AGENT_JSON;
static const char update_sql[] =
    "UPDATE agents AS a SET name = coalesce(btrim(i.name), a.name),"
    " description = coalesce(i.description, a.description),"
    "  prompt = coalesce(i.prompt, a.prompt), model_id = coalesce(i.model_id, a.model_id),"
    "  fallback_model_id = CASE WHEN $1::jsonb ? 'fallback_model_id' THEN i.fallback_model_id"
    "   ELSE a.fallback_model_id END,"
    "  timeout_seconds = coalesce(i.timeout_seconds, a.timeout_seconds),"
    "  temperature = CASE WHEN $1::jsonb ? 'temperature' THEN i.temperature ELSE a.temperature END,"
    "  knowledge_ids = coalesce($3::uuid[], a.knowledge_ids), knowledge_mode = coalesce(i.knowledge_mode, a.knowledge_mode),"
    "  knowledge_rewrite = coalesce(i.knowledge_rewrite, a.knowledge_rewrite),"
    "  tool_servers = nullif(coalesce($4::uuid[], a.tool_servers), '{}'),"
    "  enabled = coalesce(i.enabled, a.enabled), updated_at = now()"
    " FROM jsonb_to_record($1::jsonb) AS i(name text, description text, prompt text, model_id bigint,"
    "  fallback_model_id bigint, timeout_seconds int, temperature real, enabled boolean, knowledge_mode text,"
    "  knowledge_rewrite boolean)"
    " WHERE a.id = $2::uuid RETURNING " AGENT_JSON;

static enum status
save(struct context *cx, const char *id, bool create, const json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *knowledge, *tools;
	char *text;
	enum status st;

	if ((st = check_model(cx, in, "model_id")) != OK || (st = check_model(cx, in, "fallback_model_id")) != OK ||
	    (st = knowledge_ids_read(cx, in, &knowledge)) != OK || (st = tool_servers_read(cx, in, &tools)) != OK)
		return st;
	text = json_dumps(in, JSON_WIRE);
	st = pg_query(cx->pg, &rows, create ? insert_sql : update_sql, PS(text), PS(id), PS(knowledge), PS(tools));
	free(text);
	if (st != OK)
		return fail(cx, st, "write agent: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "agent %s", id);
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
agent_create(struct context *cx, const json_t *in, json_t **out)
{
	char id[UUID_LEN];

	uuid_v7(id);
	return save(cx, id, true, in, out);
}

enum status
agent_update(struct context *cx, const char *id, const json_t *in, json_t **out)
{
	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such agent");
	return save(cx, id, false, in, out);
}

enum status
agent_delete(struct context *cx, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such agent");
	if ((st = pg_query(cx->pg, &rows, "DELETE FROM agents WHERE id = $1 RETURNING id", PS(id))) != OK)
		return fail(cx, st, "delete agent: %s", pg_error(cx->pg));
	return rows_count(rows) > 0 ? OK : fail(cx, E_NOT_FOUND, "agent %s", id);
}

enum status
debug_record(struct context *cx, const struct debug_run *run)
{
	char *request = run->request == NULL ? NULL : json_dumps(run->request, JSON_WIRE);
	char *response = run->response == NULL ? NULL : json_dumps(run->response, JSON_WIRE);
	enum status st = pg_query(cx->pg, NULL,
	    "INSERT INTO admin_debug_logs (admin_id, agent_id, kind, model, input_tokens, output_tokens, cost,"
	    "  request, response, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	    PS(cx->caller.user_id), PS(run->agent_id), PS(run->kind), PS(run->model), PI(run->input_tokens),
	    PI(run->output_tokens), PM(run->cost_ucr), PS(request), PS(response), PS(run->error));

	free(request);
	free(response);
	return st == OK ? OK : fail(cx, st, "record a debugging run: %s", pg_error(cx->pg));
}

/* $3 agent, or NULL */
#define DEBUG_RUNS(than, order) \
	LIST_SQL("bigint", "SELECT FROM admin_debug_logs d WHERE d.id = $1::bigint", \
	    "SELECT jsonb_build_object('id', d.id, 'admin_id', d.admin_id, 'agent_id', d.agent_id, 'kind', d.kind," \
	    " 'model', d.model, 'input_tokens', d.input_tokens, 'output_tokens', d.output_tokens," \
	    " 'cost', trim_scale(d.cost), 'request', d.request, 'response', d.response, 'error', d.error," \
	    " 'created_at', json_time(d.created_at)) AS json, d.id AS at, d.id AS tie FROM admin_debug_logs d" \
	    " WHERE ($3::uuid IS NULL OR d.agent_id = $3) AND d.id " than " " LIST_FIRST_INT, \
	    order)
static const struct list debug_runs = { "debugging runs", DEBUG_RUNS("<", "DESC"), DEBUG_RUNS(">", "ASC") };

enum status
debug_list(struct context *cx, const struct page *page, const char *agent_id, json_t **items, bool *more)
{
	return page_run(cx, page, &debug_runs, items, more, PS(agent_id));
}
