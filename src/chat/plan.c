#include "chat/plan.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/select.h"

/* What a turn asks of the database before it opens; the rest the offer knows, as
 * of the version that the same snapshot names.  $1 conversation, $2 user. */
static const char turn_sql[] =
    "SELECT c.id AS conversation_id, c.title, c.title_is_custom, c.message_count, c.model_id AS chosen_id,"
    "  a.id AS agent_id, a.enabled AS agent_enabled, coalesce(c.prompt, a.prompt, s.prompt) AS prompt, a.timeout_seconds,"
    "  coalesce(c.temperature, a.temperature, s.temperature) AS temperature, coalesce(c.top_p, s.top_p) AS top_p,"
    "  s.max_tokens, coalesce(c.context_messages, s.context_messages) AS context_messages,"
    "  coalesce(a.model_id, s.model_id) AS agent_model_id, a.fallback_model_id,"
    "  (SELECT version FROM catalog_version) AS version,"
    "  array_to_string(coalesce(c.knowledge_ids, a.knowledge_ids, s.knowledge_ids), ' ') AS knowledge_ids,"
    "  coalesce(c.knowledge_mode, a.knowledge_mode, s.knowledge_mode, 'auto') AS knowledge_mode,"
    "  coalesce(c.knowledge_rewrite, a.knowledge_rewrite, s.knowledge_rewrite, false) AS knowledge_rewrite,"
    "  CASE WHEN coalesce(c.tool_servers, a.tool_servers, s.tool_servers) IS NOT NULL"
    "   THEN tools_of(coalesce(c.tool_servers, a.tool_servers, s.tool_servers), c.tools_always) END AS tools"
    " FROM conversations c LEFT JOIN agents a ON a.id = c.agent_id"
    " LEFT JOIN assistants s ON s.id = c.assistant_id AND assistant_may_use(s.id, c.user_id)"
    " WHERE c.id = $1 AND c.user_id = $2";

/* $1 agent */
static const char agent_sql[] =
    "SELECT NULL::uuid AS conversation_id, '' AS title, false AS title_is_custom, 0 AS message_count,"
    "  a.id AS agent_id, a.prompt, a.timeout_seconds, a.temperature, NULL::real AS top_p, NULL::int AS max_tokens,"
    "  NULL::int AS context_messages, a.model_id AS agent_model_id, a.fallback_model_id, (SELECT version FROM catalog_version) AS version,"
    "  NULL::text AS knowledge_ids, 'off' AS knowledge_mode, false AS knowledge_rewrite, NULL::jsonb AS tools"
    " FROM agents a WHERE a.id = $1";

/* ---- the plan -------------------------------------------------------------------- */

static const char *
copy(struct context *cx, const struct rows *rows, const char *column)
{
	return arena_strdup(cx->arena, row_text(rows, 0, column));
}

static const struct offer_model *
chat_model(const struct offer *o, const struct rows *rows, const char *column)
{
	const struct offer_model *m = row_null(rows, 0, column) ? NULL : offer_model(o, row_int(rows, 0, column));

	return m != NULL && m->is_chat ? m : NULL;
}

static double
number(const struct rows *rows, const char *column)
{
	return row_null(rows, 0, column) ? -1 : strtod(row_text(rows, 0, column), NULL);
}

/* How it is asked: what the conversation, its agent or its assistant say. */
static void
read_settings(struct context *cx, const struct rows *rows, struct turn_plan *plan)
{
	plan->prompt = copy(cx, rows, "prompt");
	plan->temperature = number(rows, "temperature");
	plan->top_p = number(rows, "top_p");
	plan->context_messages = row_null(rows, 0, "context_messages") ? -1 : row_int(rows, 0, "context_messages");
	if (row_null(rows, 0, "agent_id"))
		return;
	plan->agent_id = copy(cx, rows, "agent_id");
	plan->timeout_ms = row_int(rows, 0, "timeout_seconds") * 1000;
}

/* An answer may be no longer than the assistant wants it. */
static void
shorten(const struct rows *rows, struct offer_model *m)
{
	if (m != NULL && !row_null(rows, 0, "max_tokens") && row_int(rows, 0, "max_tokens") < m->max_output_tokens)
		m->max_output_tokens = row_int(rows, 0, "max_tokens");
}

/* Bases, as UUIDs with a blank between them. */
static void
read_knowledge(struct context *cx, const struct rows *rows, struct turn_plan *plan)
{
	const char *text = copy(cx, rows, "knowledge_ids");
	const char **ids = ARENA_ARRAY(cx->arena, const char *, text == NULL ? 1 : strlen(text) / (UUID_LEN - 1) + 1);

	plan->knowledge_ids = ids;
	plan->knowledge_mode = copy(cx, rows, "knowledge_mode");
	plan->knowledge_rewrite = row_bool(rows, 0, "knowledge_rewrite");
	for (; text != NULL && *text != '\0'; text += strspn(text, " ")) {
		size_t len = strcspn(text, " ");

		ids[plan->n_knowledge++] = arena_strndup(cx->arena, text, len);
		text += len;
	}
}

/* The tools there are, where the model can call them; a fallback that cannot is none then. */
static void
read_tools(struct context *cx, const struct rows *rows, struct turn_plan *plan)
{
	json_t *told;

	if (row_null(rows, 0, "tools") || !(plan->model.abilities & ABILITY_TOOLS))
		return;
	told = row_json(rows, 0, "tools");
	plan->tools = tools_take(cx->arena, told);
	json_decref(told);
	if (plan->tools != NULL && plan->fallback != NULL && !(plan->fallback->abilities & ABILITY_TOOLS))
		plan->fallback = NULL;
}

/* The candidates of a turn: its conversation stays where it was, at the account whose cache knows
 * how it began.  A trial of an agent is of none. */
static struct offer_model *
candidates(struct context *cx, const struct offer_model *m, const char *conversation_id)
{
	struct select_ask ask = { .model = m };

	if (conversation_id != NULL)
		ask.affinity = select_session(cx->arena, cx->caller.user_id, conversation_id);
	return select_candidates(cx, &ask);
}

/* The plan to answer with `m`, from the row of a plan query; the fallback moves
 * up when the model cannot be reached. */
static enum status
make_plan(struct context *cx, const struct offer *o, const struct rows *rows, const struct offer_model *m,
    struct turn_plan **out)
{
	struct turn_plan *plan = ARENA_NEW(cx->arena, struct turn_plan);
	const struct offer_model *second = chat_model(o, rows, "fallback_model_id");
	const char *conversation_id = copy(cx, rows, "conversation_id");
	struct offer_model *model = candidates(cx, m, conversation_id);
	struct offer_model *fallback = second == NULL || second == m ? NULL : candidates(cx, second, conversation_id);

	if (fallback != NULL && fallback->n_channels == 0)
		fallback = NULL;
	if (model->n_channels == 0) {
		if (fallback == NULL)
			return fail(cx, E_UNAVAILABLE, "model %s has no channel that can be asked", m->name);
		model = fallback;
		fallback = NULL;
	}
	plan->conversation_id = conversation_id;
	plan->title = copy(cx, rows, "title");
	plan->title_is_custom = row_bool(rows, 0, "title_is_custom");
	plan->message_count = row_int(rows, 0, "message_count");
	read_settings(cx, rows, plan);
	read_knowledge(cx, rows, plan);
	plan->model = *model;
	plan->fallback = fallback;
	if (plan->fallback != NULL && !price_is_known(plan->fallback->price))
		plan->fallback = NULL;
	shorten(rows, &plan->model);
	shorten(rows, plan->fallback);
	read_tools(cx, rows, plan);
	*out = plan;
	return select_need_price(cx, &plan->model);
}

/* The model that is asked for, or else what conversation, agent and site have set. */
static enum status
choose_model(struct context *cx, const struct offer *o, const struct rows *rows, const char *name,
    const struct offer_model **out)
{
	if (name != NULL) {
		*out = offer_model_named(o, name);
		if (*out == NULL)
			return fail_field(cx, "model", "is not a model we offer");
		return (*out)->is_chat ? OK : fail_field(cx, "model", "is not a chat model we offer");
	}
	*out = chat_model(o, rows, "chosen_id");
	if (*out == NULL)
		*out = chat_model(o, rows, "agent_model_id");
	if (*out == NULL)
		*out = offer_default(o);
	return *out != NULL ? OK : fail(cx, E_UNAVAILABLE, "no default chat model is enabled");
}

static enum status
plan_turn(
    struct context *cx, const struct offer *o, const struct rows *rows, const char *model_name, struct turn_plan **out)
{
	const struct offer_model *m;
	enum status st;

	if (!row_null(rows, 0, "agent_id") && !row_bool(rows, 0, "agent_enabled")) {
		st = fail(cx, E_FORBIDDEN, "agent %s is disabled", row_text(rows, 0, "agent_id"));
		fail_message(cx, "This agent is disabled.", "该智能体已停用");
		return st;
	}
	if ((st = choose_model(cx, o, rows, model_name, &m)) != OK)
		return st;
	return make_plan(cx, o, rows, m, out);
}

enum status
catalog_agent(struct context *cx, const char *agent_id, struct turn_plan **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	const struct offer_model *m;
	struct offer *offer;
	enum status st;

	if (agent_id == NULL)
		return fail(cx, E_NOT_FOUND, "no such agent");
	if ((st = pg_query_again(cx->pg, &rows, agent_sql, PS(agent_id))) != OK)
		return fail(cx, st, "plan for agent %s: %s", agent_id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "agent %s", agent_id);
	if ((st = select_newest(cx, &offer)) != OK || (st = select_offer(cx, rows, &offer)) != OK)
		return st;
	if ((m = chat_model(offer, rows, "agent_model_id")) == NULL)
		return fail(cx, E_UNAVAILABLE, "the model of agent %s is disabled", agent_id);
	return make_plan(cx, offer, rows, m, out);
}

/* Plan and history in one round trip: the second needs no answer to the first. */
static enum status
ask_both(struct context *cx, const char *conversation_id, const struct history_ask *ask, const struct offer *offer,
    struct rows **plan_rows, struct rows **history_rows)
{
	int64_t bytes = history_bytes(ask, offer->largest_context);
	const char *user_id = cx->caller.user_id;
	struct pg_call plan = PG_CALL(turn_sql, PS(conversation_id), PS(user_id));
	struct pg_call plain = PG_CALL(history_sql, PS(conversation_id), PS(user_id), PI(ask->messages), PI(bytes));
	struct pg_call again = PG_CALL(
	    history_again_sql, PS(conversation_id), PS(user_id), PI(ask->messages), PI(bytes), PS(ask->regenerate_id));
	struct pg_call edit = PG_CALL(
	    history_edit_sql, PS(conversation_id), PS(user_id), PI(ask->messages), PI(bytes), PS(ask->edit_id));
	struct pg_call go_on = PG_CALL(
	    history_continue_sql, PS(conversation_id), PS(user_id), PI(ask->messages), PI(bytes), PS(ask->continue_id));
	struct pg_call calls[] = { plan,
		ask->regenerate_id != NULL     ? again
		    : ask->continue_id != NULL ? go_on
		    : ask->edit_id != NULL     ? edit
					       : plain };
	enum status st = pg_run_all(cx->pg, calls, 2, true);

	*plan_rows = calls[0].rows;
	*history_rows = calls[1].rows;
	return st == OK ? OK : fail(cx, st, "plan a turn: %s", pg_error(cx->pg));
}

enum status
catalog_turn(struct context *cx, const char *conversation_id, const char *model_name, const struct history_ask *ask,
    struct turn_plan **plan, struct history **history)
{
	AUTO_ROWS struct rows *plan_rows = NULL;
	struct history *h = history_new(cx);
	struct offer *offer;
	enum status st;

	if (conversation_id == NULL)
		return fail(cx, E_NOT_FOUND, "no such conversation");
	if ((st = select_newest(cx, &offer)) != OK ||
	    (st = ask_both(cx, conversation_id, ask, offer, &plan_rows, &h->rows)) != OK)
		return st;
	if (rows_count(plan_rows) == 0)
		return fail(cx, E_NOT_FOUND, "conversation %s", conversation_id);
	if ((st = select_offer(cx, plan_rows, &offer)) != OK ||
	    (st = plan_turn(cx, offer, plan_rows, model_name, plan)) != OK)
		return st;
	if (ask->regenerate_id != NULL && rows_count(h->rows) == 0)
		return history_refuse(cx, conversation_id, ask->regenerate_id);
	if (ask->continue_id != NULL && rows_count(h->rows) == 0)
		return fail(cx, E_NOT_FOUND, "no calls of tools in message %s", ask->continue_id);
	*history = h;
	history_fill(cx, h);
	return OK;
}
