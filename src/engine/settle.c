/*
 * Settling: what each run used, what it costs, and the one SQL call of its kind
 * that ends tasks, holds and usage together.  The reactor gathers what has
 * ended, a worker settles it.
 *
 * The charge: what measure() says, by the one formula of ledger/price.h; never
 * more than the hold (the excess goes on record as usage.overrun).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/money.h"
#include "base/queue.h"
#include "engine/details.h"
#include "engine/measure.h"
#include "engine/private.h"
#include "engine/round.h"
#include "io/pg.h"
#include "io/reactor.h"

/* Runs that end while others are being settled are settled together: one
 * transaction, one wait for the disk.  More than this gains nothing more. */
#define SETTLE_TOGETHER 16
#define SETTLE_CALLS ROUND_MAX /* of those that took from allowances: the more the better */
#define GATHER_MS 10	       /* between the rounds of calls, at most so many one after the other */
#define SETTLE_ROUNDS_MAX 3    /* at a time, so that stuck ones leave workers for others */
#define SETTLE_OVERDUE_MS 250  /* beyond that a run does not wait for the round before it */
#define SETTLE_AGAIN_MS 500    /* PostgreSQL was away: try again */

/* What one worker settles at a time, all of one kind; made and freed on the reactor. */
struct settle_round {
	struct work job; /* first member */
	struct process *process;
	size_t n;
	struct run *runs[SETTLE_CALLS];
};

static int64_t
elapsed_ms(const struct run *r)
{
	return (clock_mono_us() - r->started_us) / 1000;
}

int64_t
run_use(struct run *r)
{
	int64_t cost_ucr;

	if (r->kind->use != NULL && r->kind->use(r, &cost_ucr))
		return cost_ucr;
	r->usage = (struct usage){ 0 };
	if (r->outcome == OUTCOME_FAILED && !run_delivers(r))
		return 0;
	r->usage = measure(&r->answer, r->prompt_tokens, &r->call.at);
	return measure_cost_ucr(&r->answer, &r->call.at, &r->usage);
}

static void
put_count(json_t *j, const char *name, int64_t n)
{
	if (n > 0)
		json_object_set_new(j, name, json_integer(n));
}

/* An element of the settlements a kind's SQL takes. */
static json_t *
settlement(struct run *r)
{
	char cost[UCR_TEXT_LEN];
	const struct call_candidate *at = &r->call.at;
	int64_t cost_ucr = run_use(r);
	json_t *j;

	ucr_format(cost_ucr, cost);
	j = json_pack("{s:s, s:s, s:s?, s:s?, s:I, s:I, s:b, s:s, s:I, s:s?}", "task_id", r->task.id, "outcome",
	    outcome_name(r->outcome), "error_code", r->why == OK ? NULL : status_code(r->why), "error_message",
	    r->why == OK ? NULL : status_text(r->why, LANG_EN), "input_tokens", (json_int_t)r->usage.input_tokens,
	    "output_tokens", (json_int_t)r->usage.output_tokens, "estimated", r->usage.estimated, "cost", cost,
	    "latency_ms", (json_int_t)elapsed_ms(r), "request_id", r->request_id);
	put_count(j, "cached_tokens", r->answer.usage.cached_tokens);
	put_count(j, "cache_write_tokens", r->answer.usage.cache_write_tokens);
	put_count(j, "reasoning_tokens", r->answer.usage.reasoning_tokens);
	if (at->model_id != 0)
		json_object_set_new(j, "model_id", json_integer(at->model_id));
	if (at->channel_id != 0)
		json_object_set_new(j, "channel_id", json_integer(at->channel_id));
	if (r->first_content_us > 0)
		json_object_set_new(j, "first_token_ms", json_integer(r->first_content_us / 1000));
	json_object_set_new(j, "details", details_json(&r->call, &r->usage, cost_ucr));
	if (r->kind->settlement != NULL)
		r->kind->settlement(r, j);
	return j;
}

/* Take over what the database says of `r`. */
static void
note_settled(struct run *r, const struct rows *rows, int row)
{
	bool ours;

	r->task.charged_ucr = row_ucr(rows, row, "charged");
	r->task.balance_ucr = row_ucr(rows, row, "balance");
	r->task.held_ucr = row_ucr(rows, row, "held");
	r->task_status = arena_strdup(r->arena, row_text(rows, row, "task_status"));
	ours = row_bool(rows, row, "settled") ||
	    (r->task_status != NULL && strcmp(r->task_status, outcome_name(r->outcome)) == 0);
	if (!ours) { /* we were taken for dead, and the reaper ended it */
		r->outcome = OUTCOME_FAILED;
		r->why = E_INTERRUPTED;
	}
	r->end_json = r->kind->end(r, rows, row);
	reader_make_whole(&r->reader, r->end_json);
	r->settle_failed = false;
}

/* Ask the kind's SQL to settle `n` runs, which does no harm when asked twice: the
 * second time it tells what the first made. */
static enum status
ask(struct pg *pg, const char *owner, struct run *const *runs, size_t n, struct rows **rows)
{
	json_t *list = json_array();
	enum status st;
	char *text;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, settlement(runs[i]));
	text = json_dumps(list, JSON_WIRE);
	json_decref(list);
	st = pg_query_again(pg, rows, runs[0]->kind->settle_sql, PS(owner), PS(text));
	free(text);
	return st;
}

/* Runs it was not done for keep settle_failed. */
static enum status
settle(struct worker *w, struct run *const *runs, size_t n)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = ask(w->pg, w->process->id, runs, n, &rows);

	for (int row = 0; st == OK && row < rows_count(rows); row++)
		for (size_t i = 0; i < n; i++)
			if (strcmp(runs[i]->task.id, row_text(rows, row, "task_id")) == 0)
				note_settled(runs[i], rows, row);
	return st;
}

enum status
settle_dead(struct context *cx, struct run *r)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = ask(cx->pg, NULL, &r, 1, &rows);

	if (st == OK && rows_count(rows) == 1 && row_bool(rows, 0, "settled"))
		note_settled(r, rows, 0);
	return st;
}

/* By whichever way they came in. */
static enum status
settle_together(struct worker *w, struct run *const *runs, size_t n)
{
	return runs[0]->flight != NULL ? round_settle(w, runs, n) : settle(w, runs, n);
}

/* Is it the database that is away, and not one run that spoils it for all? */
static bool
is_away(const struct pg *pg)
{
	return strncmp(pg_sqlstate(pg), "08", 2) == 0 || strncmp(pg_sqlstate(pg), "57P", 3) == 0;
}

static void settle_round_over(void *round);

/* Worker.  Errors that will not go away by waiting are bugs; what failed is
 * tried again all the same, because giving up would leave holds to their expiry. */
static void
settle_round_job(struct work *job, struct worker *w)
{
	struct settle_round *round = (struct settle_round *)(void *)job;
	enum status st;

	for (size_t i = 0; i < round->n; i++)
		round->runs[i]->settle_failed = true;
	st = settle_together(w, round->runs, round->n);
	if (st != OK && round->n > 1 && !is_away(w->pg))
		for (size_t i = 0; i < round->n; i++)
			st = settle_together(w, &round->runs[i], 1);
	for (size_t i = 0; i < round->n; i++)
		if (round->runs[i]->settle_failed)
			LOG(ERROR, "settle_failed", LS("task_id", round->runs[i]->task.id),
			    LS("error", pg_error(w->pg)));
	reactor_post(round->process->reactor, settle_round_over, round);
}

/* ---- reactor ----------------------------------------------------------------- */

/* May it be settled with those in the round? */
static bool
fits(const struct settle_round *round, const struct run *r)
{
	const struct run *first = round->runs[0];

	return r->kind == first->kind && (r->flight != NULL) == (first->flight != NULL) &&
	    (r->flight == NULL || r->flight->limited == first->flight->limited);
}

/* The first that waits, and those behind it that are of the same kind. */
static void
fill_round(struct engine *e, struct settle_round *round)
{
	struct run **p = &e->unsettled, *r;
	size_t most = *p != NULL && (*p)->flight != NULL ? SETTLE_CALLS : SETTLE_TOGETHER;

	while ((r = *p) != NULL && round->n < most) {
		if (round->n > 0 && !fits(round, r)) {
			p = &r->next_unsettled;
			continue;
		}
		*p = r->next_unsettled;
		e->n_unsettled--;
		round->runs[round->n++] = r;
	}
	while (*p != NULL)
		p = &(*p)->next_unsettled;
	e->unsettled_tail = p;
}

/* Let a worker settle what waits. */
static void
start_round(struct process *p)
{
	struct settle_round *round = xcalloc(1, sizeof(*round));

	round->job.run = settle_round_job;
	round->process = p;
	fill_round(p->engine, round);
	p->engine->settle_rounds++;
	p->engine->round_ms = clock_mono_ms();
	queue_push_always(p->work, &round->job);
}

static void
enqueue(struct run *r)
{
	struct engine *e = r->process->engine;

	if (e->unsettled == NULL)
		e->unsettled_tail = &e->unsettled;
	r->next_unsettled = NULL;
	*e->unsettled_tail = r;
	e->unsettled_tail = &r->next_unsettled;
	e->n_unsettled++;
}

void
settle_hurry(struct process *p)
{
	if (p->engine->unsettled != NULL && p->engine->settle_rounds < SETTLE_ROUNDS_MAX)
		start_round(p);
}

/* Calls that took from allowances: the first at once, those that come soon after it
 * together, some milliseconds later, or when there is no other left to wait for. */
static void
gather(struct process *p)
{
	struct engine *e = p->engine;
	int64_t since_ms = clock_mono_ms() - e->round_ms;
	/* what failed is asked again at the pace of rounds, or it would be in a loop */
	bool are_all = e->n_unsettled == e->n_runs && !e->unsettled->settle_failed;

	if (e->n_unsettled >= SETTLE_CALLS || ((since_ms >= GATHER_MS || are_all) && e->settle_rounds == 0))
		settle_hurry(p);
	else if (!reactor_timer_running(e->round_timer))
		reactor_timer_start(e->round_timer, since_ms < GATHER_MS ? GATHER_MS - since_ms : GATHER_MS);
}

void
settle_soon(struct run *r)
{
	struct engine *e = r->process->engine;

	enqueue(r);
	if (r->flight != NULL) {
		gather(r->process);
		return;
	}
	if (e->settle_rounds == 0 || e->n_unsettled >= SETTLE_TOGETHER)
		settle_hurry(r->process);
	/* a round may wait for a row that somebody else keeps locked */
	run_wake(r, SETTLE_OVERDUE_MS);
}

/* Those that are at work may wait for a row that somebody else keeps locked: not for them. */
void
settle_gathered(void *process)
{
	struct engine *e = ((struct process *)process)->engine;

	settle_hurry(process);
	if (e->unsettled != NULL)
		reactor_timer_start(e->round_timer, GATHER_MS);
}

/* A round is over. */
static void
go_on(struct process *p)
{
	const struct run *first = p->engine->unsettled;

	if (first != NULL && first->flight != NULL)
		gather(p);
	else if (p->engine->settle_rounds == 0)
		settle_hurry(p);
}

static void
settle_round_over(void *arg)
{
	struct settle_round *round = arg;
	struct process *p = round->process;

	p->engine->settle_rounds--;
	for (size_t i = 0; i < round->n; i++) {
		struct run *r = round->runs[i];

		if (r->settle_failed) { /* money must end: as long as this process lives */
			enqueue(r);
			run_wake(r, SETTLE_AGAIN_MS);
		} else {
			run_settled(r);
		}
	}
	free(round);
	go_on(p);
}
