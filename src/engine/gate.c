#include "engine/gate.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/money.h"
#include "core/process.h"
#include "engine/allowance.h"
#include "engine/flight.h"
#include "engine/follow.h"
#include "engine/gather.h"
#include "engine/run.h"
#include "io/fcgi.h"
#include "limits/rates.h"

#define OPEN_TRIES 3
#define GATHER_TRIES 8	/* of one request in a row */
#define RETRY_AFTER_S 5 /* when slots may be free again */
#define TOKENS_RETRY_AFTER_S 15

void
gate_key_read(const struct request *rq, struct gate_key *out)
{
	out->key = rq->idempotency_key;
	out->route = arena_printf(rq->cx.arena, "%s %s", rq->method, rq->path);
	if (out->key == NULL)
		return;
	crypto_sha256(rq->body == NULL ? "" : rq->body, rq->body_len, out->body_hash);
}

enum status
gate_admit(struct request *rq)
{
	if (atomic_load(&rq->cx.process->streams) >= (size_t)rq->cx.conf->server_max_streams)
		return fail(&rq->cx, E_OVERLOADED, "streams");
	if (fcgi_peer_gone(rq->conn))
		return fail(&rq->cx, E_CANCELLED, "the client left before the task opened");
	return OK;
}

/* A rival that commits meanwhile is found by task_open(). */
enum status
gate_join(struct request *rq, const struct kind *kind, const struct gate_key *key, const struct reader_wants *wants,
    bool *joined)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	*joined = false;
	if (key->key == NULL)
		return OK;
	st = pg_query_again(rq->cx.pg, &rows, "SELECT outcome, task_id FROM key_find($1, $2, $3, $4)",
	    PS(rq->cx.caller.user_id), PS(key->key), PS(key->route), PX(key->body_hash, SHA256_BYTES));
	if (st != OK)
		return fail(&rq->cx, st, "idempotency key: %s", pg_error(rq->cx.pg));
	if (strcmp(row_text(rows, 0, "outcome"), "new") == 0)
		return OK;
	*joined = true;
	if (strcmp(row_text(rows, 0, "outcome"), "replay") != 0 || row_null(rows, 0, "task_id"))
		return fail(&rq->cx, E_IDEMPOTENCY_MISMATCH, NULL);
	return kind->again != NULL ? kind->again(rq, row_text(rows, 0, "task_id"))
				   : follow_begin(rq, kind, row_text(rows, 0, "task_id"), wants);
}

/* ---- refusals, in words ------------------------------------------------------------- */

static enum status
refuse_credits(struct context *cx, const struct kind *kind, const struct rows *rows)
{
	char balance[UCR_TEXT_LEN], required[UCR_TEXT_LEN];
	int64_t balance_ucr = row_ucr(rows, 0, "balance"), required_ucr = row_ucr(rows, 0, "required");
	json_t *details = json_pack(
	    "{s:o, s:o}", "balance", json_credits(balance_ucr), "required", json_credits(required_ucr));

	if (kind->refused != NULL)
		kind->refused(cx, rows, details);
	fail_with(cx, E_INSUFFICIENT_CREDITS, details, NULL);
	ucr_format(balance_ucr, balance);
	ucr_format(required_ucr, required);
	fail_message(cx, arena_printf(cx->arena, "Not enough credits: you have %s, this needs %s.", balance, required),
	    arena_printf(cx->arena, "积分不足，当前余额 %s，需要 %s", balance, required));
	return E_INSUFFICIENT_CREDITS;
}

/* For want of slots; `st` from Redis or PostgreSQL. */
static enum status
refuse_slots(struct context *cx, const struct kind *kind, enum status st)
{
	const struct conf *conf = cx->conf;
	long long user = kind->relays ? conf->limits_relay_tasks : conf->limits_user_tasks,
		  conversation = conf->limits_conversation_tasks;

	if (st == E_TASK_QUEUE_FULL)
		return limits_refuse_tasks(cx, user);
	if (st == E_CONVERSATION_QUEUE_FULL) {
		fail_with(cx, st, json_pack("{s:I}", "limit", (json_int_t)conversation), NULL);
		fail_message(cx,
		    arena_printf(
			cx->arena, "This conversation's task queue is full: at most %lld tasks at once.", conversation),
		    arena_printf(cx->arena, "当前对话任务队列已满，最多同时执行 %lld 个任务", conversation));
	} else if (st == E_CONVERSATION_LIMIT) {
		fail_with(cx, st, json_pack("{s:I}", "limit", (json_int_t)conf->limits_agent_conversations), NULL);
	} else {
		fail(cx, st, NULL);
	}
	fail_retry_after(cx, RETRY_AFTER_S);
	return st;
}

/* Which budget, what is left of it, and when it begins anew: {budget, left, required, resets_at}. */
static json_t *
budget_details(struct context *cx, const char *kind, int64_t required_ucr)
{
	AUTO_ROWS struct rows *rows = NULL;
	json_t *details = json_pack("{s:s, s:o}", "budget", kind, "required", json_credits(required_ucr));
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT budget_left, json_time(resets_at) AS resets_at FROM quota_state($1, $2) WHERE kind = $3",
	    PS(cx->caller.user_id), PS(cx->caller.key_id), PS(kind));

	if (st != OK || rows_count(rows) == 0)
		return details;
	json_object_set_new(details, "left", json_credits(row_ucr(rows, 0, "budget_left")));
	json_object_set_new(details, "resets_at",
	    row_null(rows, 0, "resets_at") ? json_null() : json_string(row_text(rows, 0, "resets_at")));
	return details;
}

static const struct budget {
	const char *outcome, *kind, *en, *zh;
} budgets[] = {
	{ "key_budget", "key", "What is left of this key's budget does not cover the call.",
	    "该密钥的剩余预算不足以支付此次调用" },
	{ "user_budget", "user", "What is left of your budget does not cover this.", "您的剩余预算不足以支付此次请求" },
	{ "group_budget", "group", "What is left of your group's budget does not cover this.",
	    "您所在分组的剩余预算不足以支付此次请求" },
};

static enum status
refuse_budget(struct context *cx, const struct budget *b, const struct rows *rows)
{
	fail_with(cx, E_INSUFFICIENT_CREDITS, budget_details(cx, b->kind, row_ucr(rows, 0, "required")),
	    "the budget of the %s", b->kind);
	fail_message(cx, b->en, b->zh);
	return E_INSUFFICIENT_CREDITS;
}

/* What is made stays, and such a conversation does not. */
static enum status
refuse_temporary(struct context *cx)
{
	fail(cx, E_CONFLICT, "the conversation is temporary");
	fail_message(cx, "Pictures and films cannot be made in a temporary conversation. Keep it first.",
	    "临时对话中不能生成图片或视频，请先保留该对话");
	return E_CONFLICT;
}

/* Its tokens per minute: what it used leaves the minute bit by bit, so that it is worth trying soon. */
static enum status
refuse_tokens(struct context *cx)
{
	fail(cx, E_RATE_LIMITED, "the key's tokens per minute");
	fail_message(cx, "This key has used its tokens per minute, please wait a moment.",
	    "该密钥每分钟的 token 用量已达上限，请稍后再试");
	fail_retry_after(cx, TOKENS_RETRY_AFTER_S);
	return E_RATE_LIMITED;
}

/* What task_open() said instead of "ok". */
static enum status
refuse(struct context *cx, const struct kind *kind, const struct rows *rows)
{
	static const struct {
		const char *outcome;
		enum status st;
		bool slots;
	} refusals[] = {
		{ "user_queue_full", E_TASK_QUEUE_FULL, true },
		{ "conversation_queue_full", E_CONVERSATION_QUEUE_FULL, true },
		{ "conversation_busy", E_CONVERSATION_BUSY, true },
		{ "conversation_limit", E_CONVERSATION_LIMIT, true },
		{ "key_queue_full", E_TASK_QUEUE_FULL, false },
		{ "not_found", E_NOT_FOUND, false },
		{ "idempotency_mismatch", E_IDEMPOTENCY_MISMATCH, false },
		{ "user_disabled", E_ACCOUNT_DISABLED, false },
		{ "invalid_target", E_CONFLICT, false },
		{ "comparison_full", E_COMPARISON_FULL, false },
	};
	const char *outcome = row_text(rows, 0, "outcome");

	if (strcmp(outcome, "insufficient") == 0 || strcmp(outcome, "allowances") == 0)
		return refuse_credits(cx, kind, rows);
	for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++)
		if (strcmp(outcome, budgets[i].outcome) == 0)
			return refuse_budget(cx, &budgets[i], rows);
	if (strcmp(outcome, "key_tokens") == 0)
		return refuse_tokens(cx);
	if (strcmp(outcome, "temporary") == 0)
		return refuse_temporary(cx);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (strcmp(outcome, refusals[i].outcome) == 0)
			return refusals[i].slots ? refuse_slots(cx, kind, refusals[i].st)
						 : fail(cx, refusals[i].st, "task_open: %s", outcome);
	return fail(cx, E_INTERNAL, "task_open: %s", outcome);
}

/* ---- opening ------------------------------------------------------------------------- */

/* The kind's `open`, whatever happens to its answer: the task's id says whether
 * an ambiguous commit took place, so that nothing is opened twice. */
static enum status
open_once(struct context *cx, const struct gate_ask *ask, const struct task *task, struct rows **rows)
{
	enum status st = E_UNAVAILABLE;

	for (int tries = 0; tries < OPEN_TRIES && st == E_UNAVAILABLE; tries++) {
		st = ask->kind->open(cx, ask, task, !task->slots.held, rows);
		if (st != E_UNAVAILABLE || strncmp(pg_sqlstate(cx->pg), "53", 2) == 0 ||
		    strcmp(pg_sqlstate(cx->pg), "57014") == 0)
			break;
		if (pg_query_again(cx->pg, rows, ask->kind->opened_sql, PS(task->id), PS(cx->process->id)) != OK)
			break;
		if (rows_count(*rows) == 1)
			return OK;
		rows_free(*rows);
		*rows = NULL;
	}
	return st == OK ? OK : fail(cx, st, "open %s: %s", ask->kind->name, pg_error(cx->pg));
}

/* Take over the place that came with the rates.  False: there is none. */
static bool
take_over_place(struct request *rq, struct slot_holder *slots)
{
	if (rq->place == NULL || !rq->place->held || !slots->relay)
		return false;
	*slots = *rq->place;
	rq->place->held = false;
	return true;
}

/* Slots, and the task; *told is the row of `open`. */
static enum status
try_open(struct request *rq, const struct gate_ask *ask, struct task *task, struct rows **told)
{
	struct context *cx = &rq->cx;
	enum status st;

	slot_holder_init(&task->slots, task->user_id, ask->conversation_id, task->id, ask->agent);
	task->slots.relay = ask->kind->relays;
	st = take_over_place(rq, &task->slots) ? OK : slots_acquire(cx->redis, cx->conf, &task->slots);
	if (st != OK && st != E_UNAVAILABLE)
		return refuse_slots(cx, ask->kind, st);
	st = open_once(cx, ask, task, told);
	if (st != OK || strcmp(row_text(*told, 0, "outcome"), "ok") != 0)
		slots_release(cx->redis, cx->conf, &task->slots);
	return st;
}

enum status
gate_open(struct request *rq, const struct gate_ask *ask, struct task *task, const struct reader_wants *wants,
    struct rows **rows)
{
	AUTO_ROWS struct rows *told = NULL;
	enum gathered gathered = GATHER_AGAIN;
	enum status st = OK;

	*rows = NULL;
	for (int tries = 0; tries < GATHER_TRIES && gathered == GATHER_AGAIN; tries++) {
		rows_free(told);
		told = NULL;
		if ((st = try_open(rq, ask, task, &told)) != OK)
			return st;
		gathered = strcmp(row_text(told, 0, "outcome"), "allowances") == 0 ? gather_credits(rq) : GATHER_NONE;
	}
	if (gathered == GATHER_WAIT)
		return OK;
	if (strcmp(row_text(told, 0, "outcome"), "ok") == 0) {
		task->balance_ucr = row_ucr(told, 0, "balance");
		task->held_ucr = row_ucr(told, 0, "held");
		*rows = told;
		told = NULL;
		return OK;
	}
	if (strcmp(row_text(told, 0, "outcome"), "idempotent_replay") == 0)
		return ask->kind->again != NULL
		    ? ask->kind->again(rq, row_text(told, 0, "existing_task_id"))
		    : follow_begin(rq, ask->kind, row_text(told, 0, "existing_task_id"), wants);
	return refuse(&rq->cx, ask->kind, told);
}

/* ---- by an allowance ------------------------------------------------------------------ */

/* Is there anything that only a row in tasks can count, or find again? */
static bool
needs_task(const struct context *cx, const struct run *r, const struct gate_key *key)
{
	const struct key_limits *limits = cx->caller.limits;

	return key->key != NULL || r->is_repeatable ||
	    (limits != NULL && (limits->max_concurrent > 0 || limits->tpm > 0));
}

static void
fill_flight(
    struct flight *flight, const struct context *cx, const struct run *r, int64_t model_id, const struct price *price)
{
	memcpy(flight->call_id, r->task.id, UUID_LEN);
	memcpy(flight->allowance_id, allowance_id(r->allowance), UUID_LEN);
	memcpy(flight->user_id, r->task.user_id, UUID_LEN);
	snprintf(flight->key_id, UUID_LEN, "%s", cx->caller.key_id == NULL ? "" : cx->caller.key_id);
	snprintf(flight->request_id, sizeof(flight->request_id), "%s", r->request_id);
	flight->limited = allowance_limited(r->allowance);
	flight->model_id = model_id;
	flight_set_price(flight, cx->caller.group, price);
	flight->ceiling_ucr = r->task.hold_ucr;
	flight->prompt_tokens = r->prompt_tokens;
	flight->started_ms = clock_wall_ms();
}

/* A place among the calls of its user.  Without Redis each process counts for itself. */
static enum status
take_place(struct request *rq, struct run *r)
{
	struct context *cx = &rq->cx;
	enum status st;

	slot_holder_init(&r->task.slots, r->task.user_id, NULL, r->task.id, false);
	r->task.slots.relay = true;
	st = take_over_place(rq, &r->task.slots) ? OK : slots_acquire(cx->redis, cx->conf, &r->task.slots);
	if (st == E_UNAVAILABLE)
		st = allowance_calls(cx->process, r->allowance) > cx->conf->limits_relay_tasks ? E_TASK_QUEUE_FULL : OK;
	return st == OK ? OK : refuse_slots(cx, r->kind, st);
}

enum status
gate_pass(struct request *rq, const struct gate_key *key, struct run *r, int64_t model_id, const struct price *price,
    bool *passed)
{
	struct context *cx = &rq->cx;
	const struct key_limits *limits = cx->caller.limits;
	struct allowance_ask ask = { .user_id = r->task.user_id,
		.key_id = limits != NULL && limits->has_budget ? limits->shared_id : NULL,
		.group = cx->caller.group,
		.ceiling_ucr = r->task.hold_ucr };
	enum status st = OK;

	*passed = false;
	if (needs_task(cx, r, key) || !flight_fits(cx->caller.group, price) ||
	    (r->allowance = allowance_take(cx, &ask)) == NULL)
		return OK;
	if ((r->flight = flight_new(cx->process->flights)) != NULL && (st = take_place(rq, r)) == OK) {
		fill_flight(r->flight, cx, r, model_id, price);
		flight_publish(r->flight);
		*passed = true;
		return OK;
	}
	if (r->flight != NULL)
		flight_free(cx->process->flights, r->flight);
	allowance_back(cx->process, r->allowance, r->task.hold_ucr, 0, true);
	allowance_leave(cx->process, r->allowance);
	r->flight = NULL;
	r->allowance = NULL;
	return st;
}
