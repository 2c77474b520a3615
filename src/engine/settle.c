/*
 * Settling turns: what each used, what it costs, and the one SQL call that ends
 * their tasks, messages, holds and usage together.  The reactor gathers what
 * has ended, a worker settles it.  See turn_private.h.
 *
 * The charge: the provider's usage when it is believable, else a marked
 * estimate of prompt and delivered text; nothing delivered costs nothing; never
 * more than the hold (the excess goes on record as usage.overrun).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/queue.h"
#include "chat/messages.h"
#include "base/tokens.h"
#include "engine/turn_private.h"
#include "io/pg.h"
#include "io/reactor.h"

/* Usage is believed when it could be true of what was asked and delivered. */
static bool
usage_is_believable(const struct turn *t)
{
	if (t->usage_input < 0 || t->usage_output < 0)
		return false;
	if (t->delivered > 0 && t->usage_output == 0)
		return false;
	if (t->price.context_tokens > 0 && t->usage_input > t->price.context_tokens)
		return false;
	return t->price.max_output_tokens == 0 || t->usage_output <= t->price.max_output_tokens;
}

static int64_t
measure(struct turn *t)
{
	t->estimated = false;
	t->input_tokens = t->output_tokens = 0;
	if (t->delivered == 0)
		return 0;
	t->estimated = !usage_is_believable(t);
	if (t->estimated) {
		t->input_tokens = t->prompt_tokens;
		t->output_tokens = tokens_estimate(buf_str(&t->text), t->text.len) +
		    tokens_estimate(buf_str(&t->reasoning), t->reasoning.len);
	} else {
		t->input_tokens = t->usage_input;
		t->output_tokens = t->usage_output;
	}
	return ucr_add(t->price.call_ucr,
	    ucr_add(ucr_for_tokens(t->input_tokens, t->price.input_ucr),
		ucr_for_tokens(t->output_tokens, t->price.output_ucr)));
}

/* The message's status: one of the seven. */
static const char *
message_status(const struct turn *t)
{
	if (t->outcome == OUTCOME_COMPLETED || (t->outcome == OUTCOME_CANCELLED && t->delivered > 0))
		return "success";
	switch (t->why) {
	case E_CONTENT_VIOLATION: return "content_violation";
	case E_INSUFFICIENT_CREDITS: return "insufficient_balance";
	case E_UPSTREAM_FAILED:
	case E_UPSTREAM_TIMEOUT:
	case E_INVALID_REQUEST: /* the provider would not take it */ return "llm_error";
	default: return "error";
	}
}

static const char *
finish_name(const struct turn *t)
{
	static const char *const names[] = { "stop", "length", "content_filter", "other" };

	return t->finished ? names[t->finish] : NULL;
}

static char *
make_end(const struct turn *t, json_t *message)
{
	return turn_end_json(&(struct turn_end){ .task_id = t->task_id,
	    .outcome = t->outcome,
	    .why = t->why,
	    .lang = t->reader.lang,
	    .message = message,
	    .charged_ucr = t->charged_ucr,
	    .balance_ucr = t->balance_ucr,
	    .input_tokens = t->input_tokens,
	    .output_tokens = t->output_tokens,
	    .estimated = t->estimated,
	    .finish = finish_name(t) });
}

/* Turns that end while others are being settled are settled together: one
 * transaction, one wait for the disk.  More than this gains nothing more. */
#define SETTLE_TOGETHER 16
#define SETTLE_ROUNDS_MAX 3   /* at a time, so that stuck ones leave workers for others */
#define SETTLE_OVERDUE_MS 250 /* beyond that a turn does not wait for the round before it */
#define SETTLE_AGAIN_MS 500   /* PostgreSQL was away: try again */

/* What one worker settles at a time; made and freed on the reactor. */
struct settle_round {
	struct job job; /* first member */
	struct process *process;
	size_t n;
	struct turn *turns[SETTLE_TOGETHER];
};

static void settle_round_over(void *round);

static const char settle_sql[] =
    "SELECT task_id, settled, charged, balance, held, message, task_status, sequence, model,"
    " attachments, created_at, updated_at FROM turns_settle($1::uuid, $2::json)";

static int64_t
elapsed_ms(const struct turn *t)
{
	return (clock_mono_us() - t->started_us) / 1000;
}

/* The text of what went wrong; NULL: nothing. */
static const char *
error_text(const struct turn *t)
{
	return t->why == OK ? NULL : status_text(t->why, LANG_EN);
}

/* An element of turns_settle()'s p_turns. */
static json_t *
settlement(struct turn *t)
{
	int64_t cost_ucr = measure(t);
	char cost[UCR_TEXT_LEN];
	json_t *j = json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:I, s:I, s:b, s:I, s:I, s:s}", "task_id", t->task_id,
	    "outcome", turn_outcome_name(t->outcome), "message_status", message_status(t), "error_code",
	    t->why == OK ? NULL : status_code(t->why), "error_message", error_text(t), "input_tokens",
	    (json_int_t)t->input_tokens, "output_tokens", (json_int_t)t->output_tokens, "estimated", t->estimated,
	    "model_id", (json_int_t)t->price.model_id, "latency_ms", (json_int_t)elapsed_ms(t), "request_id",
	    t->request_id);

	ucr_format(cost_ucr, cost);
	json_object_set_new(j, "cost", json_string(cost));
	json_object_set_new(j, "content", json_string_nocheck(buf_str(&t->text)));
	if (t->reasoning.len > 0)
		json_object_set_new(j, "reasoning", json_string_nocheck(t->reasoning.data));
	if (t->channel_id != 0)
		json_object_set_new(j, "channel_id", json_integer(t->channel_id));
	if (t->delivered > 0)
		json_object_set_new(j, "first_token_ms", json_integer(t->first_token_us / 1000));
	return j;
}

/* The answer as turns_settle() has just stored it, or as it is otherwise. */
static json_t *
settled_message(const struct turn *t, const struct rows *rows, int row)
{
	if (row_null(rows, row, "sequence"))
		return row_json(rows, row, "message");
	return message_written(&(struct message){ .id = t->message_id,
	    .conversation_id = t->conversation_id,
	    .role = "assistant",
	    .content = buf_str(&t->text),
	    .status = message_status(t),
	    .sequence = row_int(rows, row, "sequence"),
	    .error_message = error_text(t),
	    .model = row_text(rows, row, "model"),
	    .input_tokens = t->input_tokens,
	    .output_tokens = t->output_tokens,
	    .cost_ucr = t->charged_ucr,
	    .attachments = row_json(rows, row, "attachments"),
	    .task_id = t->task_id,
	    .created_at = row_text(rows, row, "created_at"),
	    .updated_at = row_text(rows, row, "updated_at") });
}

/* Take over what the database says of `t`. */
static void
note_settled(struct turn *t, const struct rows *rows, int row)
{
	json_t *message;
	bool ours;

	t->charged_ucr = row_ucr(rows, row, "charged");
	t->balance_ucr = row_ucr(rows, row, "balance");
	t->held_ucr = row_ucr(rows, row, "held");
	t->task_status = arena_strdup(t->arena, row_text(rows, row, "task_status"));
	message = settled_message(t, rows, row);
	ours = row_bool(rows, row, "settled") ||
	    (t->task_status != NULL && strcmp(t->task_status, turn_outcome_name(t->outcome)) == 0);
	if (!ours) { /* we were taken for dead, and the sweeper ended it */
		t->outcome = OUTCOME_FAILED;
		t->why = E_INTERRUPTED;
	}
	t->end_json = make_end(t, message);
	t->settle_failed = false;
}

/* turns_settle() does no harm when run twice: the second time it tells what the
 * first made.  Turns it was not done for keep settle_failed. */
static enum status
settle_paid(struct worker *w, struct turn *const *turns, size_t n)
{
	AUTO_ROWS struct rows *rows = NULL;
	json_t *list = json_array();
	enum status st;
	char *text;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, settlement(turns[i]));
	text = json_dumps(list, JSON_WIRE);
	json_decref(list);
	st = pg_query_again(w->pg, &rows, settle_sql, PS(w->process->id), PS(text));
	free(text);
	for (int row = 0; st == OK && row < rows_count(rows); row++)
		for (size_t i = 0; i < n; i++)
			if (strcmp(turns[i]->task_id, row_text(rows, row, "task_id")) == 0)
				note_settled(turns[i], rows, row);
	return st;
}

/* An admin's test: nobody pays, the debug log remembers. */
static enum status
settle_debug(struct turn *t, struct worker *w)
{
	int64_t cost_ucr = measure(t);
	json_t *message, *response;
	char *text;
	enum status st;

	response = json_pack("{s:s, s:s, s:b, s:I, s:s?}", "content", buf_str(&t->text), "reasoning",
	    buf_str(&t->reasoning), "estimated", t->estimated, "ms", (json_int_t)elapsed_ms(t), "finish",
	    finish_name(t));
	text = json_dumps(response, JSON_WIRE);
	json_decref(response);
	st = pg_query(w->pg, NULL,
	    "INSERT INTO admin_debug_logs (admin_id, agent_id, kind, model, input_tokens, output_tokens, cost,"
	    " request, response, error) VALUES ($1, $2, 'execution', $3, $4, $5, $6,"
	    " jsonb_build_object('task_id', $7::text), $8::jsonb, $9)",
	    PS(t->user_id), PS(t->agent_id), PS(t->model_name), PI(t->input_tokens), PI(t->output_tokens), PM(cost_ucr),
	    PS(t->task_id), PS(text), t->why == OK ? PNULL : PS(status_code(t->why)));
	free(text);
	if (st != OK)
		return st;
	t->task_status = turn_outcome_name(t->outcome);
	message = json_pack("{s:s, s:s, s:s, s:s?}", "role", "assistant", "content", buf_str(&t->text), "status",
	    message_status(t), "model", t->model_name);
	t->end_json = make_end(t, message);
	return OK;
}

/* Is it the database that is away, and not one turn that spoils it for all? */
static bool
is_away(const struct pg *pg)
{
	return strncmp(pg_sqlstate(pg), "08", 2) == 0 || strncmp(pg_sqlstate(pg), "57P", 3) == 0;
}

static void
log_failure(const struct turn *t, const struct pg *pg)
{
	LOG(ERROR, "settle_failed", LS("task_id", t->task_id), LS("error", pg_error(pg)));
}

/* Worker.  Errors that will not go away by waiting are bugs; what failed is
 * tried again all the same, because giving up would leave holds to their expiry. */
static void
settle_round_job(struct job *job, struct worker *w)
{
	struct settle_round *round = (struct settle_round *)(void *)job;
	struct turn *paid[SETTLE_TOGETHER];
	size_t n = 0;
	enum status st;

	for (size_t i = 0; i < round->n; i++) {
		struct turn *t = round->turns[i];

		t->settle_failed = true;
		if (t->mode != TURN_DEBUG)
			paid[n++] = t;
		else if (settle_debug(t, w) == OK)
			t->settle_failed = false;
		else
			log_failure(t, w->pg);
	}
	st = n == 0 ? OK : settle_paid(w, paid, n);
	if (st != OK && n > 1 && !is_away(w->pg))
		for (size_t i = 0; i < n; i++)
			st = settle_paid(w, &paid[i], 1);
	for (size_t i = 0; i < n; i++)
		if (paid[i]->settle_failed)
			log_failure(paid[i], w->pg);
	reactor_post(round->process->reactor, settle_round_over, round);
}

/* ---- reactor ----------------------------------------------------------------- */

/* Let a worker settle what waits. */
static void
start_round(struct process *p)
{
	struct settle_round *round = xcalloc(1, sizeof(*round));

	round->job.run = settle_round_job;
	round->process = p;
	while (p->unsettled != NULL && round->n < SETTLE_TOGETHER) {
		struct turn *t = p->unsettled;

		p->unsettled = t->next_unsettled;
		p->n_unsettled--;
		round->turns[round->n++] = t;
	}
	if (p->unsettled == NULL)
		p->unsettled_tail = &p->unsettled;
	p->settle_rounds++;
	queue_push_always(p->work, &round->job);
}

static void
enqueue(struct turn *t)
{
	struct process *p = t->process;

	if (p->unsettled == NULL)
		p->unsettled_tail = &p->unsettled;
	t->next_unsettled = NULL;
	*p->unsettled_tail = t;
	p->unsettled_tail = &t->next_unsettled;
	p->n_unsettled++;
}

void
settle_hurry(struct process *p)
{
	if (p->unsettled != NULL && p->settle_rounds < SETTLE_ROUNDS_MAX)
		start_round(p);
}

void
settle_soon(struct turn *t)
{
	struct process *p = t->process;

	enqueue(t);
	if (p->settle_rounds == 0 || p->n_unsettled >= SETTLE_TOGETHER)
		settle_hurry(p);
	/* a round may wait for a row that somebody else keeps locked */
	reactor_timer_start(t->timer, SETTLE_OVERDUE_MS);
}

static void
settle_round_over(void *arg)
{
	struct settle_round *round = arg;
	struct process *p = round->process;

	p->settle_rounds--;
	for (size_t i = 0; i < round->n; i++) {
		struct turn *t = round->turns[i];

		if (t->settle_failed) { /* money must end: as long as this process lives */
			enqueue(t);
			reactor_timer_start(t->timer, SETTLE_AGAIN_MS);
		} else {
			turn_settled(t);
		}
	}
	free(round);
	if (p->settle_rounds == 0)
		settle_hurry(p);
}
