/*
 * Settling a turn, on a worker: what it used, what it costs, and the one SQL
 * call that ends task, message, hold and usage together.  See turn_private.h.
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
#include "core/tokens.h"
#include "core/turn_private.h"
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

static const char settle_sql[] =
    "SELECT settled, charged, balance, message, task_status, credits_held($18::uuid) AS held"
    " FROM turn_settle($1::uuid, $2::uuid, $3::text, $4::text,"
    " $5::text, $6::text, $7::text, $8::text, $9::int, $10::int, $11::boolean, $12::numeric, $13::bigint, $14::bigint,"
    " $15::int, $16::int, $17::text)";

static int64_t
elapsed_ms(const struct turn *t)
{
	return (clock_mono_us() - t->started_us) / 1000;
}

static struct pg_arg
channel_arg(const struct turn *t)
{
	return t->channel_id == 0 ? PNULL : PI(t->channel_id);
}

/* turn_settle() does no harm when run twice: the second time it tells what the
 * first made. */
static enum status
settle_paid(struct turn *t, struct worker *w)
{
	AUTO_ROWS struct rows *rows = NULL;
	int64_t cost_ucr = measure(t);
	const char *code = t->why == OK ? NULL : status_code(t->why);
	bool ours;
	enum status st;

	st = pg_query_again(w->pg, &rows, settle_sql, PS(t->task_id), PS(t->process->id),
	    PS(turn_outcome_name(t->outcome)), PS(message_status(t)), PS(buf_str(&t->text)),
	    t->reasoning.len > 0 ? PS(t->reasoning.data) : PNULL, PS(code),
	    t->why == OK ? PNULL : PS(status_text(t->why, LANG_EN)), PI(t->input_tokens), PI(t->output_tokens),
	    PB(t->estimated), PM(cost_ucr), PI(t->price.model_id), channel_arg(t), PI(elapsed_ms(t)),
	    t->delivered > 0 ? PI(t->first_token_us / 1000) : PNULL, PS(t->request_id), PS(t->user_id));
	if (st != OK)
		return st;
	t->charged_ucr = row_ucr(rows, 0, "charged");
	t->balance_ucr = row_ucr(rows, 0, "balance");
	t->held_ucr = row_ucr(rows, 0, "held");
	t->task_status = arena_strdup(t->arena, row_text(rows, 0, "task_status"));
	ours = row_bool(rows, 0, "settled") ||
	    (t->task_status != NULL && strcmp(t->task_status, turn_outcome_name(t->outcome)) == 0);
	if (!ours) { /* we were taken for dead, and the sweeper ended it */
		t->outcome = OUTCOME_FAILED;
		t->why = E_INTERRUPTED;
	}
	t->end_json = make_end(t, row_json(rows, 0, "message"));
	return OK;
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

void
turn_settle_job(struct job *job, struct worker *w)
{
	struct turn *t = (struct turn *)(void *)job;
	enum status st = t->mode == TURN_DEBUG ? settle_debug(t, w) : settle_paid(t, w);

	/* Errors that will not go away by waiting are bugs; they are retried all the
	 * same, because giving up would leave the hold to its expiry. */
	t->settle_failed = st != OK;
	if (st != OK)
		LOG(ERROR, "settle_failed", LS("task_id", t->task_id), LS("error", pg_error(w->pg)));
	reactor_post(t->process->reactor, turn_settled, t);
}
