#include "chat/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "core/process.h"

/* What a turn asks of the database before it opens; the rest the offer knows, as
 * of the version that the same snapshot names.  $1 conversation, $2 user. */
static const char turn_sql[] =
    "SELECT c.id AS conversation_id, c.title, c.title_is_custom, c.message_count, c.model_id AS chosen_id,"
    "  a.id AS agent_id, a.enabled AS agent_enabled, a.prompt, a.timeout_seconds, a.temperature,"
    "  a.model_id AS agent_model_id, a.fallback_model_id, (SELECT version FROM catalog_version) AS version"
    " FROM conversations c LEFT JOIN agents a ON a.id = c.agent_id WHERE c.id = $1 AND c.user_id = $2";

/* $1 agent */
static const char agent_sql[] =
    "SELECT NULL::uuid AS conversation_id, '' AS title, false AS title_is_custom, 0 AS message_count,"
    "  a.id AS agent_id, a.prompt, a.timeout_seconds, a.temperature, a.model_id AS agent_model_id,"
    "  a.fallback_model_id, (SELECT version FROM catalog_version) AS version"
    " FROM agents a WHERE a.id = $1";

/* ---- the plan -------------------------------------------------------------------- */

static bool
is_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static const char *
copy(struct context *cx, const struct rows *rows, const char *column)
{
	return arena_strdup(cx->arena, row_text(rows, 0, column));
}

/* The position, from `first` on and before `end`, that the weights draw. */
static size_t
draw(const struct offer_channel *channels, size_t first, size_t end)
{
	uint64_t total = 0, lot;

	for (size_t i = first; i < end; i++)
		total += (uint64_t)channels[i].weight;
	crypto_random(&lot, sizeof(lot));
	if (total == 0)
		return first + lot % (end - first);
	lot %= total;
	while (lot >= (uint64_t)channels[first].weight)
		lot -= (uint64_t)channels[first++].weight;
	return first;
}

/* A copy of `m` with its channels in the order in which to try them: by
 * priority, equals drawn one after the other by their weights. */
static struct offer_model *
plan_model(struct context *cx, const struct offer_model *m)
{
	struct offer_model *out = ARENA_NEW(cx->arena, struct offer_model);
	struct offer_channel *ch = ARENA_ARRAY(cx->arena, struct offer_channel, m->n_channels);

	if (m->n_channels > 0)
		memcpy(ch, m->channels, m->n_channels * sizeof(*ch));
	for (size_t i = 0, end = 0; i < m->n_channels; i++) {
		struct offer_channel first = ch[i];
		size_t drawn;

		while (end < m->n_channels && ch[end].priority == first.priority)
			end++;
		drawn = draw(ch, i, end);
		ch[i] = ch[drawn];
		ch[drawn] = first;
	}
	*out = *m;
	out->channels = ch;
	return out;
}

static const struct offer_model *
chat_model(const struct offer *o, const struct rows *rows, const char *column)
{
	const struct offer_model *m = row_null(rows, 0, column) ? NULL : offer_model(o, row_int(rows, 0, column));

	return m != NULL && m->is_chat ? m : NULL;
}

static void
read_agent(struct context *cx, const struct rows *rows, struct turn_plan *plan)
{
	plan->temperature = -1;
	if (row_null(rows, 0, "agent_id"))
		return;
	plan->agent_id = copy(cx, rows, "agent_id");
	plan->prompt = copy(cx, rows, "prompt");
	plan->timeout_ms = row_int(rows, 0, "timeout_seconds") * 1000;
	if (!row_null(rows, 0, "temperature"))
		plan->temperature = strtod(row_text(rows, 0, "temperature"), NULL);
}

/* The plan to answer with `m`, from the row of a plan query; the fallback moves
 * up when the model cannot be reached. */
static enum status
make_plan(struct context *cx, const struct offer *o, const struct rows *rows, const struct offer_model *m,
    struct turn_plan **out)
{
	struct turn_plan *plan = ARENA_NEW(cx->arena, struct turn_plan);
	const struct offer_model *fallback = chat_model(o, rows, "fallback_model_id");

	if (fallback == m || (fallback != NULL && fallback->n_channels == 0))
		fallback = NULL;
	if (m->n_channels == 0) {
		if (fallback == NULL)
			return fail(cx, E_UNAVAILABLE, "model %s has no enabled channel", m->name);
		m = fallback;
		fallback = NULL;
	}
	plan->conversation_id = copy(cx, rows, "conversation_id");
	plan->title = copy(cx, rows, "title");
	plan->title_is_custom = row_bool(rows, 0, "title_is_custom");
	plan->message_count = row_int(rows, 0, "message_count");
	read_agent(cx, rows, plan);
	plan->model = *plan_model(cx, m);
	plan->fallback = fallback == NULL ? NULL : plan_model(cx, fallback);
	*out = plan;
	return OK;
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

/* Have the offer of the version that the first of `rows` names, if there is one;
 * *offer as read before, or NULL.  It stays as long as the request's arena. */
static enum status
have_offer(struct context *cx, const struct rows *rows, struct offer **offer)
{
	enum status st;

	if (*offer != NULL && rows != NULL &&
	    (rows_count(rows) == 0 || strcmp(row_text(rows, 0, "version"), (*offer)->version) == 0))
		return OK;
	if ((st = offers_read(cx->process->offers, cx->pg, cx->conf, offer)) != OK)
		return fail(cx, st, "read models and channels: %s", pg_error(cx->pg));
	arena_cleanup(cx->arena, (void (*)(void *))offer_unref, *offer);
	return OK;
}

/* The newest offer of this process, to begin with. */
static enum status
guess_offer(struct context *cx, struct offer **offer)
{
	*offer = offers_newest(cx->process->offers);
	if (*offer == NULL)
		return have_offer(cx, NULL, offer);
	arena_cleanup(cx->arena, (void (*)(void *))offer_unref, *offer);
	return OK;
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
	if ((st = guess_offer(cx, &offer)) != OK || (st = have_offer(cx, rows, &offer)) != OK)
		return st;
	if ((m = chat_model(offer, rows, "agent_model_id")) == NULL)
		return fail(cx, E_UNAVAILABLE, "the model of agent %s is disabled", agent_id);
	return make_plan(cx, offer, rows, m, out);
}

/* ---- the history ----------------------------------------------------------------- */

/* $1 conversation, $2 user, $3 messages, $4 bytes: the newest messages that fit,
 * newest first.  `upto` where they end, `target` the question to end with, if any. */
#define HISTORY_SQL(upto, target) \
	" SELECT m.id, m.sequence, m.role, m.content, m.task_id, " target " AS is_target," \
	"  CASE WHEN m.attachments <> '[]' THEN m.attachments END AS attachments" \
	" FROM (SELECT *, sum(octet_length(content)) OVER (ORDER BY sequence DESC) AS bytes" \
	"  FROM (SELECT id, sequence, role, content, attachments, task_id FROM conversation_messages" \
	"   WHERE conversation_id = $1 AND user_id = $2" \
	"    AND (role = 'user' OR (role = 'assistant' AND status = 'success'))" upto \
	"   ORDER BY sequence DESC LIMIT $3) AS newest) AS m" \
	" WHERE m.bytes <= $4::bigint OR " target " ORDER BY m.sequence DESC"

static const char history_sql[] = HISTORY_SQL("", "false");

/* $5 the assistant message to make again.  `target` is the question it answers:
 * the one its task says, else the user message before it. */
static const char history_again_sql[] =
    "WITH target AS (SELECT q.id, q.sequence FROM conversation_messages a LEFT JOIN tasks t ON t.id = a.task_id"
    "  CROSS JOIN LATERAL (SELECT u.id, u.sequence FROM conversation_messages u"
    "   WHERE u.conversation_id = a.conversation_id AND u.role = 'user' AND u.sequence < a.sequence"
    "    AND (t.user_message_id IS NULL OR u.id = t.user_message_id)"
    "   ORDER BY u.sequence DESC LIMIT 1) AS q"
    "  WHERE a.id = $5::uuid AND a.conversation_id = $1 AND a.user_id = $2 AND a.role = 'assistant')" HISTORY_SQL(
	" AND sequence <= (SELECT sequence FROM target)", "(m.id = (SELECT id FROM target))");

/* A user message and the row of its latest answer (-1: none). */
struct pair {
	int question, answer;
};

/* `rows` have the newest first, so the later of two answers is the one above. */
static void
add_answer(struct pair *p, int row)
{
	if (p->answer < 0 || row < p->answer)
		p->answer = row;
}

/* Pair each answer with the question right before it, which is its own whenever
 * it is there.  The rows of the other answers go to `apart`.  Both oldest first. */
static size_t
pair_up(const struct rows *rows, struct pair *pairs, int *apart, size_t *n_apart)
{
	size_t n = 0;

	for (int i = rows_count(rows) - 1; i >= 0; i--) {
		if (strcmp(row_text(rows, i, "role"), "user") == 0)
			pairs[n++] = (struct pair){ i, -1 };
		else if (n > 0 && row_int(rows, pairs[n - 1].question, "sequence") + 1 == row_int(rows, i, "sequence"))
			add_answer(&pairs[n - 1], i);
		else
			apart[(*n_apart)++] = i;
	}
	return n;
}

static void
answer_by_id(const struct rows *rows, struct pair *pairs, size_t n, const char *question_id, int answer)
{
	for (size_t i = 0; i < n; i++)
		if (is_same(row_text(rows, pairs[i].question, "id"), question_id))
			add_answer(&pairs[i], answer);
}

/* An answer that was made again stands apart from its question: its task knows it. */
static enum status
pair_apart(struct context *cx, const struct rows *rows, struct pair *pairs, size_t n, const int *apart, size_t n_apart)
{
	AUTO_ROWS struct rows *tasks = NULL;
	struct buf ids = { 0 };
	enum status st;

	for (size_t i = 0; i < n_apart; i++)
		if (!row_null(rows, apart[i], "task_id"))
			buf_printf(&ids, "%c%s", ids.len == 0 ? '{' : ',', row_text(rows, apart[i], "task_id"));
	if (ids.len == 0)
		return OK;
	buf_printf(&ids, "}");
	st = pg_query_again(
	    cx->pg, &tasks, "SELECT id, user_message_id FROM tasks WHERE id = ANY ($1::uuid[])", PS(buf_str(&ids)));
	buf_free(&ids);
	if (st != OK)
		return fail(cx, st, "questions of answers: %s", pg_error(cx->pg));
	for (int t = 0; t < rows_count(tasks); t++)
		for (size_t a = 0; a < n_apart; a++)
			if (is_same(row_text(rows, apart[a], "task_id"), row_text(tasks, t, "id")))
				answer_by_id(rows, pairs, n, row_text(tasks, t, "user_message_id"), apart[a]);
	return OK;
}

/* The first attachment of a type, or NULL. */
static const char *
attachment_url(struct context *cx, const json_t *attachments, const char *type)
{
	size_t i;
	json_t *one;

	json_array_foreach(attachments, i, one)
		if (is_same(json_string_value(json_object_get(one, "type")), type))
			return arena_strdup(cx->arena, json_string_value(json_object_get(one, "url")));
	return NULL;
}

static void
history_add(struct context *cx, struct history *h, int row)
{
	struct ask_message *m = &h->messages[h->n++];
	json_t *attachments;

	*m = (struct ask_message){ .role = row_text(h->rows, row, "role"),
		.content = row_text(h->rows, row, "content") };
	if (row_null(h->rows, row, "attachments"))
		return;
	attachments = row_json(h->rows, row, "attachments");
	m->image_url = attachment_url(cx, attachments, "image");
	m->video_url = attachment_url(cx, attachments, "video");
	m->audio_url = attachment_url(cx, attachments, "audio");
	json_decref(attachments);
}

static enum status
history_fill(struct context *cx, struct history *h)
{
	size_t rows = (size_t)rows_count(h->rows), n_apart = 0, n;
	struct pair *pairs = ARENA_ARRAY(cx->arena, struct pair, rows);
	int *apart = ARENA_ARRAY(cx->arena, int, rows);
	enum status st;

	n = pair_up(h->rows, pairs, apart, &n_apart);
	if ((st = pair_apart(cx, h->rows, pairs, n, apart, n_apart)) != OK)
		return st;
	h->messages = ARENA_ARRAY(cx->arena, struct ask_message, 2 * n);
	for (size_t i = 0; i < n; i++) {
		if (row_bool(h->rows, pairs[i].question, "is_target")) {
			h->question_id = row_text(h->rows, pairs[i].question, "id");
			history_add(cx, h, pairs[i].question);
		} else if (pairs[i].answer >= 0) {
			history_add(cx, h, pairs[i].question);
			history_add(cx, h, pairs[i].answer);
		}
	}
	return OK;
}

/* Nothing can be made again: say why. */
static enum status
refuse_regenerate(struct context *cx, const char *conversation_id, const char *message_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT role FROM conversation_messages WHERE id = $1 AND conversation_id = $2 AND user_id = $3",
	    PS(message_id), PS(conversation_id), PS(cx->caller.user_id));

	if (st != OK)
		return fail(cx, st, "look for message %s: %s", message_id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "message %s", message_id);
	if (strcmp(row_text(rows, 0, "role"), "assistant") != 0)
		return fail_field(cx, "message_id", "is not an assistant message");
	return fail_field(cx, "message_id", "has no user message before it");
}

#define BYTES_PER_TOKEN 8 /* more than any text has */
#define CONTEXT_MIN 1024  /* tokens: what a model has at least, for the history's sake */

/* Plan and history in one round trip: the second needs no answer to the first. */
static enum status
ask_both(struct context *cx, const char *conversation_id, const struct history_ask *ask, const struct offer *offer,
    struct rows **plan_rows, struct rows **history_rows)
{
	int64_t context = offer->largest_context > CONTEXT_MIN ? offer->largest_context : CONTEXT_MIN;
	int64_t bytes = ask->bytes > 0 ? ask->bytes : context * BYTES_PER_TOKEN;
	const char *user_id = cx->caller.user_id;
	struct pg_call plan = PG_CALL(turn_sql, PS(conversation_id), PS(user_id));
	struct pg_call plain = PG_CALL(history_sql, PS(conversation_id), PS(user_id), PI(ask->messages), PI(bytes));
	struct pg_call again = PG_CALL(
	    history_again_sql, PS(conversation_id), PS(user_id), PI(ask->messages), PI(bytes), PS(ask->regenerate_id));
	struct pg_call calls[] = { plan, ask->regenerate_id == NULL ? plain : again };
	enum status st = pg_run_all(cx->pg, calls, 2, true);

	*plan_rows = calls[0].rows;
	*history_rows = calls[1].rows;
	return st == OK ? OK : fail(cx, st, "plan a turn: %s", pg_error(cx->pg));
}

static void
history_clear(void *history)
{
	rows_free(((struct history *)history)->rows);
}

enum status
catalog_turn(struct context *cx, const char *conversation_id, const char *model_name, const struct history_ask *ask,
    struct turn_plan **plan, struct history **history)
{
	AUTO_ROWS struct rows *plan_rows = NULL;
	struct history *h = ARENA_NEW(cx->arena, struct history);
	struct offer *offer;
	enum status st;

	if (conversation_id == NULL)
		return fail(cx, E_NOT_FOUND, "no such conversation");
	arena_cleanup(cx->arena, history_clear, h);
	if ((st = guess_offer(cx, &offer)) != OK ||
	    (st = ask_both(cx, conversation_id, ask, offer, &plan_rows, &h->rows)) != OK)
		return st;
	if (rows_count(plan_rows) == 0)
		return fail(cx, E_NOT_FOUND, "conversation %s", conversation_id);
	if ((st = have_offer(cx, plan_rows, &offer)) != OK ||
	    (st = plan_turn(cx, offer, plan_rows, model_name, plan)) != OK)
		return st;
	if (ask->regenerate_id != NULL && rows_count(h->rows) == 0)
		return refuse_regenerate(cx, conversation_id, ask->regenerate_id);
	*history = h;
	return history_fill(cx, h);
}
