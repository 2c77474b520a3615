#include "chat/turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/tokens.h"
#include "chat/conversations.h"
#include "chat/look.h"
#include "chat/messages.h"
#include "chat/sources.h"
#include "chat/tools.h"
#include "chat/wire.h"
#include "engine/pace.h"
#include "engine/gate.h"
#include "engine/measure.h"
#include "engine/run.h"
#include "files/uploads.h"
#include "io/pg_together.h"

const struct reader_wants wants_stream = { &dialect_weir, false }, wants_whole = { &dialect_weir, true };

/* What is a chat's own of a run; in its arena. */
struct chat {
	char message_id[UUID_LEN]; /* the assistant's */
	const char *conversation_id;
	const struct sources *sources;	/* what its prompt had of documents; NULL: nothing */
	const char *searched;		/* for what they were searched, as JSON; NULL: they were not */
	const struct chat_tools *tools; /* that the model could call; NULL: none */
};

/* What only opening needs; in the request's arena, which ends with the first content. */
struct opening {
	struct chat *chat;
	const struct turn_ask *ask;
	const char *mode; /* of turn_open() */
	char transaction_id[UUID_LEN], user_message_id[UUID_LEN];
	const struct chat_files *files; /* NULL: none */
	char *attachments, *title;
	const char *left_out; /* documents without room, as messages keep them; NULL: none */
	const char *prices;   /* as tasks.prices keeps them */
};

/* ---- planning --------------------------------------------------------------- */

/* Regenerating and continuing keep to the model that answered before, if it is still on offer. */
static enum status
previous_model(struct context *cx, const struct turn_ask *ask, const char **model)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *before = ask->continue_id != NULL ? ask->continue_id : ask->regenerate_id;
	enum status st;

	*model = ask->model;
	if (before == NULL || ask->model != NULL)
		return OK;
	st = pg_query_again(cx->pg, &rows,
	    "SELECT m.model FROM conversation_messages m JOIN llm_models l ON l.name = m.model AND l.enabled"
	    " WHERE m.id = $1 AND m.conversation_id = $2 AND m.user_id = $3",
	    PS(before), PS(ask->conversation_id), PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "previous model: %s", pg_error(cx->pg));
	if (rows_count(rows) == 1)
		*model = arena_strdup(cx->arena, row_text(rows, 0, "model"));
	return OK;
}

static int64_t
max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
ceiling_ucr(const struct offer_model *m, int64_t prompt_tokens)
{
	return price_ceiling_ucr(m->price, prompt_tokens, m->max_output_tokens);
}

/* As often as its channels may be asked; else the fallback takes its place. */
static enum status
keep_pace(struct context *cx, struct turn_plan *plan)
{
	enum status st = pace_take(cx, &plan->model);

	if (st == OK || plan->fallback == NULL)
		return st;
	plan->model = *plan->fallback;
	plan->fallback = NULL;
	return pace_take(cx, &plan->model);
}

/* A turn before it opens: it may wait for what is found in documents. */
struct turning {
	struct turn_ask ask;
	struct gate_key key;
	struct turn_plan *plan;
	struct history *history;
	const struct looked *looked;
};

/* A question may call tools so many times; then the model is to answer in words, and has no more turns if it does not. */
static enum status
check_rounds(struct context *cx, const struct turning *t)
{
	size_t most = (size_t)cx->conf->tools_rounds;

	if (t->ask.continue_id == NULL && t->ask.regenerate_id == NULL)
		return OK;
	if (t->history->question_id == NULL) {
		fail(cx, E_CONFLICT, "the question is out of reach");
		fail_message(cx, "The conversation is too long to go on from here.", "对话过长，无法从此处继续");
		return E_CONFLICT;
	}
	if (t->history->rounds > most) {
		fail(cx, E_CONFLICT, "%zu rounds of tools", t->history->rounds);
		fail_message(cx, "Tools have been called as often as they may for one question.",
		    "本问题的工具调用次数已达上限");
		return E_CONFLICT;
	}
	if (t->plan->tools != NULL)
		t->plan->tools->is_over = t->history->rounds == most;
	return OK;
}

static enum status
plan(struct context *cx, struct turning *t)
{
	struct history_ask wanted = { .regenerate_id = t->ask.regenerate_id,
		.edit_id = t->ask.edit_id,
		.continue_id = t->ask.continue_id,
		.messages = cx->conf->chat_history_messages };
	const char *model;
	enum status st;

	if (t->ask.continue_id != NULL || t->ask.regenerate_id != NULL) /* all of what was called must be there */
		wanted.messages += cx->conf->tools_rounds + 2;
	if ((st = previous_model(cx, &t->ask, &model)) != OK ||
	    (st = catalog_turn(cx, t->ask.conversation_id, model, &wanted, &t->plan, &t->history)) != OK ||
	    (st = check_rounds(cx, t)) != OK)
		return st;
	if (t->ask.beside) /* what is compared are answers in words: nobody is asked of calls in several at once */
		t->plan->tools = NULL;
	if (t->ask.continue_id != NULL) /* it was put anew for the first answer, and paid */
		t->plan->knowledge_rewrite = false;
	return files_find(cx, &t->ask.question, t->history, &t->plan->files);
}

/* Prompt, call and ceiling. */
static enum status
prepare(struct context *cx, struct run *r, const struct turning *t)
{
	struct turn_plan *plan = t->plan;
	enum status st;

	if ((st = keep_pace(cx, plan)) != OK ||
	    (st = prompt_call(cx, plan, &t->ask.question, t->history, &r->call, &r->prompt_tokens)) != OK)
		return st;
	r->task.hold_ucr = ceiling_ucr(&plan->model, r->prompt_tokens);
	if (plan->fallback != NULL)
		r->task.hold_ucr = max64(r->task.hold_ucr, ceiling_ucr(plan->fallback, r->prompt_tokens));
	return OK;
}

/* The question as text: the new one, or the one that is answered again. */
static const char *
question_text(const struct turning *t)
{
	const struct history *h = t->history;

	if (t->ask.question.content != NULL)
		return t->ask.question.content;
	return h->tail > 0 && h->messages[h->n - h->tail].n_parts > 0 ? h->messages[h->n - h->tail].parts[0].text
								      : NULL;
}

/* ---- opening ------------------------------------------------------------------ */

static const char open_sql[] =
    "SELECT outcome, balance, required, user_message, assistant_message, existing_task_id, title, held,"
    " user_sequence, opened_at FROM turn_open($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::uuid,"
    " $6::uuid, $7::text, $8::jsonb, $9::bigint,"
    " $10::numeric, $11::int, $12::uuid, $13::int, $14::int, $15::int, $16::text, $17::uuid, $18::text, $19::text,"
    " $20::text, $21::bytea, $22::jsonb, $23::text, $24::jsonb)";

/* Turns of one user that open together lock their conversations before the user. */
static const char lock_sql[] = "SELECT FROM conversations WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE";

/* What turn_open() answered, when its answer was lost on the way. */
static const char opened_sql[] =
    "SELECT 'ok' AS outcome, u.credits AS balance, t.credits_locked AS required, message_json(q) AS user_message,"
    " NULL::jsonb AS assistant_message, NULL::uuid AS existing_task_id, c.title,"
    " credits_held(t.user_id) AS held, NULL::bigint AS user_sequence, NULL::text AS opened_at"
    " FROM tasks t JOIN users u ON u.id = t.user_id JOIN conversations c ON c.id = t.conversation_id"
    " JOIN conversation_messages q ON q.id = t.user_message_id"
    " WHERE t.id = $1 AND t.owner = $2";

/* A picture of the user's own has a small one. */
static json_t *
image_json(const struct conf *conf, const char *url)
{
	json_t *one = json_pack("{s:s, s:s}", "type", "image", "url", url);
	char id[UUID_LEN];

	if (upload_id_of_url(conf, url, id))
		json_object_set_new(one, "thumbnail_url", json_sprintf("%s/thumbnail", url));
	return one;
}

static json_t *
attachments_list(const struct conf *conf, const struct question *q, const struct chat_files *files)
{
	const char *urls[] = { q->video_url, q->audio_url };
	static const char *const types[] = { "video", "audio" };
	json_t *list = json_array();

	for (size_t i = 0; i < q->n_images; i++)
		json_array_append_new(list, image_json(conf, q->image_urls[i]));
	for (int i = 0; i < 2; i++)
		if (urls[i] != NULL)
			json_array_append_new(list, json_pack("{s:s, s:s}", "type", types[i], "url", urls[i]));
	for (size_t i = files == NULL ? 0 : files->own; q->content != NULL && files != NULL && i < files->n; i++)
		json_array_append_new(list, file_json(&files->list[i]));
	return list;
}

static char *
attachments_json(struct context *cx, const struct question *q, const struct chat_files *files)
{
	json_t *list = attachments_list(cx->conf, q, files);
	char *text = json_dumps(list, JSON_WIRE), *copy = arena_strdup(cx->arena, text);

	free(text);
	json_decref(list);
	return copy;
}

/* The message that the mode is about; NULL: none. */
static const char *
target_of(const struct turn_ask *ask)
{
	return ask->edit_id != NULL ? ask->edit_id : ask->continue_id != NULL ? ask->continue_id : ask->regenerate_id;
}

/* Regenerating first tries to refill a failed answer; when the target is a good
 * one, another is made. */
static enum status
open_turn(struct context *cx, const struct gate_ask *ask, const struct task *task, bool count, struct rows **rows)
{
	const struct conf *conf = cx->conf;
	const struct gate_key *key = ask->key;
	struct opening *o = ask->own;
	struct pg_arg none = PNULL;
	struct pg_call call = PG_CALL(open_sql, PS(task->id), PS(o->transaction_id), PS(task->user_id),
	    PS(o->chat->conversation_id), PS(o->user_message_id), PS(o->chat->message_id), PS(o->ask->question.content),
	    PS(o->attachments), PI(ask->model_id), PM(task->hold_ucr), PI(conf->tasks_hold_lease / 1000),
	    PS(cx->process->id), count ? PI(conf->limits_user_tasks) : none,
	    count ? PI(conf->limits_conversation_tasks) : none,
	    /* An agent's run is marked even when Redis did the counting. */
	    !ask->agent ? none : PI(count ? conf->limits_agent_conversations : INT32_MAX), PS(o->mode),
	    PS(target_of(o->ask)), PS(o->title), PS(key->key), PS(key->route),
	    key->key == NULL ? none : PX(key->body_hash, SHA256_BYTES), PS(o->prices), PS(cx->caller.group),
	    PS(o->left_out));
	enum status st = pg_together_run(
	    cx->process->together, cx->pg, task->user_id, &call, lock_sql, o->chat->conversation_id);

	*rows = call.rows;
	if (st != OK || strcmp(o->mode, "regenerate_in_place") != 0 ||
	    strcmp(row_text(*rows, 0, "outcome"), "invalid_target") != 0)
		return st;
	rows_free(*rows);
	*rows = NULL;
	o->mode = "regenerate_new";
	return open_turn(cx, ask, task, count, rows);
}

/* The message that is kept of a question without credits. */
static void
refused(struct context *cx, const struct rows *rows, json_t *details)
{
	json_t *message = row_json(rows, 0, "assistant_message");

	message_localize(message, cx->lang);
	json_object_set_new(details, "assistant_message", message);
}

/* The question that turn_open() has just stored. */
static json_t *
new_question(struct context *cx, const struct run *r, const struct opening *o, const struct rows *rows)
{
	return message_written(&(struct message){ .id = o->user_message_id,
	    .conversation_id = o->chat->conversation_id,
	    .role = "user",
	    .content = o->ask->question.content,
	    .status = "success",
	    .sequence = row_int(rows, 0, "user_sequence"),
	    .attachments = attachments_list(cx->conf, &o->ask->question, o->files),
	    .citations = json_array(),
	    .calls = json_null(),
	    .task_id = r->task.id,
	    .created_at = row_text(rows, 0, "opened_at"),
	    .updated_at = row_text(rows, 0, "opened_at") });
}

/* The data of the start event; malloc'ed.  `left_out`: documents without room, NULL: none. */
static char *
start_json(const char *model, const char *task_id, const char *conversation_id, const char *title, json_t *question,
    const char *message_id, json_t *left_out, enum lang lang)
{
	json_t *data;
	char *text;

	message_localize(question, lang);
	data = json_pack("{s:s?, s:s, s:s?, s:s?, s:o, s:s?}", "model", model, "task_id", task_id, "conversation_id",
	    conversation_id, "title", title, "user_message", question, "assistant_message_id", message_id);
	if (left_out != NULL)
		json_object_set_new(data, "left_out", left_out);
	text = json_dumps(data, JSON_WIRE);
	json_decref(data);
	return text;
}

static void
describe_start(struct context *cx, struct run *r, const struct opening *o, const char *model, const struct rows *rows)
{
	const struct chat *c = o->chat;
	bool is_new = row_null(rows, 0, "user_message");
	json_t *question = is_new ? new_question(cx, r, o, rows) : row_json(rows, 0, "user_message");
	char *text = start_json(model, r->task.id, c->conversation_id, row_text(rows, 0, "title"), question,
	    c->message_id, files_left_out(o->files), cx->lang);

	r->start_json = arena_strdup(cx->arena, text);
	free(text);
}

static const char *
left_out_text(struct arena *a, const struct chat_files *files)
{
	json_t *names = files_left_out(files);
	char *text = names == NULL ? NULL : json_dumps(names, JSON_WIRE);
	const char *copy = arena_strdup(a, text);

	free(text);
	json_decref(names);
	return copy;
}

/* Prepared: through the gate, and on its way. */
static enum status
open_run(struct request *rq, struct run *r, struct opening *o, const struct turning *t)
{
	AUTO_ROWS struct rows *rows = NULL;
	const struct turn_ask *ask = o->ask;
	const struct turn_plan *plan = t->plan;
	enum status st;

	if ((st = prepare(&rq->cx, r, t)) != OK || (st = gate_admit(rq)) != OK)
		return st;
	o->prices = price_text(rq->cx.arena, plan->model.price);
	o->left_out = left_out_text(rq->cx.arena, o->files);
	st = gate_open(rq,
	    &(struct gate_ask){ .kind = &kind_chat,
		.key = &t->key,
		.conversation_id = o->chat->conversation_id,
		/* an agent speaks once at a time, but beside itself */
		.agent = plan->agent_id != NULL && !ask->beside,
		.model_id = plan->model.id,
		.own = o },
	    &r->task, ask->wants, &rows);
	if (st != OK || rows == NULL) /* refused, or joined another */
		return st;
	if (strcmp(o->mode, "regenerate_in_place") == 0)
		memcpy(o->chat->message_id, ask->regenerate_id, UUID_LEN);
	describe_start(&rq->cx, r, o, plan->model.name, rows);
	run_hand_over(rq, r);
	return OK;
}

static struct chat *
chat_new(struct arena *a, const struct turn_ask *ask)
{
	struct chat *c = ARENA_NEW(a, struct chat);

	uuid_v7(c->message_id);
	c->conversation_id = arena_strdup(a, ask->conversation_id);
	return c;
}

static struct opening *
opening_new(struct context *cx, struct chat *chat, const struct turn_ask *ask, const struct chat_files *files)
{
	struct opening *o = ARENA_NEW(cx->arena, struct opening);
	const char *content = ask->question.content;

	*o = (struct opening){ .chat = chat,
		.ask = ask,
		.mode = ask->edit_id != NULL	 ? "edit"
		    : ask->continue_id != NULL	 ? "continue"
		    : ask->regenerate_id == NULL ? "send"
		    : ask->beside		 ? "compare"
						 : "regenerate_in_place" };
	uuid_v7(o->transaction_id);
	uuid_v7(o->user_message_id);
	o->files = files;
	o->attachments = attachments_json(cx, &ask->question, files);
	o->title = content == NULL ? NULL : conversation_auto_title(cx->arena, content);
	return o;
}

static enum status
begin(struct request *rq, struct turning *t)
{
	struct run *r = run_new(rq, &kind_chat, t->ask.wants);
	struct chat *chat = chat_new(r->arena, &t->ask);
	enum status st;

	chat->sources = sources_copy(r->arena, t->looked->sources);
	chat->searched = arena_strdup(r->arena, t->looked->searched);
	chat->tools = tools_copy(r->arena, t->plan->tools);
	r->own = chat;
	st = open_run(rq, r, opening_new(&rq->cx, chat, &t->ask, t->plan->files), t);
	if (st != OK || rq->carry_arg != r)
		run_free(r);
	return st;
}

static enum status
looked(struct request *rq, const struct looked *looked, void *arg)
{
	struct turning *t = arg;

	t->looked = looked;
	t->plan->sources = sources_prompt(rq->cx.arena, looked->sources);
	return begin(rq, t);
}

enum status
turn_begin(struct request *rq, const struct turn_ask *ask)
{
	struct turning *t = ARENA_NEW(rq->cx.arena, struct turning);
	bool joined;
	enum status st;

	t->ask = *ask;
	gate_key_read(rq, &t->key);
	if ((st = gate_join(rq, &kind_chat, &t->key, ask->wants, &joined)) != OK || joined ||
	    (st = plan(&rq->cx, t)) != OK)
		return st;
	return look_up(rq, t->plan, t->history, question_text(t), looked, t);
}

/* ---- running and settling ------------------------------------------------------- */

static json_t *
event(const struct run *r, const char *status)
{
	const struct chat *c = r->own;

	return json_pack("{s:s, s:s, s:s?, s:s?}", "id", r->task.id, "status", status, "conversation_id",
	    c->conversation_id, "message_id", c->message_id[0] == '\0' ? NULL : c->message_id);
}

/* The message's status: one of the seven. */
static const char *
message_status(const struct run *r)
{
	if (r->outcome == OUTCOME_COMPLETED || (r->outcome == OUTCOME_CANCELLED && r->answer.delivered > 0))
		return "success";
	switch (r->why) {
	case E_CONTENT_VIOLATION: return "content_violation";
	case E_INSUFFICIENT_CREDITS: return "insufficient_balance";
	case E_UPSTREAM_FAILED:
	case E_UPSTREAM_TIMEOUT:
	case E_INVALID_REQUEST: /* the provider would not take it */ return "llm_error";
	default: return "error";
	}
}

/* What the answer refers to; of a failed one nothing. */
static json_t *
citations(const struct run *r)
{
	const struct chat *c = r->own;

	return sources_cited(strcmp(message_status(r), "success") == 0 ? c->sources : NULL, buf_str(&r->answer.text));
}

/* Calls count once the answer is whole. */
static const struct chat_tools *
tools_of_answer(const struct run *r)
{
	const struct chat *c = r->own;

	return r->outcome == OUTCOME_COMPLETED ? c->tools : NULL;
}

static void
settlement(const struct run *r, json_t *out)
{
	json_t *calls = tools_called(tools_of_answer(r), &r->answer);

	if (calls != NULL)
		json_object_set_new(out, "calls", calls);
	json_object_set_new(out, "message_status", json_string(message_status(r)));
	json_object_set_new(out, "content", json_string_nocheck(buf_str(&r->answer.text)));
	json_object_set_new(out, "citations", citations(r));
	if (((const struct chat *)r->own)->searched != NULL)
		json_object_set_new(out, "searched", json_loads(((const struct chat *)r->own)->searched, 0, NULL));
	if (answer_finish_name(&r->answer) != NULL)
		json_object_set_new(out, "finish", json_string(answer_finish_name(&r->answer)));
	if (r->answer.reasoning.len > 0)
		json_object_set_new(out, "reasoning", json_string_nocheck(r->answer.reasoning.data));
	if (r->is_unread)
		json_object_set_new(out, "unread", json_true());
}

/* The answer as turns_settle() has just stored it, or as it is otherwise. */
static json_t *
settled_message(const struct run *r, const struct rows *rows, int row)
{
	const struct chat *c = r->own;

	if (row_null(rows, row, "sequence"))
		return row_json(rows, row, "message");
	return message_written(&(struct message){ .id = c->message_id,
	    .conversation_id = c->conversation_id,
	    .role = "assistant",
	    .content = buf_str(&r->answer.text),
	    .status = message_status(r),
	    .sequence = row_int(rows, row, "sequence"),
	    .error_message = r->why == OK ? NULL : status_text(r->why, LANG_EN),
	    .model = row_text(rows, row, "model"),
	    .input_tokens = r->usage.input_tokens,
	    .output_tokens = r->usage.output_tokens,
	    .cost_ucr = r->task.charged_ucr,
	    .attachments = row_json(rows, row, "attachments"),
	    .citations = citations(r),
	    .searched = c->searched,
	    .calls = tools_called_json(tools_of_answer(r), &r->answer),
	    .task_id = r->task.id,
	    .created_at = row_text(rows, row, "created_at"),
	    .updated_at = row_text(rows, row, "updated_at") });
}

static char *
end(const struct run *r, const struct rows *rows, int row)
{
	return turn_end_json(&(struct turn_end){ .task_id = r->task.id,
	    .outcome = r->outcome,
	    .why = r->why,
	    .lang = r->reader.lang,
	    .message = settled_message(r, rows, row),
	    .charged_ucr = r->task.charged_ucr,
	    .balance_ucr = r->task.balance_ucr,
	    .usage = r->usage,
	    .first_token_ms = r->first_content_us / 1000,
	    .finish = answer_finish_name(&r->answer) });
}

/* ---- following ----------------------------------------------------------------- */

static void
follow(const struct rows *rows, const char *task_id, enum lang lang, struct followed *out)
{
	const char *status = row_text(rows, 0, "status"), *code = row_text(rows, 0, "error_code");
	const char *content = row_text(rows, 0, "content"), *reasoning = row_text(rows, 0, "reasoning");
	struct buf whole = BUF_INIT(0);

	out->start_json = start_json(row_text(rows, 0, "model"), task_id, row_text(rows, 0, "conversation_id"),
	    row_text(rows, 0, "title"), row_json(rows, 0, "user_message"), row_text(rows, 0, "message_id"), NULL, lang);
	if (strcmp(status, "pending") == 0 || strcmp(status, "running") == 0)
		return;
	if (row_bool(rows, 0, "same")) { /* a restored message holds another turn's text */
		buf_puts(&whole, reasoning == NULL ? "" : reasoning);
		out->reasoning_len = whole.len;
		buf_puts(&whole, content == NULL ? "" : content);
	}
	out->text = whole.data;
	out->end_json = turn_end_json(&(struct turn_end){ .task_id = task_id,
	    .outcome = outcome_parse(status),
	    .why = code == NULL ? E_INTERRUPTED : status_from_code(code),
	    .lang = lang,
	    .message = row_json(rows, 0, "message"),
	    .charged_ucr = row_ucr(rows, 0, "credits_used"),
	    .balance_ucr = row_ucr(rows, 0, "balance"),
	    .usage = { row_int(rows, 0, "input_tokens"), row_int(rows, 0, "output_tokens"),
		row_bool(rows, 0, "estimated") },
	    .first_token_ms = row_bool(rows, 0, "same") ? row_int(rows, 0, "first_token_ms") : 0,
	    .finish = row_bool(rows, 0, "same") ? row_text(rows, 0, "finish") : NULL });
}

/* ---- a dead owner ---------------------------------------------------------------- */

/* What went upstream besides the question: the system prompt and, newest
 * first, the turns before it.  One row at least, for the user's language. */
static const char prompt_sql[] =
    "SELECT u.locale, l.context_tokens, coalesce(c.prompt, a.prompt, s.prompt) AS prompt, m.content,"
    "  coalesce((SELECT sum((f->>'tokens')::bigint)"
    "   FROM jsonb_array_elements(m.attachments) AS f WHERE f->>'type' = 'file'), 0) AS file_tokens,"
    "  coalesce((SELECT sum((f->>'tokens')::bigint) FROM conversation_messages q, jsonb_array_elements(q.attachments) AS f"
    "   WHERE q.id = $3::uuid AND f->>'type' = 'file'), 0) AS question_tokens"
    " FROM users u"
    " LEFT JOIN llm_models l ON l.id = $4"
    " LEFT JOIN conversations c ON c.id = $2::uuid"
    " LEFT JOIN agents a ON a.id = c.agent_id"
    " LEFT JOIN assistants s ON s.id = c.assistant_id AND assistant_may_use(s.id, c.user_id)"
    " LEFT JOIN LATERAL (SELECT h.content, h.attachments, h.sequence FROM conversation_messages h"
    "   WHERE h.conversation_id = c.id AND h.active AND h.status = 'success'"
    "     AND h.sequence < (SELECT q.sequence FROM conversation_messages q WHERE q.id = $3::uuid)"
    "   ORDER BY h.sequence DESC LIMIT least($5, c.context_messages, CASE WHEN c.context_messages IS NULL"
    "    THEN s.context_messages END)) AS m ON true"
    " WHERE u.id = $1::uuid ORDER BY m.sequence DESC";

static int64_t
text_tokens(const char *text)
{
	return text != NULL ? tokens_estimate(text, strlen(text)) : 0;
}

/* The prompt, as far as the model's context reaches, and the user's language. */
static enum status
recall(struct context *cx, const struct rows *dead, int row, struct run *r)
{
	struct chat *c = ARENA_NEW(r->arena, struct chat);
	AUTO_ROWS struct rows *rows = NULL;
	int64_t context;
	enum status st;

	st = pg_query_again(cx->pg, &rows, prompt_sql, PS(r->task.user_id), PS(row_text(dead, row, "conversation_id")),
	    PS(row_text(dead, row, "user_message_id")), PI(row_int(dead, row, "model_id")),
	    PI(cx->conf->chat_history_messages));
	if (st != OK)
		return st;
	r->own = c;
	c->conversation_id = arena_strdup(r->arena, row_text(dead, row, "conversation_id"));
	if (!row_null(dead, row, "message_id"))
		memcpy(c->message_id, row_text(dead, row, "message_id"), UUID_LEN);
	r->prompt_tokens = text_tokens(row_text(dead, row, "user_content"));
	if (rows_count(rows) == 0)
		return OK;
	r->reader.lang = lang_accept(row_text(rows, 0, "locale"));
	context = row_int(rows, 0, "context_tokens");
	r->prompt_tokens += text_tokens(row_text(rows, 0, "prompt")) + row_int(rows, 0, "question_tokens");
	for (int i = 0; i < rows_count(rows); i++) {
		int64_t more = text_tokens(row_text(rows, i, "content")) + row_int(rows, i, "file_tokens");

		if (context > 0 && r->prompt_tokens + more > context)
			break;
		r->prompt_tokens += more;
	}
	return OK;
}

/* ---- the kind ---------------------------------------------------------------------- */

const struct kind kind_chat = {
	.name = "chat",
	.keeps = true,
	.open = open_turn,
	.opened_sql = opened_sql,
	.refused = refused,
	.event = event,
	.settle_sql =
	    "SELECT task_id, settled, charged, balance, held, message, task_status, sequence, model, attachments,"
	    " created_at, updated_at FROM turns_settle($1::uuid, $2::json)",
	.settlement = settlement,
	.end = end,
	.follow_sql =
	    "SELECT t.status, t.error_code, t.credits_used, t.conversation_id, u.credits AS balance, c.title,"
	    " coalesce(l.name, m.model) AS model, m.id AS message_id, m.task_id = t.id AS same, m.content, m.reasoning,"
	    " m.first_token_ms, m.finish,"
	    " CASE WHEN q.id IS NOT NULL THEN message_json(q) END AS user_message,"
	    " CASE WHEN m.id IS NOT NULL THEN message_json(m) END AS message, coalesce(us.request_tokens, 0) AS input_tokens,"
	    " coalesce(us.response_tokens, 0) AS output_tokens, coalesce(us.estimated, false) AS estimated"
	    " FROM tasks t JOIN users u ON u.id = t.user_id LEFT JOIN llm_models l ON l.id = t.model_id"
	    " LEFT JOIN conversations c ON c.id = t.conversation_id"
	    " LEFT JOIN conversation_messages m ON m.id = t.message_id"
	    " LEFT JOIN conversation_messages q ON q.id = t.user_message_id"
	    " LEFT JOIN usage us ON us.task_id = t.id"
	    " WHERE t.id = $1 AND t.user_id = $2 AND t.type IN ('chat', 'image', 'video')", /* what src/media makes is told by the same events */
	.follow = follow,
	.recall = recall,
};
