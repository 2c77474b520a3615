#include "relay/relay.h"

#include <stdlib.h>
#include <string.h>

#include "account/keys.h"
#include "base/clock.h"
#include "base/tokens.h"
#include "catalog/select.h"
#include "core/process.h"
#include "engine/gate.h"
#include "engine/measure.h"
#include "engine/pace.h"
#include "engine/run.h"
#include "io/pg.h"
#include "relay/affinity.h"
#include "relay/pins.h"
#include "relay/private.h"
#include "relay/repeat.h"
#include "relay/resume.h"

#define MESSAGE_TOKENS 8 /* a message's or a tool's frame on the wire, beyond its text */
#define OWN_HEADERS_MAX 4
/* Of two members of a name we would read one and a provider, perhaps, the other. */
#define BODY_FLAGS (JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES)
#define MEDIA_TOKENS 1600 /* an image or clip, as providers count them at most */

/* ---- what is asked ------------------------------------------------------------ */

static void
replace_nuls(json_t *text)
{
	const char *from = json_string_value(text);
	size_t len = json_string_length(text);
	struct buf b = BUF_INIT(0);

	if (strlen(from) == len)
		return;
	for (size_t i = 0; i < len; i++)
		if (from[i] == '\0')
			buf_puts(&b, "\uFFFD");
		else
			buf_add(&b, from + i, 1);
	json_string_setn_nocheck(text, b.data, b.len);
	buf_free(&b);
}

/* Texts end at a NUL here: what follows one would be lost, and nobody told.  Results of
 * tools have some now and then. */
static void
show_nuls(json_t *value)
{
	const char *name;
	json_t *within;
	size_t i;

	json_object_foreach(value, name, within)
		show_nuls(within);
	json_array_foreach(value, i, within)
		show_nuls(within);
	if (json_is_string(value))
		replace_nuls(value);
}

static int64_t
text_tokens(const char *text)
{
	return text == NULL ? 0 : tokens_estimate(text, strlen(text));
}

static int64_t
part_tokens(const struct ask_part *part)
{
	if (part->url != NULL)
		return MEDIA_TOKENS;
	return text_tokens(part->text) + text_tokens(part->name);
}

/* Our estimate of all that goes upstream. */
static int64_t
chat_tokens(const struct ask_chat *chat)
{
	int64_t tokens = text_tokens(chat->schema);

	for (size_t i = 0; i < chat->n_messages; i++) {
		tokens += MESSAGE_TOKENS;
		for (size_t k = 0; k < chat->messages[i].n_parts; k++)
			tokens += part_tokens(&chat->messages[i].parts[k]);
	}
	for (size_t i = 0; i < chat->n_tools; i++)
		tokens += MESSAGE_TOKENS + text_tokens(chat->tools[i].name) + text_tokens(chat->tools[i].description) +
		    text_tokens(chat->tools[i].parameters);
	return tokens;
}

/* Of every text in it, also of what nobody here has heard of: a model may read that too. */
int64_t
relay_json_tokens(const json_t *value)
{
	int64_t tokens = 0;
	json_t *element;
	const char *name;
	size_t i;

	if (json_is_string(value))
		return tokens_estimate(json_string_value(value), json_string_length(value));
	json_array_foreach(value, i, element)
		tokens += relay_json_tokens(element);
	json_object_foreach((json_t *)value, name, element)
		tokens += text_tokens(name) + relay_json_tokens(element);
	return tokens;
}

/* What stands in the body as letters, and is read in another way or not at all. */
static int64_t
sealed_tokens(const struct ask_chat *chat)
{
	int64_t tokens = 0;

	for (size_t i = 0; i < chat->n_messages; i++)
		for (size_t k = 0; k < chat->messages[i].n_parts; k++) {
			const struct ask_part *part = &chat->messages[i].parts[k];

			tokens += text_tokens(part->signature);
			if (part->url != NULL)
				tokens += text_tokens(part->url) - MEDIA_TOKENS;
		}
	return tokens;
}

/* What was understood, or all that is there where that is more. */
static int64_t
ask_tokens(const struct ask_chat *chat, const json_t *body)
{
	int64_t understood = chat_tokens(chat), all = relay_json_tokens(body) - sealed_tokens(chat);

	return all > understood ? all : understood;
}

enum status
relay_json(struct request *rq, json_t **out)
{
	json_error_t error;
	json_t *body = rq->body == NULL ? NULL : json_loadb(rq->body, rq->body_len, BODY_FLAGS, &error);

	if (!json_is_object(body)) {
		bool is_twice = rq->body != NULL && body == NULL && json_error_code(&error) == json_error_duplicate_key;

		json_decref(body);
		return fail_field(&rq->cx, "body", is_twice ? "has a member twice" : "is not a JSON object");
	}
	json_own(rq->cx.arena, body);
	if (memmem(rq->body, rq->body_len, "\\u0000", 6) != NULL)
		show_nuls(body);
	*out = body;
	return OK;
}

static enum status
read_body(struct request *rq, const char *path_model, bool path_stream, struct dialect_ask *out, int64_t *prompt_tokens,
    struct select_ask *whom)
{
	struct dialect_problem problem = { "", "" };
	enum status st;
	json_t *body;

	if ((st = relay_json(rq, &body)) != OK)
		return st;
	*out = (struct dialect_ask){ .ask = { .op = OP_CHAT } };
	st = rq->route->dialect->read(rq->cx.arena, body, path_model, path_stream, out, &problem);
	if (st == OK) {
		*prompt_tokens = ask_tokens(&out->ask.chat, body);
		whom->affinity = relay_affinity(rq, body);
		return OK;
	}
	return st == E_INVALID_REQUEST ? pins_refuse(&rq->cx, &problem) : fail(&rq->cx, st, NULL);
}

/* ---- whom ------------------------------------------------------------------------ */

enum status
relay_refuse_model(struct context *cx, const char *name)
{
	fail_with(cx, E_NOT_FOUND, json_pack("{s:s}", "field", "model"), "model %s", name);
	fail_message(cx, arena_printf(cx->arena, "The model %s does not exist or is not yours to use.", name),
	    arena_printf(cx->arena, "模型 %s 不存在或无权使用", name));
	return E_NOT_FOUND;
}

/* The model of that name as it is on offer now: whom->model. */
static enum status
find_model(struct context *cx, const char *name, struct select_ask *whom)
{
	struct offer *offer;
	enum status st;

	if ((st = key_need_scope(cx, "chat")) != OK)
		return st;
	if (name == NULL || *name == '\0')
		return fail_field(cx, "model", "is required");
	if (!key_may_use_model(&cx->caller, name))
		return relay_refuse_model(cx, name);
	if ((st = select_current(cx, &offer)) != OK)
		return st;
	whom->model = offer_model_named(offer, name);
	if (whom->model == NULL || !whom->model->is_chat ||
	    (whom->model->n_channels > 0 && !select_reaches(cx, whom->model))) /* others' groups have it */
		return relay_refuse_model(cx, name);
	return OK;
}

/* … with its channels in their order, as `whom` says. */
static enum status
choose_channels(struct context *cx, const struct select_ask *whom, struct offer_model **out)
{
	enum status st;

	if ((st = select_some(cx, whom, out)) != OK)
		return st;
	cx->asked_model = arena_strdup(cx->arena, whom->model->name);
	return select_need_price(cx, *out);
}

static int64_t
most_output(const struct dialect_ask *asked, const struct offer_model *m)
{
	int64_t wanted = asked->ask.max_output_tokens;

	return wanted > 0 && (m->max_output_tokens == 0 || wanted < m->max_output_tokens) ? wanted
											  : m->max_output_tokens;
}

/* ---- opening ------------------------------------------------------------------ */

static const char open_sql[] =
    "SELECT outcome, balance, required, existing_task_id, held FROM relay_open($1::uuid, $2::uuid, $3::uuid, $4::uuid,"
    " $5::bigint, $6::numeric, $7::int, $8::uuid, $9::int, $10::int, $11::text, $12::text, $13::bytea, $14::jsonb,"
    " $15::text)";

static enum status
open_relay(struct context *cx, const struct gate_ask *ask, const struct task *task, bool count, struct rows **rows)
{
	const struct relay *own = ask->own;
	const struct gate_key *key = ask->key;
	struct pg_arg none = PNULL;

	return pg_query(cx->pg, rows, open_sql, PS(task->id), PS(own->transaction_id), PS(task->user_id),
	    PS(cx->caller.key_id), PI(ask->model_id), PM(task->hold_ucr), PI(cx->conf->tasks_hold_lease / 1000),
	    PS(cx->process->id), count ? PI(cx->conf->limits_relay_tasks) : none, PI(own->prompt_tokens), PS(key->key),
	    PS(key->route), key->key == NULL ? none : PX(key->body_hash, SHA256_BYTES), PS(own->prices),
	    PS(cx->caller.group));
}

/* Nothing in it may end its line, or be more than text. */
static bool
is_plain(const char *value)
{
	for (; *value != '\0'; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return false;
	return true;
}

/* Those of the request that belong to its own words. */
static const char *const *
own_headers(struct request *rq)
{
	const char *const *names = rq->route->dialect->own_headers;
	const char **list = ARENA_ARRAY(rq->cx.arena, const char *, OWN_HEADERS_MAX + 1), *value;
	size_t n = 0;

	for (; names != NULL && *names != NULL && n < OWN_HEADERS_MAX; names++)
		if ((value = request_header(rq, *names)) != NULL && *value != '\0' && is_plain(value))
			list[n++] = arena_printf(rq->cx.arena, "%s: %s", *names, value);
	list[n] = NULL;
	return n > 0 ? list : NULL;
}

static enum status
make_call(struct request *rq, struct run *r, struct dialect_ask *asked, const struct offer_model *m)
{
	struct ask *ask = ARENA_NEW(rq->cx.arena, struct ask);
	enum status st;

	*ask = asked->ask;
	ask->own_wire = asked->is_reworded ? NULL : rq->route->dialect->wire;
	ask->own_words = rq->body;
	ask->own_words_len = rq->body_len;
	ask->own_headers = own_headers(rq);
	ask->max_output_tokens = most_output(asked, m);
	st = call_prepare(&r->call,
	    &(struct call_ask){ .ask = ask,
		.model = m,
		.limits = call_limits_of(rq->cx.conf),
		.max_output_tokens = ask->max_output_tokens,
		.may_be_empty = true,
		.stream = true,
		.whole = !asked->stream,
		.traceparent = rq->cx.traceparent },
	    rq->cx.arena);
	return st == OK ? OK : fail_field(&rq->cx, "messages", "hold what the model %s cannot be asked", m->name);
}

/* How the answer will be told. */
void
relay_prepare_reader(struct run *r, const struct offer_model *m)
{
	struct encoder *e = &r->reader.encoder;

	e->id = r->task.id;
	e->model = arena_strdup(r->arena, m->name);
	e->created_s = clock_wall_s();
}

const char *
relay_start_json(struct context *cx, const struct run *r)
{
	json_t *start = json_pack("{s:s, s:s}", "model", r->reader.encoder.model, "task_id", r->task.id);
	char *text = json_dumps(start, JSON_WIRE);
	const char *kept = arena_strdup(cx->arena, text);

	free(text);
	json_decref(start);
	return kept;
}

/* Will somebody keep the answer?  Its pin is written with a settlement (settlement()). */
static bool
is_kept(const struct request *rq, const struct offer_model *m)
{
	return rq->route->dialect->is_kept && pins_own(rq, m) != NULL;
}

static enum status
begin(struct request *rq, struct run *r, struct dialect_ask *asked, int64_t prompt_tokens, struct offer_model *m,
    const struct gate_key *key)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct relay *own = ARENA_NEW(rq->cx.arena, struct relay);
	bool passed = false;
	enum status st;

	if ((st = pace_take(&rq->cx, m)) != OK || (st = make_call(rq, r, asked, m)) != OK ||
	    (st = gate_admit(rq)) != OK)
		return st;
	r->prompt_tokens = own->prompt_tokens = prompt_tokens;
	r->task.hold_ucr = price_ceiling_ucr(m->price, r->prompt_tokens, most_output(asked, m));
	relay_prepare_reader(r, m);
	r->start_json = relay_start_json(&rq->cx, r);
	if (!is_kept(rq, m) && (st = gate_pass(rq, key, r, m->id, m->price, &passed)) != OK)
		return st;
	if (passed) {
		run_hand_over(rq, r);
		return OK;
	}
	resume_keep(rq, r);
	own->prices = price_text(rq->cx.arena, m->price);
	uuid_v7(own->transaction_id);
	st = gate_open(rq, &(struct gate_ask){ .kind = &kind_relay, .key = key, .model_id = m->id, .own = own },
	    &r->task, &r->reader.wants, &rows);
	if (st != OK || rows == NULL) /* refused, or joined another */
		return st;
	run_hand_over(rq, r);
	return OK;
}

enum status
relay_begin(struct request *rq, const char *path_model, bool path_stream)
{
	struct select_ask whom = { .model = NULL };
	struct offer_model *m = NULL;
	struct dialect_ask asked;
	struct gate_key key;
	struct reader_wants wants;
	const char *repeat;
	int64_t prompt_tokens;
	struct run *r;
	bool joined;
	enum status st;

	if ((st = read_body(rq, path_model, path_stream, &asked, &prompt_tokens, &whom)) != OK ||
	    (st = find_model(&rq->cx, asked.model, &whom)) != OK ||
	    (st = pins_seek(rq, &asked, &whom, &prompt_tokens)) != OK ||
	    (st = choose_channels(&rq->cx, &whom, &m)) != OK || (st = pins_keep(rq, &asked, m)) != OK)
		return st;
	wants = (struct reader_wants){ rq->route->dialect, !asked.stream, asked.wants_usage, asked.echo };
	gate_key_read(rq, &key);
	repeat = repeat_key(rq);
	if ((st = gate_join(rq, &kind_relay, &key, &wants, &joined)) != OK || joined ||
	    (st = repeat_join(rq, repeat, &wants, &joined)) != OK || joined)
		return st;
	r = run_new(rq, &kind_relay, &wants);
	r->repeat_key = arena_strdup(r->arena, repeat);
	r->is_repeatable = repeat != NULL || key.key != NULL;
	st = begin(rq, r, &asked, prompt_tokens, m, &key);
	if (st != OK || rq->carry_arg != r)
		run_free(r);
	return st;
}

enum status
relay_count(struct request *rq, const char *path_model, int64_t *tokens)
{
	struct select_ask whom = { .model = NULL };
	struct offer_model *m;
	struct dialect_ask asked;
	enum status st;

	if ((st = read_body(rq, path_model, false, &asked, tokens, &whom)) != OK ||
	    (st = find_model(&rq->cx, asked.model, &whom)) != OK)
		return st;
	return choose_channels(&rq->cx, &whom, &m);
}

enum status
relay_count_own(struct request *rq, int64_t *tokens, const struct offer_channel **channel)
{
	struct select_ask whom = { .model = NULL };
	struct offer_model *m;
	struct dialect_ask asked;
	enum status st;

	if ((st = read_body(rq, NULL, false, &asked, tokens, &whom)) != OK ||
	    (st = find_model(&rq->cx, asked.model, &whom)) != OK || (st = pins_seek(rq, &asked, &whom, tokens)) != OK ||
	    (st = choose_channels(&rq->cx, &whom, &m)) != OK || (st = pins_keep(rq, &asked, m)) != OK)
		return st;
	*channel = pins_own(rq, m);
	return OK;
}

/* ---- running and settling ------------------------------------------------------- */

static json_t *
event(const struct run *r, const char *status)
{
	return json_pack("{s:s, s:s, s:s}", "id", r->task.id, "type", "relay", "status", status);
}

static json_t *
calls_json(const struct answer *a)
{
	json_t *list = json_array(), *told;

	for (size_t i = 0; i < a->n_calls; i++) {
		const struct answer_call *call = &a->calls[i];

		told = json_pack("{s:s, s:s, s:s}", "id", call->id == NULL ? "" : call->id, "name",
		    call->name == NULL ? "" : call->name, "arguments", buf_str(&call->arguments));
		if (call->signature.len > 0)
			json_object_set_new(told, "signature", json_string_nocheck(call->signature.data));
		json_array_append_new(list, told);
	}
	return list;
}

/* What was said, for who wants it in one piece. */
static void
put_answer(json_t *data, const struct answer *a)
{
	json_object_set_new(data, "content", json_string_nocheck(buf_str(&a->text)));
	if (a->reasoning.len > 0)
		json_object_set_new(data, "reasoning", json_string_nocheck(a->reasoning.data));
	if (a->signature.len > 0)
		json_object_set_new(data, "signature", json_string_nocheck(a->signature.data));
	if (a->n_calls > 0)
		json_object_set_new(data, "calls", calls_json(a));
}

static void
put_detail(json_t *usage, const char *name, int64_t n)
{
	if (n >= 0)
		json_object_set_new(usage, name, json_integer(n));
}

/* What its provider calls an answer that it keeps, what it sealed, and by which key it is its. */
static void
settlement(const struct run *r, json_t *j)
{
	op_settlement(r, j);
	if (r->answer.own_id != NULL)
		json_object_set_new(j, "response_id", json_string(r->answer.own_id));
	if (r->answer.seal_id[0] != '\0')
		json_object_set_new(j, "seal_id", json_string(r->answer.seal_id));
	if (r->answer.own_id != NULL || r->answer.seal_id[0] != '\0')
		json_object_set_new(j, "channel_key_id", json_integer(r->call.at.key_id));
}

/* The last word, without what was said.  `u` as charged, `told` as the provider has it in detail. */
static json_t *
end_data(const char *task_id, const struct usage *u, const struct wire_usage *told, const char *finish)
{
	json_t *usage = json_pack("{s:I, s:I, s:b, s:s?}", "input_tokens", (json_int_t)u->input_tokens, "output_tokens",
	    (json_int_t)u->output_tokens, "estimated", u->estimated, "finish", finish);

	put_detail(usage, "cached_tokens", told->cached_tokens);
	put_detail(usage, "cache_write_tokens", told->cache_write_tokens);
	put_detail(usage, "reasoning_tokens", told->reasoning_tokens);
	return json_pack("{s:s, s:o}", "task_id", task_id, "usage", usage);
}

/* `message`: of a bad end.  Takes over `data`. */
static char *
end_json(enum outcome outcome, enum status why, const char *message, json_t *data)
{
	static const char *const types[] = { "done", "error", "cancelled" };
	json_t *end;
	char *text;

	if (outcome != OUTCOME_COMPLETED) {
		json_object_set_new(data, "code", json_string(status_code(why)));
		json_object_set_new(data, "message", json_string(message));
	}
	end = json_pack("{s:s, s:o}", "type", types[outcome], "data", data);
	text = json_dumps(end, JSON_WIRE);
	json_decref(end);
	return text;
}

/* What the provider finds wrong with what was asked its client can mend, and some go
 * by its very words. */
static const char *
message(const struct run *r)
{
	bool is_theirs = r->why == E_INVALID_REQUEST || r->why == E_TOO_LARGE;

	return is_theirs && r->detail != NULL ? r->detail : status_text(r->why, r->reader.lang);
}

static char *
end(const struct run *r, const struct rows *rows, int row)
{
	json_t *data = end_data(r->task.id, &r->usage, &r->answer.usage, answer_finish_name(&r->answer));

	(void)rows;
	(void)row;
	json_object_set_new(data, "credits_consumed", json_credits(r->task.charged_ucr));
	json_object_set_new(data, "balance", json_credits(r->task.balance_ucr));
	if ((r->reader.wants.whole || r->is_repeatable) && r->own == NULL)
		put_answer(data, &r->answer);
	return end_json(r->outcome, r->why, message(r), data);
}

/* ---- following ----------------------------------------------------------------- */

/* An answer that only its first reader had: an empty one would be taken for it. */
static char *
lost_json(const char *task_id, enum lang lang)
{
	json_t *data = json_pack("{s:s, s:s, s:s}", "task_id", task_id, "code", status_code(E_CONFLICT), "message",
	    lang == LANG_ZH ? "此调用已完成，其回答未保存；如需再次调用，请更换幂等键"
			    : "This call was answered, and its answer is not kept: to ask again, use another "
			      "Idempotency-Key.");
	json_t *end = json_pack("{s:s, s:o}", "type", "error", "data", data);
	char *text = json_dumps(end, JSON_WIRE);

	json_decref(end);
	return text;
}

static void
follow(const struct rows *rows, const char *task_id, enum lang lang, struct followed *out)
{
	const char *status = row_text(rows, 0, "status"), *code = row_text(rows, 0, "error_code");
	struct usage u = { row_int(rows, 0, "input_tokens"), row_int(rows, 0, "output_tokens"),
		row_bool(rows, 0, "estimated") };
	json_t *start = json_pack("{s:s?, s:s}", "model", row_text(rows, 0, "model"), "task_id", task_id), *data;

	out->start_json = json_dumps(start, JSON_WIRE);
	json_decref(start);
	if (strcmp(status, "pending") == 0 || strcmp(status, "running") == 0)
		return;
	if (outcome_parse(status) == OUTCOME_COMPLETED) {
		out->end_json = lost_json(task_id, lang);
		return;
	}
	data = end_data(task_id, &u, &WIRE_USAGE_UNTOLD, NULL);
	json_object_set_new(data, "credits_consumed", json_credits(row_ucr(rows, 0, "credits_used")));
	out->end_json = end_json(outcome_parse(status), code == NULL ? E_INTERRUPTED : status_from_code(code),
	    status_text(code == NULL ? E_INTERRUPTED : status_from_code(code), lang), data);
}

/* ---- a dead owner ---------------------------------------------------------------- */

static enum status
recall(struct context *cx, const struct rows *dead, int row, struct run *r)
{
	(void)cx;
	r->prompt_tokens = row_null(dead, row, "prompt_tokens") ? 0 : row_int(dead, row, "prompt_tokens");
	return OK;
}

/* ---- the kind ---------------------------------------------------------------------- */

const struct kind kind_relay = {
	.name = "relay",
	.relays = true,
	.open = open_relay,
	.opened_sql = "SELECT 'ok' AS outcome, u.credits AS balance, t.credits_locked AS required,"
		      " NULL::uuid AS existing_task_id, credits_held(t.user_id) AS held"
		      " FROM tasks t JOIN users u ON u.id = t.user_id WHERE t.id = $1 AND t.owner = $2",
	.event = event,
	.use = op_use,
	.settlement = settlement,
	.settle_sql =
	    "SELECT task_id, settled, charged, balance, held, task_status FROM relays_settle($1::uuid, $2::json)",
	.end = end,
	.follow_sql =
	    "SELECT t.status, t.error_code, t.credits_used, l.name AS model,"
	    " coalesce(us.request_tokens, 0) AS input_tokens, coalesce(us.response_tokens, 0) AS output_tokens,"
	    " coalesce(us.estimated, false) AS estimated"
	    " FROM tasks t LEFT JOIN llm_models l ON l.id = t.model_id LEFT JOIN usage us ON us.task_id = t.id"
	    " WHERE t.id = $1 AND t.user_id = $2 AND t.type = 'relay'",
	.follow = follow,
	.recall = recall,
};
