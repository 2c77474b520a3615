#include "engine/round.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/money.h"
#include "core/work.h"
#include "engine/allowance.h"
#include "engine/details.h"
#include "engine/measure.h"
#include "engine/private.h"
#include "score/board.h"

#define CALL_BYTES 512 /* of a call's text, about */

/* ---- an array of relay_call, as PostgreSQL reads it --------------------------------- */

/* A text within a record within an array: what quotes is quoted twice. */
static void
put_text(struct buf *b, const char *text)
{
	buf_puts(b, ",");
	if (text == NULL)
		return;
	buf_puts(b, "\\\"");
	for (const char *p = text; *p != '\0'; p++)
		if (*p == '"')
			buf_puts(b, "\\\"\\\"");
		else if (*p == '\\')
			buf_puts(b, "\\\\\\\\");
		else
			buf_add(b, p, 1);
	buf_puts(b, "\\\"");
}

/* What needs no quotes: an id, a word. */
static void
put_word(struct buf *b, const char *word)
{
	buf_puts(b, ",");
	if (word != NULL)
		buf_puts(b, word);
}

static void
put_number(struct buf *b, int64_t n)
{
	char digits[24], *p = digits + sizeof(digits);
	uint64_t left = n < 0 ? 0 : (uint64_t)n;

	do
		*--p = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	buf_puts(b, ",");
	buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

/* NULL for 0: not known. */
static void
put_known(struct buf *b, int64_t n)
{
	if (n > 0)
		put_number(b, n);
	else
		buf_puts(b, ",");
}

static void
put_ucr(struct buf *b, int64_t ucr)
{
	char text[UCR_TEXT_LEN];

	put_word(b, ucr_format(ucr, text));
}

/* In the order of type relay_call. */
static void
put_call(struct buf *b, const struct round_call *c)
{
	buf_puts(b, b->len == 0 ? "{\"(" : ",\"(");
	buf_puts(b, c->call_id);
	put_word(b, c->allowance_id);
	put_word(b, c->user_id);
	put_word(b, c->key_id);
	put_word(b, outcome_name(c->outcome));
	put_word(b, c->why == OK ? NULL : status_code(c->why));
	put_number(b, c->usage.input_tokens);
	put_number(b, c->usage.output_tokens);
	put_known(b, c->told.cached_tokens);
	put_known(b, c->told.cache_write_tokens);
	put_known(b, c->told.reasoning_tokens);
	put_word(b, c->usage.estimated ? "t" : "f");
	put_ucr(b, c->cost_ucr);
	put_ucr(b, c->overrun_ucr);
	put_word(b, c->limited ? "t" : "f");
	put_known(b, c->model_id);
	put_text(b, c->model);
	put_known(b, c->channel_id);
	put_text(b, c->channel);
	put_text(b, c->provider);
	put_number(b, c->latency_ms);
	put_known(b, c->first_token_ms);
	put_text(b, c->request_id);
	put_text(b, c->user_group);
	put_text(b, c->details);
	buf_puts(b, ")\"");
}

enum status
round_run(struct pg *pg, const struct round_call *calls, size_t n, struct rows **rows)
{
	struct buf b = BUF_INIT(0);
	enum status st;

	(void)!buf_reserve(&b, n * CALL_BYTES);
	for (size_t i = 0; i < n; i++)
		put_call(&b, &calls[i]);
	buf_puts(&b, "}");
	st = pg_query_again(pg, rows,
	    "SELECT settled, charged, balance, taken, live FROM relay_round($1::relay_call[]) ORDER BY place",
	    PS(b.data));
	buf_free(&b);
	return st;
}

/* ---- runs of ours ---------------------------------------------------------------------- */

/* NULL: there is nothing to tell.  In the run's arena, once, however often it is tried to settle it. */
static const char *
details_text(struct run *r, int64_t cost_ucr)
{
	json_t *details;
	char *text;

	if (r->details != NULL)
		return *r->details == '\0' ? NULL : r->details;
	details = details_json(&r->call, &r->usage, cost_ucr);
	text = json_object_size(details) == 0 ? NULL : json_dumps(details, JSON_WIRE);
	r->details = arena_strdup(r->arena, text == NULL ? "" : text);
	free(text);
	json_decref(details);
	return *r->details == '\0' ? NULL : r->details;
}

static void
take_run(struct run *r, struct round_call *out)
{
	const struct call_candidate *at = &r->call.at;
	const struct flight *flight = r->flight;
	int64_t cost_ucr = run_use(r), charged_ucr = cost_ucr < r->task.hold_ucr ? cost_ucr : r->task.hold_ucr;

	*out = (struct round_call){ .call_id = r->task.id,
		.allowance_id = flight->allowance_id,
		.user_id = r->task.user_id,
		.key_id = flight->key_id[0] == '\0' ? NULL : flight->key_id,
		.user_group = flight->user_group,
		.request_id = r->request_id,
		.outcome = r->outcome,
		.why = r->why,
		.usage = r->usage,
		.told = r->answer.usage,
		.cost_ucr = charged_ucr,
		.overrun_ucr = cost_ucr - charged_ucr,
		.limited = flight->limited,
		.model_id = at->model_id != 0 ? at->model_id : flight->model_id,
		.model = at->model_name,
		.channel_id = at->channel_id,
		.channel = at->channel_name,
		.provider = r->call.wire != NULL ? r->call.wire->name : NULL,
		.latency_ms = (clock_mono_us() - r->started_us) / 1000,
		.first_token_ms = r->first_content_us / 1000,
		.details = details_text(r, cost_ucr) };
}

/* Note who made the seals of these answers, as a settlement does (settle.c). */
static enum status
pin_seals(struct pg *pg, struct run *const *runs, size_t n)
{
	json_t *list = json_array();
	enum status st = OK;

	for (size_t i = 0; i < n; i++)
		if (runs[i]->answer.seal_id[0] != '\0')
			json_array_append_new(list,
			    json_pack("{s:s, s:s, s:I, s:I, s:I}", "user_id", runs[i]->task.user_id, "seal_id",
				runs[i]->answer.seal_id, "channel_id", (json_int_t)runs[i]->call.at.channel_id,
				"channel_key_id", (json_int_t)runs[i]->call.at.key_id, "model_id",
				(json_int_t)runs[i]->call.at.model_id));
	if (json_array_size(list) > 0) {
		char *text = json_dumps(list, JSON_WIRE);

		st = pg_query_again(pg, NULL, "SELECT seals_pin($1::json)", PS(text));
		free(text);
	}
	json_decref(list);
	return st;
}

static void
note_settled(struct run *r, const struct rows *rows, int row)
{
	r->task.charged_ucr = row_ucr(rows, row, "charged");
	r->task.balance_ucr = row_ucr(rows, row, "balance");
	r->task_status = outcome_name(r->outcome);
	r->end_json = r->kind->end(r, rows, row);
	reader_make_whole(&r->reader, r->end_json);
	r->settle_failed = false;
}

/* Was an earlier run of the round told of the same allowance? */
static bool
is_told(struct run *const *runs, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (runs[k]->allowance == runs[i]->allowance)
			return true;
	return false;
}

enum status
round_settle(struct worker *w, struct run *const *runs, size_t n)
{
	struct round_call calls[ROUND_MAX] = { { 0 } };
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	for (size_t i = 0; i < n; i++)
		take_run(runs[i], &calls[i]);
	/* before they are paid: a client that has its end may come back with the seal at once */
	if ((st = pin_seals(w->pg, runs, n)) != OK || (st = round_run(w->pg, calls, n, &rows)) != OK)
		return st;
	score_add(w->process->score, SCORE_ALLOWANCE_CALLS, (int64_t)n);
	score_add(w->process->score, SCORE_ALLOWANCE_ROUNDS, 1);
	for (size_t i = 0; i < n; i++) {
		int64_t taken_ucr = row_ucr(rows, (int)i, "taken");

		if (taken_ucr > 0 && is_told(runs, i))
			taken_ucr = 0;
		/* settled before: what was taken then nobody knows here */
		allowance_back(w->process, runs[i]->allowance, runs[i]->task.hold_ucr, taken_ucr,
		    row_bool(rows, (int)i, "live") && row_bool(rows, (int)i, "settled"));
		flight_free(w->process->flights, runs[i]->flight);
		runs[i]->flight = NULL;
		note_settled(runs[i], rows, (int)i);
	}
	return OK;
}
