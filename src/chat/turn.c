#include "chat/turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "chat/attachments.h"
#include "engine/follow.h"
#include "chat/messages.h"
#include "base/tokens.h"
#include "engine/turn_private.h"
#include "io/fcgi.h"
#include "io/pg_together.h"

#define TURN_ARENA_BYTES 512
#define TURN_ARENA_MAX_BYTES 262144
#define MESSAGE_TOKENS 8  /* a message's frame on the wire, beyond its text */
#define MEDIA_TOKENS 1600 /* an image or clip, as providers count them at most */
#define TITLE_CHARS 40
#define OPEN_TRIES 3

/* ---- what goes upstream --------------------------------------------------- */

static int64_t
message_tokens(const struct provider_message *m)
{
	int media = (m->image_url != NULL) + (m->video_url != NULL) + (m->audio_url != NULL);

	return tokens_estimate(m->content, strlen(m->content)) + MESSAGE_TOKENS + media * MEDIA_TOKENS;
}

/* Put the prompt together: system prompt, as much history as fits, the new
 * message.  The system prompt and the question always stay; the oldest turns
 * go first. */
static enum status
make_messages(struct context *cx, struct turn *t, const struct turn_ask *ask, const struct history *h)
{
	size_t n_history = h == NULL ? 0 : h->n, first = 0, n = 0;
	struct provider_message *m = ARENA_ARRAY(cx->arena, struct provider_message, n_history + 2);
	int64_t budget = t->price.context_tokens - t->max_output_tokens, tokens = 0;

	if (t->plan->prompt != NULL && *t->plan->prompt != '\0') {
		m[n++] = (struct provider_message){ .role = "system", .content = t->plan->prompt };
		tokens += message_tokens(&m[0]);
	}
	if (ask->content != NULL) {
		m[n] = (struct provider_message){ "user", ask->content, ask->image_url, ask->video_url,
			ask->audio_url };
		tokens += message_tokens(&m[n]);
	} else if (n_history > 0) {
		tokens += message_tokens(&h->messages[n_history - 1]);
	}
	if (t->price.context_tokens > 0 && tokens > budget)
		return fail_field(cx, "content", "is too long for the model (about %lld of %lld tokens)",
		    (long long)tokens, (long long)budget);
	for (size_t i = n_history - (ask->content == NULL && n_history > 0); i > 0; i--) {
		tokens += message_tokens(&h->messages[i - 1]);
		if (t->price.context_tokens > 0 && tokens > budget) {
			tokens -= message_tokens(&h->messages[i - 1]);
			first = i;
			break;
		}
	}
	/* History starts with a question, never with the answer to one left out. */
	while (first < n_history && strcmp(h->messages[first].role, "assistant") == 0)
		tokens -= message_tokens(&h->messages[first++]);
	if (ask->content != NULL)
		m[n + n_history - first] = m[n];
	if (n_history > first)
		memcpy(m + n, h->messages + first, (n_history - first) * sizeof(*m));
	t->messages = m;
	t->n_messages = n + (n_history - first) + (ask->content != NULL);
	t->prompt_tokens = tokens;
	return attachments_inline(cx, m, t->n_messages, ask->content != NULL);
}

static enum status
check_abilities(struct context *cx, const struct turn_plan *plan, const struct turn_ask *ask)
{
	if (ask->image_url != NULL && !(plan->model.abilities & ABILITY_VISION))
		return fail_field(cx, "image_url", "the model %s takes no images", plan->model.name);
	if (ask->video_url != NULL && !(plan->model.abilities & ABILITY_VIDEO))
		return fail_field(cx, "video_url", "the model %s takes no video", plan->model.name);
	if (ask->audio_url != NULL && !(plan->model.abilities & ABILITY_AUDIO))
		return fail_field(cx, "audio_url", "the model %s takes no audio", plan->model.name);
	return OK;
}

/* The most the turn can cost on `m`: a generous guess of the prompt, the
 * longest answer, the call. */
static int64_t
ceiling_ucr(const struct turn *t, const struct offer_model *m)
{
	int64_t input = t->prompt_tokens + t->prompt_tokens / 4 + 64;
	int64_t tokens_ucr = ucr_add(
	    ucr_for_tokens(input, m->price_input_ucr), ucr_for_tokens(m->max_output_tokens, m->price_output_ucr));

	return ucr_add(tokens_ucr, m->price_call_ucr);
}

static int64_t
max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Regenerating keeps to the model that answered before, if it is still on offer. */
static enum status
previous_model(struct context *cx, const struct turn_ask *ask, const char **model)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	*model = ask->model;
	if (ask->mode != TURN_REGENERATE || ask->model != NULL)
		return OK;
	st = pg_query_again(cx->pg, &rows,
	    "SELECT m.model FROM conversation_messages m JOIN llm_models l ON l.name = m.model AND l.enabled"
	    " WHERE m.id = $1 AND m.conversation_id = $2 AND m.user_id = $3",
	    PS(ask->message_id), PS(ask->conversation_id), PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "previous model: %s", pg_error(cx->pg));
	if (rows_count(rows) == 1)
		*model = arena_strdup(cx->arena, row_text(rows, 0, "model"));
	return OK;
}

/* Fill in plan, prompt and ceiling. */
static enum status
prepare(struct context *cx, struct turn *t, const struct turn_ask *ask)
{
	struct turn_plan *plan;
	struct history *h = NULL;
	const char *model;
	enum status st;

	if ((st = previous_model(cx, ask, &model)) != OK)
		return st;
	if (ask->mode == TURN_DEBUG)
		st = catalog_agent(cx, ask->agent_id, &plan);
	else
		st = catalog_turn(cx, ask->conversation_id, model,
		    &(struct history_ask){
			.regenerate_id = ask->message_id, .messages = cx->conf->chat_history_messages },
		    &plan, &h);
	if (st != OK || (st = check_abilities(cx, plan, ask)) != OK)
		return st;
	t->plan = plan;
	t->model = &plan->model;
	t->price = (struct turn_price){ .context_tokens = plan->model.context_tokens };
	t->max_output_tokens = plan->model.max_output_tokens;
	if ((st = make_messages(cx, t, ask, h)) != OK)
		return st;
	t->hold_ucr = ceiling_ucr(t, &plan->model);
	if (plan->fallback != NULL)
		t->hold_ucr = max64(t->hold_ucr, ceiling_ucr(t, plan->fallback));
	return OK;
}

/* ---- the database's part --------------------------------------------------- */

static const char open_sql[] =
    "SELECT outcome, balance, required, user_message, assistant_message, existing_task_id, title, held,"
    " user_sequence, opened_at FROM turn_open($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::uuid,"
    " $6::uuid, $7::text, $8::jsonb, $9::bigint,"
    " $10::numeric, $11::int, $12::uuid, $13::int, $14::int, $15::int, $16::text, $17::uuid, $18::text, $19::text,"
    " $20::text, $21::bytea)";

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

static json_t *
attachments_list(const struct turn_ask *ask)
{
	const char *urls[] = { ask->image_url, ask->video_url, ask->audio_url };
	static const char *const types[] = { "image", "video", "audio" };
	json_t *list = json_array();

	for (int i = 0; i < 3; i++)
		if (urls[i] != NULL)
			json_array_append_new(list, json_pack("{s:s, s:s}", "type", types[i], "url", urls[i]));
	return list;
}

static char *
attachments_json(struct arena *a, const struct turn_ask *ask)
{
	json_t *list = attachments_list(ask);
	char *text = json_dumps(list, JSON_WIRE), *copy = arena_strdup(a, text);

	free(text);
	json_decref(list);
	return copy;
}

/* The bytes of blanks and line ends at the start of a text. */
static size_t
blank_length(const char *text)
{
	/* no-break space, ideographic space, byte order mark */
	static const char *const wide[] = { "\xc2\xa0", "\xe3\x80\x80", "\xef\xbb\xbf" };
	size_t n = 0, from;

	do {
		from = n;
		n += strspn(text + n, " \t\r\n");
		for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
			if (strncmp(text + n, wide[i], strlen(wide[i])) == 0)
				n += strlen(wide[i]);
	} while (n > from);
	return n;
}

/* The automatic title: the first line of the first message that says anything, shortened. */
static char *
make_title(struct arena *a, const char *content)
{
	size_t len, keep;

	content += blank_length(content);
	len = strcspn(content, "\r\n");
	while (len > 0 && (content[len - 1] == ' ' || content[len - 1] == '\t'))
		len--;
	keep = utf8_prefix(content, len, TITLE_CHARS);
	return arena_printf(a, "%.*s%s", (int)keep, content, keep < len ? "…" : "");
}

struct opening {
	const struct turn_ask *ask;
	const char *mode; /* of turn_open() */
	char transaction_id[UUID_LEN], user_message_id[UUID_LEN];
	const char *route; /* method and path: the same key on another is a mismatch */
	unsigned char body_hash[SHA256_BYTES];
	char *attachments, *title;
};

static enum status
call_turn_open(struct request *rq, struct turn *t, const struct opening *o, struct rows **rows)
{
	const struct conf *conf = rq->cx.conf;
	bool count = !t->slots.held;
	struct pg_arg none = PNULL;
	struct pg_call call = PG_CALL(open_sql, PS(t->task_id), PS(o->transaction_id), PS(t->user_id),
	    PS(t->conversation_id), PS(o->user_message_id), PS(t->message_id), PS(o->ask->content), PS(o->attachments),
	    PI(t->model->id), PM(t->hold_ucr), PI(conf->chat_hold_lease / 1000), PS(t->process->id),
	    count ? PI(conf->limits_user_tasks) : none, count ? PI(conf->limits_conversation_tasks) : none,
	    /* An agent's run is marked even when Redis did the counting. */
	    t->agent_id == NULL ? none : PI(count ? conf->limits_agent_conversations : INT32_MAX), PS(o->mode),
	    PS(o->ask->message_id), PS(o->title), PS(rq->idempotency_key), PS(o->route),
	    rq->idempotency_key == NULL ? none : PX(o->body_hash, SHA256_BYTES));
	enum status st = pg_together_run(
	    t->process->together, rq->cx.pg, t->user_id, &call, lock_sql, t->conversation_id);

	*rows = call.rows;
	return st;
}

/* turn_open(), whatever happens to its answer: the task id says whether an
 * ambiguous commit took place, so that nothing is opened twice. */
static enum status
open_once(struct request *rq, struct turn *t, const struct opening *o, struct rows **rows)
{
	enum status st = E_UNAVAILABLE;

	for (int tries = 0; tries < OPEN_TRIES && st == E_UNAVAILABLE; tries++) {
		st = call_turn_open(rq, t, o, rows);
		if (st != E_UNAVAILABLE || strncmp(pg_sqlstate(rq->cx.pg), "53", 2) == 0 ||
		    strcmp(pg_sqlstate(rq->cx.pg), "57014") == 0)
			break;
		if (pg_query_again(rq->cx.pg, rows, opened_sql, PS(t->task_id), PS(t->process->id)) != OK)
			break;
		if (rows_count(*rows) == 1)
			return OK;
		rows_free(*rows);
		*rows = NULL;
	}
	return st == OK ? OK : fail(&rq->cx, st, "turn_open: %s", pg_error(rq->cx.pg));
}

static enum status
refuse_credits(struct context *cx, const struct rows *rows)
{
	char balance[UCR_TEXT_LEN], required[UCR_TEXT_LEN];
	int64_t balance_ucr = row_ucr(rows, 0, "balance"), required_ucr = row_ucr(rows, 0, "required");
	json_t *message = row_json(rows, 0, "assistant_message");

	message_localize(message, cx->lang);
	fail_with(cx, E_INSUFFICIENT_CREDITS,
	    json_pack("{s:o, s:o, s:o}", "balance", json_credits(balance_ucr), "required", json_credits(required_ucr),
		"assistant_message", message),
	    NULL);
	ucr_format(balance_ucr, balance);
	ucr_format(required_ucr, required);
	fail_message(cx, arena_printf(cx->arena, "Not enough credits: you have %s, this needs %s.", balance, required),
	    arena_printf(cx->arena, "积分不足，当前余额 %s，需要 %s", balance, required));
	return E_INSUFFICIENT_CREDITS;
}

/* A refusal for want of slots, in words; `st` from Redis or PostgreSQL. */
static enum status
refuse_slots(struct request *rq, enum status st)
{
	const struct conf *conf = rq->cx.conf;
	long long user = conf->limits_user_tasks, conversation = conf->limits_conversation_tasks;

	if (st == E_TASK_QUEUE_FULL) {
		fail_with(&rq->cx, st, json_pack("{s:I}", "limit", (json_int_t)user), NULL);
		fail_message(&rq->cx,
		    arena_printf(rq->cx.arena, "The task queue is full: at most %lld tasks at once.", user),
		    arena_printf(rq->cx.arena, "任务队列已满，最多同时执行 %lld 个任务", user));
	} else if (st == E_CONVERSATION_QUEUE_FULL) {
		fail_with(&rq->cx, st, json_pack("{s:I}", "limit", (json_int_t)conversation), NULL);
		fail_message(&rq->cx,
		    arena_printf(rq->cx.arena, "This conversation's task queue is full: at most %lld tasks at once.",
			conversation),
		    arena_printf(rq->cx.arena, "当前对话任务队列已满，最多同时执行 %lld 个任务", conversation));
	} else if (st == E_CONVERSATION_LIMIT) {
		fail_with(&rq->cx, st, json_pack("{s:I}", "limit", (json_int_t)conf->limits_agent_conversations), NULL);
	} else {
		fail(&rq->cx, st, NULL);
	}
	fail_retry_after(&rq->cx, 5);
	return st;
}

static enum status
refuse(struct request *rq, const struct rows *rows, const struct opening *o)
{
	static const struct {
		const char *outcome;
		enum status st;
	} plain[] = {
		{ "not_found", E_NOT_FOUND },
		{ "idempotency_mismatch", E_IDEMPOTENCY_MISMATCH },
		{ "user_disabled", E_ACCOUNT_DISABLED },
		{ "invalid_target", E_CONFLICT },
	}, slots[] = {
		{ "user_queue_full", E_TASK_QUEUE_FULL },
		{ "conversation_queue_full", E_CONVERSATION_QUEUE_FULL },
		{ "conversation_busy", E_CONVERSATION_BUSY },
		{ "conversation_limit", E_CONVERSATION_LIMIT },
	};
	const char *outcome = row_text(rows, 0, "outcome");

	if (strcmp(outcome, "insufficient") == 0)
		return refuse_credits(&rq->cx, rows);
	if (strcmp(outcome, "idempotent_replay") == 0)
		return follow_begin(rq, row_text(rows, 0, "existing_task_id"), o->ask->wire);
	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		if (strcmp(outcome, slots[i].outcome) == 0)
			return refuse_slots(rq, slots[i].st);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strcmp(outcome, plain[i].outcome) == 0)
			return fail(&rq->cx, plain[i].st, "turn_open: %s", outcome);
	return fail(&rq->cx, E_INTERNAL, "turn_open: %s", outcome);
}

/* Call turn_open(); regenerating first tries to refill a failed answer, then,
 * the target being a good one, to make another. */
static enum status
open_in_database(struct request *rq, struct turn *t, struct opening *o, struct rows **rows)
{
	enum status st;

	o->mode = o->ask->mode == TURN_SEND ? "send" : "regenerate_in_place";
	if ((st = open_once(rq, t, o, rows)) != OK)
		return st;
	if (o->ask->mode != TURN_REGENERATE || strcmp(row_text(*rows, 0, "outcome"), "invalid_target") != 0)
		return OK;
	rows_free(*rows);
	*rows = NULL;
	o->mode = "regenerate_new";
	return open_once(rq, t, o, rows);
}

/* ---- opening ----------------------------------------------------------------- */

/* An Idempotency-Key that was used before: join its task without taking slots
 * again.  A rival that commits meanwhile is found by turn_open(). */
static enum status
join_earlier(struct request *rq, const struct opening *o, bool *joined)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	*joined = false;
	if (rq->idempotency_key == NULL)
		return OK;
	st = pg_query_again(rq->cx.pg, &rows, "SELECT outcome, task_id FROM key_find($1, $2, $3, $4)",
	    PS(rq->cx.caller.user_id), PS(rq->idempotency_key), PS(o->route), PX(o->body_hash, SHA256_BYTES));
	if (st != OK)
		return fail(&rq->cx, st, "idempotency key: %s", pg_error(rq->cx.pg));
	if (strcmp(row_text(rows, 0, "outcome"), "new") == 0)
		return OK;
	*joined = true;
	if (strcmp(row_text(rows, 0, "outcome"), "replay") != 0 || row_null(rows, 0, "task_id"))
		return fail(&rq->cx, E_IDEMPOTENCY_MISMATCH, NULL);
	return follow_begin(rq, row_text(rows, 0, "task_id"), o->ask->wire);
}

static struct turn *
turn_new(struct request *rq, const struct turn_ask *ask)
{
	struct turn *t = xcalloc(1, sizeof(*t));

	t->process = rq->cx.process;
	t->mode = ask->mode;
	t->arena = arena_new(TURN_ARENA_BYTES, TURN_ARENA_MAX_BYTES);
	uuid_v7(t->task_id);
	uuid_v7(t->message_id);
	t->user_id = arena_strdup(t->arena, rq->cx.caller.user_id);
	t->conversation_id = arena_strdup(t->arena, ask->conversation_id);
	t->request_id = arena_strdup(t->arena, rq->cx.request_id);
	t->trace_id = arena_strdup(t->arena, rq->cx.trace_id);
	t->started_us = rq->started_us;
	t->usage_input = t->usage_output = -1;
	t->text.max_bytes = t->reasoning.max_bytes = rq->cx.conf->chat_max_answer_bytes;
	t->error_body.max_bytes = 16384;
	reader_prepare(&t->reader, t->arena, rq, ask->wire);
	return t;
}

void
turn_free(struct turn *t)
{
	if (t == NULL)
		return;
	buf_free(&t->text);
	buf_free(&t->reasoning);
	buf_free(&t->pending);
	buf_free(&t->journal);
	buf_free(&t->error_body);
	free(t->end_json);
	arena_free(t->attempt);
	arena_free(t->prep);
	arena_free(t->arena);
	free(t);
}

/* The turn is open: give it the request's arena and let the reactor carry it. */
static void
hand_over(struct request *rq, struct turn *t)
{
	t->prep = rq->cx.arena;
	t->traceparent = rq->cx.traceparent;
	rq->keep_arena = true;
	rq->carry = turn_carry;
	rq->carry_arg = t;
}

/* The question that turn_open() has just stored. */
static json_t *
new_question(const struct turn *t, const struct opening *o, const struct rows *rows)
{
	return message_written(&(struct message){ .id = o->user_message_id,
	    .conversation_id = t->conversation_id,
	    .role = "user",
	    .content = o->ask->content,
	    .status = "success",
	    .sequence = row_int(rows, 0, "user_sequence"),
	    .attachments = attachments_list(o->ask),
	    .task_id = t->task_id,
	    .created_at = row_text(rows, 0, "opened_at"),
	    .updated_at = row_text(rows, 0, "opened_at") });
}

static void
describe_start(struct turn *t, struct context *cx, const struct opening *o, const struct rows *rows)
{
	bool is_new = row_null(rows, 0, "user_message");
	json_t *user = is_new ? new_question(t, o, rows) : row_json(rows, 0, "user_message"), *data;
	char *text;

	message_localize(user, cx->lang);
	data = json_pack("{s:s, s:s, s:s?, s:s?, s:o, s:s}", "model", t->model->name, "task_id", t->task_id,
	    "conversation_id", t->conversation_id, "title", row_text(rows, 0, "title"), "user_message", user,
	    "assistant_message_id", t->message_id);
	text = json_dumps(data, JSON_WIRE);
	t->start_json = arena_strdup(cx->arena, text);
	free(text);
	json_decref(data);
}

/* Slots, then the database; what was taken is given back on failure. */
static enum status
open_paid(struct request *rq, struct turn *t, struct opening *o)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	slot_holder_init(&t->slots, t->user_id, t->conversation_id, t->task_id, t->agent_id != NULL);
	st = slots_acquire(rq->cx.redis, rq->cx.conf, &t->slots);
	if (st != OK && st != E_UNAVAILABLE)
		return refuse_slots(rq, st);
	st = open_in_database(rq, t, o, &rows);
	if (st == OK && strcmp(row_text(rows, 0, "outcome"), "ok") == 0) {
		t->balance_ucr = row_ucr(rows, 0, "balance");
		t->held_ucr = row_ucr(rows, 0, "held");
		if (strcmp(o->mode, "regenerate_in_place") == 0)
			snprintf(t->message_id, sizeof(t->message_id), "%s", o->ask->message_id);
		describe_start(t, &rq->cx, o, rows);
		hand_over(rq, t);
		return OK;
	}
	slots_release(rq->cx.redis, rq->cx.conf, &t->slots);
	return st != OK ? st : refuse(rq, rows, o);
}

static enum status
begin(struct request *rq, struct turn *t, struct opening *o)
{
	enum status st = prepare(&rq->cx, t, o->ask);

	if (st != OK)
		return st;
	t->agent_id = arena_strdup(t->arena, t->plan->agent_id);
	if (atomic_load(&rq->cx.process->streams) >= (size_t)rq->cx.conf->server_max_streams)
		return fail(&rq->cx, E_OVERLOADED, "streams");
	if (fcgi_peer_gone(rq->conn)) /* left while it waited: nothing to charge for */
		return fail(&rq->cx, E_CANCELLED, "the client left before the turn opened");
	if (o->ask->mode != TURN_DEBUG)
		return open_paid(rq, t, o);
	t->start_json = arena_printf(rq->cx.arena, "{\"model\":null,\"task_id\":\"%s\"}", t->task_id);
	hand_over(rq, t);
	return OK;
}

enum status
turn_begin(struct request *rq, const struct turn_ask *ask)
{
	struct opening o = { .ask = ask };
	struct turn *t;
	bool joined;
	enum status st;

	crypto_sha256(rq->body == NULL ? "" : rq->body, rq->body_len, o.body_hash);
	o.route = arena_printf(rq->cx.arena, "%s %s", rq->method, rq->path);
	if ((st = join_earlier(rq, &o, &joined)) != OK || joined)
		return st;
	uuid_v7(o.transaction_id);
	uuid_v7(o.user_message_id);
	o.attachments = attachments_json(rq->cx.arena, ask);
	o.title = ask->content == NULL ? NULL : make_title(rq->cx.arena, ask->content);
	t = turn_new(rq, ask);
	st = begin(rq, t, &o);
	if (st != OK || rq->carry_arg != t) /* refused, or joined another */
		turn_free(t);
	return st;
}
