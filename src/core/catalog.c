#include "core/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/channels.h"

/* Both plans end alike: `c` is one row that names the model and its fallback;
 * one row per model and channel comes out, the model before the fallback,
 * channels in the order to try them.  Efraimidis and Spirakis' exponential keys
 * draw without replacement by weight; weight 0 comes last.  The prompt may be
 * long, so only one row carries it. */
#define PLAN_TAIL \
	" SELECT c.id AS conversation_id, c.title, c.title_is_custom, c.message_count," \
	"  c.agent_id, c.agent_enabled, c.timeout_seconds, c.temperature, c.asked_id," \
	"  CASE WHEN row_number() OVER () = 1 THEN c.prompt END AS prompt," \
	"  m.id AS model_id, m.name AS model, m.type AS model_type, m.enabled AS model_enabled," \
	"  m.context_tokens, m.max_output_tokens, array_to_string(m.abilities, ' ') AS abilities," \
	"  m.price_input_per_mtok, m.price_output_per_mtok, m.price_per_call," \
	"  ch.id AS channel_id, ch.name AS channel, ch.provider, ch.base_url, ch.api_key_enc," \
	"  ch.allow_private, coalesce(cm.upstream_name, m.name) AS upstream_name" \
	" FROM c" \
	" LEFT JOIN llm_models m ON m.id = c.asked_id" \
	"  OR (m.id = c.fallback_model_id AND m.enabled AND m.type = 'chat')" \
	" LEFT JOIN (channel_models cm JOIN channels ch ON ch.id = cm.channel_id" \
	"  AND ch.enabled AND ch.type = 'chat') ON cm.model_id = m.id" \
	" ORDER BY (m.id = c.asked_id) IS TRUE DESC, m.id, ch.priority DESC NULLS LAST," \
	"  CASE WHEN ch.weight > 0 THEN -ln(1 - random()) / ch.weight ELSE 'Infinity' END"

/* $1 conversation, $2 user, $3 name of the model or NULL */
static const char turn_sql[] =
    "WITH c AS MATERIALIZED (SELECT c.id, c.title, c.title_is_custom, c.message_count,"
    "  a.id AS agent_id, a.enabled AS agent_enabled, a.prompt, a.timeout_seconds, a.temperature, a.fallback_model_id,"
    "  CASE WHEN $3::text IS NOT NULL THEN (SELECT id FROM llm_models WHERE name = $3)"
    "  ELSE (SELECT m.id FROM llm_models m WHERE m.enabled AND m.type = 'chat'"
    "   AND (m.id = c.model_id OR m.id = a.model_id OR m.is_default)"
    "   ORDER BY (m.id = c.model_id) IS TRUE DESC, (m.id = a.model_id) IS TRUE DESC LIMIT 1) END AS asked_id"
    " FROM conversations c LEFT JOIN agents a ON a.id = c.agent_id"
    " WHERE c.id = $1 AND c.user_id = $2)" PLAN_TAIL;

/* $1 agent */
static const char agent_sql[] =
    "WITH c AS MATERIALIZED (SELECT NULL::uuid AS id, ''::text AS title, false AS title_is_custom, 0 AS message_count,"
    "  a.id AS agent_id, true AS agent_enabled, a.prompt, a.timeout_seconds, a.temperature, a.fallback_model_id,"
    "  a.model_id AS asked_id FROM agents a WHERE a.id = $1)" PLAN_TAIL;

static const struct {
	const char *name;
	unsigned bit;
} ability_names[] = {
	{ "audio", ABILITY_AUDIO },
	{ "reasoning", ABILITY_REASONING },
	{ "tools", ABILITY_TOOLS },
	{ "video", ABILITY_VIDEO },
	{ "vision", ABILITY_VISION },
};

unsigned
abilities_parse(const char *names)
{
	unsigned bits = 0;

	for (const char *p = names == NULL ? "" : names; *p != '\0';) {
		size_t len = strcspn(p, " ");

		for (size_t i = 0; i < sizeof(ability_names) / sizeof(ability_names[0]); i++)
			if (strlen(ability_names[i].name) == len && memcmp(ability_names[i].name, p, len) == 0)
				bits |= ability_names[i].bit;
		p += len;
		p += strspn(p, " ");
	}
	return bits;
}

static const char *
copy(struct request *rq, const struct rows *rows, int row, const char *column)
{
	return arena_strdup(rq->arena, row_text(rows, row, column));
}

static enum status
read_channel(struct request *rq, const struct rows *rows, int row, struct plan_channel *ch)
{
	size_t len = 0;
	const unsigned char *sealed = row_bytes(rows, row, "api_key_enc", rq->arena, &len);

	ch->id = row_int(rows, row, "channel_id");
	ch->name = copy(rq, rows, row, "channel");
	ch->provider = copy(rq, rows, row, "provider");
	ch->base_url = copy(rq, rows, row, "base_url");
	ch->upstream_name = copy(rq, rows, row, "upstream_name");
	ch->allow_private = row_bool(rows, row, "allow_private");
	return sealed == NULL ? OK : channel_key_open(rq->arena, rq->conf, ch->name, sealed, len, &ch->api_key);
}

/* Read the model whose rows begin at *row, and go on to the rows after it. */
static struct plan_model *
read_model(struct request *rq, const struct rows *rows, int *row)
{
	struct plan_model *m = ARENA_NEW(rq->arena, struct plan_model);
	int first = *row;

	m->id = row_int(rows, first, "model_id");
	m->name = copy(rq, rows, first, "model");
	m->context_tokens = row_int(rows, first, "context_tokens");
	m->max_output_tokens = row_int(rows, first, "max_output_tokens");
	m->price_input_ucr = row_ucr(rows, first, "price_input_per_mtok");
	m->price_output_ucr = row_ucr(rows, first, "price_output_per_mtok");
	m->price_call_ucr = row_ucr(rows, first, "price_per_call");
	m->abilities = abilities_parse(row_text(rows, first, "abilities"));
	while (*row < rows_count(rows) && row_int(rows, *row, "model_id") == m->id)
		++*row;
	m->channels = ARENA_ARRAY(rq->arena, struct plan_channel, *row - first);
	for (int i = first; i < *row; i++)
		/* a channel whose key cannot be opened is logged and passed over */
		if (!row_null(rows, i, "channel_id") && read_channel(rq, rows, i, &m->channels[m->n_channels]) == OK)
			m->n_channels++;
	return m;
}

static const char *
find_prompt(struct request *rq, const struct rows *rows)
{
	for (int i = 0; i < rows_count(rows); i++)
		if (!row_null(rows, i, "prompt"))
			return copy(rq, rows, i, "prompt");
	return NULL;
}

static void
read_agent(struct request *rq, const struct rows *rows, struct turn_plan *plan)
{
	plan->temperature = -1;
	if (row_null(rows, 0, "agent_id"))
		return;
	plan->agent_id = copy(rq, rows, 0, "agent_id");
	plan->prompt = find_prompt(rq, rows);
	plan->timeout_ms = row_int(rows, 0, "timeout_seconds") * 1000;
	if (!row_null(rows, 0, "temperature"))
		plan->temperature = strtod(row_text(rows, 0, "temperature"), NULL);
}

/* The model and its fallback; the fallback moves up when the model cannot be reached. */
static enum status
read_models(struct request *rq, const struct rows *rows, struct turn_plan *plan)
{
	struct plan_model *model = NULL, *fallback = NULL;
	int row = 0;

	model = read_model(rq, rows, &row);
	if (row < rows_count(rows))
		fallback = read_model(rq, rows, &row);
	if (fallback != NULL && fallback->n_channels == 0)
		fallback = NULL;
	if (model->n_channels == 0) {
		if (fallback == NULL)
			return fail(rq, E_UNAVAILABLE, "model %s has no enabled channel", model->name);
		model = fallback;
		fallback = NULL;
	}
	plan->model = *model;
	plan->fallback = fallback;
	return OK;
}

/* `rows` is the answer to one of the plan queries and not empty. */
static enum status
read_plan(struct request *rq, const struct rows *rows, const char *model_name, struct turn_plan **out)
{
	struct turn_plan *plan = ARENA_NEW(rq->arena, struct turn_plan);
	enum status st;

	if (!row_null(rows, 0, "agent_id") && !row_bool(rows, 0, "agent_enabled")) {
		st = fail(rq, E_FORBIDDEN, "agent %s is disabled", row_text(rows, 0, "agent_id"));
		fail_message(rq, "This agent is disabled.", "该智能体已停用");
		return st;
	}
	if (row_null(rows, 0, "asked_id")) {
		if (model_name != NULL)
			return fail_field(rq, "model", "is not a model we offer");
		return fail(rq, E_UNAVAILABLE, "no default chat model is enabled");
	}
	if (!row_bool(rows, 0, "model_enabled") || strcmp(row_text(rows, 0, "model_type"), "chat") != 0) {
		if (model_name != NULL)
			return fail_field(rq, "model", "is not a chat model we offer");
		return fail(rq, E_UNAVAILABLE, "model %s is disabled", row_text(rows, 0, "model"));
	}
	plan->conversation_id = copy(rq, rows, 0, "conversation_id");
	plan->title = copy(rq, rows, 0, "title");
	plan->title_is_custom = row_bool(rows, 0, "title_is_custom");
	plan->message_count = row_int(rows, 0, "message_count");
	read_agent(rq, rows, plan);
	if ((st = read_models(rq, rows, plan)) != OK)
		return st;
	*out = plan;
	return OK;
}

enum status
catalog_agent(struct request *rq, const char *agent_id, struct turn_plan **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (agent_id == NULL)
		return fail(rq, E_NOT_FOUND, "no such agent");
	if ((st = pg_query_again(rq->pg, &rows, agent_sql, PS(agent_id))) != OK)
		return fail(rq, st, "plan for agent %s: %s", agent_id, pg_error(rq->pg));
	if (rows_count(rows) == 0)
		return fail(rq, E_NOT_FOUND, "agent %s", agent_id);
	return read_plan(rq, rows, NULL, out);
}

/* $1 conversation, $2 user, $3 message to make again or NULL, $4 messages, $5 bytes or
 * NULL: what the largest context of any model takes.
 * `target` is the question that message answers: the one its task says, else the
 * user message before it. */
static const char history_sql[] =
    "WITH target AS (SELECT q.id, q.sequence FROM conversation_messages a LEFT JOIN tasks t ON t.id = a.task_id"
    "  CROSS JOIN LATERAL (SELECT u.id, u.sequence FROM conversation_messages u"
    "   WHERE u.conversation_id = a.conversation_id AND u.role = 'user' AND u.sequence < a.sequence"
    "    AND (t.user_message_id IS NULL OR u.id = t.user_message_id)"
    "   ORDER BY u.sequence DESC LIMIT 1) AS q"
    "  WHERE a.id = $3::uuid AND a.conversation_id = $1 AND a.user_id = $2 AND a.role = 'assistant'),"
    " newest AS (SELECT id, sequence, role, content, attachments, task_id FROM conversation_messages"
    "  WHERE conversation_id = $1 AND user_id = $2 AND (role = 'user' OR (role = 'assistant' AND status = 'success'))"
    "   AND sequence <= CASE WHEN $3::uuid IS NULL THEN 9223372036854775807 ELSE (SELECT sequence FROM target) END"
    "  ORDER BY sequence DESC LIMIT $4),"
    " fitting AS (SELECT *, sum(octet_length(content)) OVER (ORDER BY sequence DESC) AS bytes FROM newest)"
    " SELECT m.id, m.sequence, m.role, m.content, t.user_message_id AS question_id,"
    "  m.id = (SELECT id FROM target) AS is_target,"
    "  jsonb_path_query_first(m.attachments, '$[*] ? (@.type == \"image\").url') #>> '{}' AS image_url,"
    "  jsonb_path_query_first(m.attachments, '$[*] ? (@.type == \"video\").url') #>> '{}' AS video_url,"
    "  jsonb_path_query_first(m.attachments, '$[*] ? (@.type == \"audio\").url') #>> '{}' AS audio_url"
    " FROM fitting m LEFT JOIN tasks t ON t.id = m.task_id AND m.role = 'assistant'"
    " WHERE m.bytes <= coalesce($5::bigint, (SELECT greatest(max(context_tokens), 1024) * 8 FROM llm_models"
    "  WHERE enabled AND type = 'chat')) OR m.id = (SELECT id FROM target)"
    " ORDER BY m.sequence";

/* A user message and the row of its latest answer (-1: none). */
struct pair {
	int question, answer;
};

static struct pair *
find_question(struct pair *pairs, size_t n, const struct rows *rows, int answer)
{
	const char *question_id = row_text(rows, answer, "question_id");

	for (size_t i = n; i-- > 0;) {
		if (question_id != NULL
			? strcmp(row_text(rows, pairs[i].question, "id"), question_id) == 0
			: row_int(rows, pairs[i].question, "sequence") + 1 == row_int(rows, answer, "sequence"))
			return &pairs[i];
	}
	return NULL;
}

static size_t
pair_up(const struct rows *rows, struct pair *pairs)
{
	size_t n = 0;

	for (int i = 0; i < rows_count(rows); i++) {
		if (strcmp(row_text(rows, i, "role"), "user") == 0) {
			pairs[n++] = (struct pair){ i, -1 };
		} else {
			struct pair *p = find_question(pairs, n, rows, i);

			if (p != NULL)
				p->answer = i;
		}
	}
	return n;
}

static void
history_add(struct history *h, int row)
{
	h->messages[h->n++] = (struct provider_message){
		.role = row_text(h->rows, row, "role"),
		.content = row_text(h->rows, row, "content"),
		.image_url = row_text(h->rows, row, "image_url"),
		.video_url = row_text(h->rows, row, "video_url"),
		.audio_url = row_text(h->rows, row, "audio_url"),
	};
}

static void
history_fill(struct history *h)
{
	size_t rows = (size_t)rows_count(h->rows);
	struct pair *pairs = xcalloc(rows + 1, sizeof(*pairs));
	size_t n;

	h->messages = xcalloc(rows + 1, sizeof(*h->messages));
	n = pair_up(h->rows, pairs);
	for (size_t i = 0; i < n; i++) {
		if (row_bool(h->rows, pairs[i].question, "is_target")) {
			h->question_id = row_text(h->rows, pairs[i].question, "id");
			history_add(h, pairs[i].question);
		} else if (pairs[i].answer >= 0) {
			history_add(h, pairs[i].question);
			history_add(h, pairs[i].answer);
		}
	}
	free(pairs);
}

/* Nothing can be made again: say why. */
static enum status
refuse_regenerate(struct request *rq, const char *conversation_id, const char *message_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(rq->pg, &rows,
	    "SELECT role FROM conversation_messages WHERE id = $1 AND conversation_id = $2 AND user_id = $3",
	    PS(message_id), PS(conversation_id), PS(rq->caller.user_id));

	if (st != OK)
		return fail(rq, st, "look for message %s: %s", message_id, pg_error(rq->pg));
	if (rows_count(rows) == 0)
		return fail(rq, E_NOT_FOUND, "message %s", message_id);
	if (strcmp(row_text(rows, 0, "role"), "assistant") != 0)
		return fail_field(rq, "message_id", "is not an assistant message");
	return fail_field(rq, "message_id", "has no user message before it");
}

/* `rows` is the answer to history_sql; the history owns it. */
static struct history *
make_history(struct rows *rows)
{
	struct history *h = xcalloc(1, sizeof(*h));

	h->rows = rows;
	history_fill(h);
	return h;
}

/* Both questions in one round trip: the second needs no answer to the first. */
enum status
catalog_turn(struct request *rq, const char *conversation_id, const char *model_name, const struct history_ask *ask,
    struct turn_plan **plan, struct history **history)
{
	const struct pg_arg none = PNULL;
	struct pg_call calls[] = { PG_CALL(turn_sql, PS(conversation_id), PS(rq->caller.user_id), PS(model_name)),
		PG_CALL(history_sql, PS(conversation_id), PS(rq->caller.user_id), PS(ask->regenerate_id),
		    PI(ask->messages), ask->bytes > 0 ? PI(ask->bytes) : none) };
	AUTO_ROWS struct rows *plan_rows = NULL;
	AUTO_ROWS struct rows *history_rows = NULL;
	enum status st;

	if (conversation_id == NULL)
		return fail(rq, E_NOT_FOUND, "no such conversation");
	if ((st = pg_run_all(rq->pg, calls, 2, true)) != OK)
		return fail(rq, st, "plan a turn: %s", pg_error(rq->pg));
	plan_rows = calls[0].rows;
	history_rows = calls[1].rows;
	if (rows_count(plan_rows) == 0)
		return fail(rq, E_NOT_FOUND, "conversation %s", conversation_id);
	if ((st = read_plan(rq, plan_rows, model_name, plan)) != OK)
		return st;
	if (ask->regenerate_id != NULL && rows_count(history_rows) == 0)
		return refuse_regenerate(rq, conversation_id, ask->regenerate_id);
	*history = make_history(history_rows);
	history_rows = NULL;
	return OK;
}

void
history_free(struct history *h)
{
	if (h == NULL)
		return;
	rows_free(h->rows);
	free(h->messages);
	free(h);
}
