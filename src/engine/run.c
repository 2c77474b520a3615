/*
 * A run on the reactor, from the hand-over by its worker to the terminal event:
 * what its call brings goes to the reader and the journal.  See run.h.
 */
#include "engine/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/key_use.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "core/events.h"
#include "engine/allowance.h"
#include "engine/private.h"
#include "io/reactor.h"
#include "io/redis.h"
#include "ledger/credits.h"
#include "ledger/usage_live.h"
#include "score/board.h"

#define RUN_ARENA_BYTES 256 /* ids and names of a turn */
#define RUN_ARENA_MAX_BYTES 262144

static const char *const state_names[] = { "opened", "running", "settling" };

static void
move(struct run *r, enum run_state to)
{
	if (to == r->state + 1 || (r->state == RUN_OPENED && to == RUN_SETTLING))
		LOG(DEBUG, "run_state", LS("task_id", r->task.id), LS("from", state_names[r->state]),
		    LS("to", state_names[to]));
	else /* a bug that must not take other people's streams with it */
		LOG(ERROR, "run_state_impossible", LS("task_id", r->task.id), LS("from", state_names[r->state]),
		    LS("to", state_names[to]));
	r->state = to;
}

/* ---- making, on a worker ---------------------------------------------------------- */

struct run *
run_new(struct request *rq, const struct kind *kind, const struct reader_wants *wants)
{
	struct run *r = xcalloc(1, sizeof(*r));

	r->process = rq->cx.process;
	r->kind = kind;
	r->arena = arena_new(RUN_ARENA_BYTES, RUN_ARENA_MAX_BYTES);
	uuid_v7(r->task.id);
	memcpy(r->task.user_id, rq->cx.caller.user_id, UUID_LEN);
	r->trace_id = arena_strdup(r->arena, rq->cx.trace_id);
	guard_init(&r->guard, &rq->cx.caller);
	r->started_us = rq->started_us;
	answer_init(&r->answer, rq->cx.conf->upstream_max_answer_bytes);
	reader_prepare(&r->reader, r->arena, rq, wants);
	r->request_id = r->reader.request_id;
	call_init(&r->call, r->process, &(struct call_ids){ r->task.id, r->request_id }, &r->answer, r->arena);
	return r;
}

void
run_free(struct run *r)
{
	if (r == NULL)
		return;
	if (r->own != NULL && r->kind->free_own != NULL)
		r->kind->free_own(r->own);
	call_free(&r->call);
	answer_free(&r->answer);
	reader_free(&r->reader);
	free(r->end_json);
	arena_free(r->arena);
	free(r);
}

bool
run_delivers(const struct run *r)
{
	return r->kind->keeps || !r->reader.wants.whole;
}

/* ---- delivering --------------------------------------------------------------------- */

/* Give the reader and the journal what the last bytes from upstream held: one
 * event for all that came at once. */
static void
on_content(void *arg)
{
	struct run *r = arg;
	struct answer *a = &r->answer;
	struct piece piece;

	if (r->first_content_us == 0) {
		r->first_content_us = clock_mono_us() - r->started_us;
		score_observe_first_token(r->process->score, r->first_content_us);
	}
	a->delivered += a->pending.len + (answer_has_bytes(a) ? a->bytes.len : 0);
	piece = answer_piece(a);
	if (run_delivers(r) && r->flight != NULL)
		flight_note(r->flight, &piece, r->call.at.channel_id);
	else if (run_delivers(r) && piece.len > 0)
		journal_add(r, &piece);
	if (!reader_give(&r->reader, a, r->process->conf->stream_high_water))
		call_pause(&r->call);
}

/* ---- the end -------------------------------------------------------------------------- */

/* The only way to the end: nothing more comes, what is left is delivered, settle. */
static void
end(struct run *r, enum outcome outcome, enum status why, const char *detail)
{
	if (r->state == RUN_SETTLING)
		return;
	call_drop(&r->call);
	if (answer_pends(&r->answer))
		on_content(r);
	journal_flush(r);
	move(r, RUN_SETTLING);
	r->outcome = outcome;
	r->why = why;
	r->detail = arena_strdup(r->arena, detail);
	r->is_unread = r->reader_left;
	settle_soon(r);
}

static void
on_call_end(void *arg, enum status st, const char *detail)
{
	end(arg, st == OK ? OUTCOME_COMPLETED : OUTCOME_FAILED, st, detail);
}

static const struct call_observer observer = { .on_content = on_content, .on_end = on_call_end };

void
run_stop(struct run *r, enum status why)
{
	end(r, why == E_CANCELLED ? OUTCOME_CANCELLED : OUTCOME_FAILED, why, "stopped");
}

/* The grace for a reader who left is over, or a settlement takes long. */
static void
on_timer(void *arg)
{
	struct run *r = arg;

	if (r->state == RUN_SETTLING)
		settle_hurry(r->process);
	else
		end(r, OUTCOME_CANCELLED, E_CANCELLED, "the reader left");
}

void
run_wake(struct run *r, int64_t ms)
{
	if (r->timer == NULL) /* most streams need none before their end */
		r->timer = reactor_timer_new(r->process->reactor, on_timer, r);
	reactor_timer_start(r->timer, ms);
}

/* ---- the reader ------------------------------------------------------------------------ */

/* Who lost the connection may ask the same again, without a key to say so. */
static void
note_repeat(struct run *r)
{
	char ms[24];
	const char *argv[] = { "SET", r->repeat_key, r->task.id, "PX", ms };

	if (r->repeat_key == NULL)
		return;
	snprintf(ms, sizeof(ms), "%lld", (long long)r->process->conf->stream_resume_window);
	redis_async_command(r->process->redis, NULL, NULL, 5, argv, NULL);
	redis_async_flush(r->process->redis);
}

static void
on_reader_gone(void *arg)
{
	struct run *r = arg;
	int64_t grace_ms = r->process->conf->stream_disconnect_grace;

	r->reader_left = true;
	note_repeat(r);
	score_add(r->process->score, SCORE_STREAMS_ABANDONED, 1);
	reader_abandon(&r->reader);
	if (r->state == RUN_SETTLING)
		return;
	if (call_resume(&r->call) && r->state == RUN_SETTLING) /* resuming may bring the end */
		return;
	if (call_leave(&r->call))
		return;
	if (grace_ms == 0)
		end(r, OUTCOME_CANCELLED, E_CANCELLED, "the reader left");
	else
		run_wake(r, grace_ms);
}

static void
on_reader_drained(void *arg)
{
	struct run *r = arg;

	call_resume(&r->call);
}

/* ---- beginning and end ------------------------------------------------------------------- */

static void
on_lease_lost(void *arg)
{
	run_stop(arg, E_INTERRUPTED);
}

/* Its session was revoked, or its user disabled. */
static void
on_session_over(void *arg)
{
	end(arg, OUTCOME_CANCELLED, E_CANCELLED, "the session is over");
}

/* A call without a row in tasks is nothing that a page could show. */
static void
publish_task(struct run *r, const char *status)
{
	if (r->allowance != NULL)
		return;
	events_publish(r->process->redis, r->process->conf, r->task.user_id, "task", r->kind->event(r, status));
}

static void
publish_balance(struct run *r)
{
	if (r->allowance != NULL) {
		allowance_tell(r->process, r->allowance, r->task.balance_ucr);
		return;
	}
	events_publish(r->process->redis, r->process->conf, r->task.user_id, "balance",
	    credits_event(r->task.balance_ucr, r->task.held_ucr));
}

static void
carry(void *arg, struct fcgi_conn *conn)
{
	struct run *r = arg;
	struct process *p = r->process;

	table_add(p->engine, r);
	score_peak(p->score, SCORE_STREAMS_MAX, (int64_t)atomic_fetch_add(&p->streams, 1) + 1);
	score_add(p->score, SCORE_STREAMS_OPEN, 1);
	score_add(p->score, SCORE_STREAMS_STARTED, 1);
	if (r->task.hold_ucr > 0)
		score_add(p->score, SCORE_HOLDS_OPEN, 1);
	r->lease = lease_start(p, &r->task.slots, on_lease_lost, r);
	guard_set(p, &r->guard, on_session_over, r);
	move(r, RUN_RUNNING);
	reader_open(&r->reader, p, conn, on_reader_gone, on_reader_drained, r);
	reader_start(&r->reader, r->start_json);
	reader_flush(&r->reader);
	publish_task(r, "running");
	if (r->task.hold_ucr > 0 && r->allowance == NULL)
		publish_balance(r);
	call_start(&r->call, &observer, r);
}

void
run_hand_over(struct request *rq, struct run *r)
{
	call_keep(&r->call, rq->cx.arena);
	rq->keep_arena = true;
	rq->carry = carry;
	rq->carry_arg = r;
}

static void
count_end(struct run *r)
{
	struct scoreboard_slot *s = r->process->score;

	score_add(s,
	    r->outcome == OUTCOME_COMPLETED    ? SCORE_STREAMS_COMPLETED
		: r->outcome == OUTCOME_FAILED ? SCORE_STREAMS_FAILED
					       : SCORE_STREAMS_CANCELLED,
	    1);
	score_add(s, SCORE_STREAMS_OPEN, -1);
	if (r->task.hold_ucr > 0)
		score_add(s, SCORE_HOLDS_OPEN, -1);
	score_add(s, SCORE_TOKENS_IN, r->usage.input_tokens);
	score_add(s, SCORE_TOKENS_OUT, r->usage.output_tokens);
	LOG(INFO, "stream", LS("task_id", r->task.id), LS("request_id", r->request_id), LS("user_id", r->task.user_id),
	    LS("trace_id", r->trace_id), LS("status", r->task_status),
	    LS("code", r->why == OK ? NULL : status_code(r->why)), LS("detail", r->detail),
	    LS("model", r->call.at.model_name), LS("channel", r->call.at.channel_name),
	    LI("input_tokens", r->usage.input_tokens), LI("output_tokens", r->usage.output_tokens),
	    LI("estimated", r->usage.estimated), LI("charged_ucr", r->task.charged_ucr),
	    LI("reader_left", r->reader_left), LMS("first_token_ms", r->first_content_us),
	    LMS("ms", clock_mono_us() - r->started_us));
}

/* Who watches the key's use, and who looks at the page. */
static void
tell_use(const struct run *r)
{
	if (r->guard.of_key)
		key_spent(r->process, r->guard.id, r->usage.input_tokens + r->usage.output_tokens);
	usage_live(r->process,
	    &(struct usage_news){ .user_id = r->task.user_id,
		.request_tokens = r->usage.input_tokens,
		.response_tokens = r->usage.output_tokens,
		.cost_ucr = r->task.charged_ucr,
		.failed = r->outcome == OUTCOME_FAILED });
}

void
run_settled(struct run *r)
{
	struct process *p = r->process;

	if (r->allowance == NULL)
		journal_end(r);
	lease_end(r->lease);
	guard_off(&r->guard);
	publish_task(r, r->task_status);
	publish_balance(r);
	if (r->allowance != NULL)
		allowance_leave(p, r->allowance);
	reader_end(&r->reader, r->answer.delivered, r->end_json);
	count_end(r);
	tell_use(r);
	table_remove(p->engine, r);
	atomic_fetch_sub(&p->streams, 1);
	journal_forget(r);
	reactor_timer_free(r->timer);
	run_free(r);
}
