/*
 * The stream engine: a turn on the reactor, from the hand-over by its worker to
 * the terminal event.  See turn_private.h for the states and turn_upstream.c
 * for the way to the model.
 */
#include "base/clock.h"
#include "base/log.h"
#include "ledger/credits.h"
#include "core/events.h"
#include "score/board.h"
#include "engine/turn_private.h"
#include "io/http.h"
#include "io/reactor.h"

static const char *const state_names[] = { "opened", "contacting", "backoff", "flowing", "settling" };

/* The arrows of turn_private.h: bit n, state n may come next. */
static const unsigned may_become[] = {
	[TURN_OPENED] = 1u << TURN_CONTACTING | 1u << TURN_SETTLING,
	[TURN_CONTACTING] = 1u << TURN_CONTACTING | 1u << TURN_BACKOFF | 1u << TURN_FLOWING | 1u << TURN_SETTLING,
	[TURN_BACKOFF] = 1u << TURN_CONTACTING | 1u << TURN_SETTLING,
	[TURN_FLOWING] = 1u << TURN_SETTLING,
	[TURN_SETTLING] = 0,
};

void
turn_move(struct turn *t, enum turn_state to)
{
	if (may_become[t->state] & 1u << to)
		LOG(DEBUG, "turn_state", LS("task_id", t->task_id), LS("from", state_names[t->state]),
		    LS("to", state_names[to]));
	else /* a bug that must not take other people's streams with it */
		LOG(ERROR, "turn_state_impossible", LS("task_id", t->task_id), LS("from", state_names[t->state]),
		    LS("to", state_names[to]));
	t->state = to;
}

/* ---- delivering ---------------------------------------------------------------- */

/* The first content decides the channel: what only other tries would need goes. */
static void
start_flowing(struct turn *t)
{
	t->first_token_us = clock_mono_us() - t->started_us;
	score_observe_first_token(t->process->score, t->first_token_us);
	turn_move(t, TURN_FLOWING);
	t->first_byte_by_ms = 0;
	t->plan = NULL;
	t->messages = NULL;
	t->model = NULL;
	arena_free(t->prep);
	t->prep = NULL;
	if (t->transfer == NULL || http_sent(t->transfer)) { /* a provider may answer before it has read it all */
		arena_free(t->attempt);
		t->attempt = NULL;
	}
	turn_arm_timer(t);
}

/* Give the reader and the journal what the last bytes from upstream held: one
 * event for all that came at once. */
void
turn_deliver(struct turn *t)
{
	size_t len = t->pending.len;

	if (len == 0)
		return;
	if (t->state == TURN_CONTACTING)
		start_flowing(t);
	t->delivered += len;
	journal_add(t, t->pending_reasoning, t->pending.data, len);
	reader_delta(&t->reader, t->pending_reasoning, t->delivered, t->pending.data, len);
	reader_flush(&t->reader);
	buf_free(&t->pending); /* a stream waits most of the time */
	if (t->reader.sink != NULL && t->transfer != NULL &&
	    sink_unsent(t->reader.sink) > t->process->conf->chat_high_water)
		http_pause(t->transfer);
}

/* ---- time --------------------------------------------------------------------------- */

static int64_t
earlier(int64_t a_ms, int64_t b_ms)
{
	return a_ms == 0 || (b_ms != 0 && b_ms < a_ms) ? b_ms : a_ms;
}

static int64_t
idle_by_ms(const struct turn *t)
{
	/* paused: it is we who keep the provider waiting */
	bool waiting = t->state == TURN_FLOWING && (t->transfer == NULL || !http_paused(t->transfer));

	return waiting ? t->last_data_ms + t->process->conf->chat_idle_timeout : 0;
}

/* One timer for all deadlines.  Idle deadlines only move away, so the timer is
 * set when something starts and looks again when it fires. */
void
turn_arm_timer(struct turn *t)
{
	int64_t by_ms = earlier(earlier(t->total_by_ms, t->first_byte_by_ms), earlier(t->grace_by_ms, idle_by_ms(t)));
	int64_t left_ms;

	if (t->state == TURN_BACKOFF)
		by_ms = earlier(by_ms, t->backoff_by_ms);
	left_ms = by_ms - clock_mono_ms();
	reactor_timer_start(t->timer, left_ms > 1 ? left_ms : 1);
}

static void
on_timer(void *arg)
{
	struct turn *t = arg;
	int64_t now_ms = clock_mono_ms(), idle_ms = idle_by_ms(t);

	if (t->state == TURN_SETTLING) {
		settle_hurry(t->process);
	} else if (t->grace_by_ms != 0 && now_ms >= t->grace_by_ms) {
		turn_end(t, OUTCOME_CANCELLED, E_CANCELLED, "the reader left");
	} else if (now_ms >= t->total_by_ms) {
		turn_end(t, OUTCOME_FAILED, E_UPSTREAM_TIMEOUT, "total time");
	} else if (t->first_byte_by_ms != 0 && now_ms >= t->first_byte_by_ms) {
		LOG(WARN, "first_byte_timeout", LS("task_id", t->task_id), LS("model", t->model_name),
		    LS("channel", t->channel_name));
		upstream_drop(t);
		if (upstream_next(t, false))
			upstream_contact(t);
		else
			turn_end(t, OUTCOME_FAILED, E_UPSTREAM_TIMEOUT, "first byte");
	} else if (t->state == TURN_BACKOFF && now_ms >= t->backoff_by_ms) {
		upstream_contact(t);
	} else if (idle_ms != 0 && now_ms >= idle_ms) {
		upstream_fail(t, E_UPSTREAM_TIMEOUT, "silent for too long");
	} else {
		turn_arm_timer(t);
	}
}

/* ---- the reader ------------------------------------------------------------------------ */

/* Go on with what was paused: the pause was ours, not the provider's.  False
 * when nothing was; resuming may bring the end. */
static bool
resume_upstream(struct turn *t)
{
	if (t->transfer == NULL || !http_paused(t->transfer))
		return false;
	t->last_data_ms = clock_mono_ms();
	http_resume(t->transfer);
	return true;
}

static void
on_reader_gone(void *arg)
{
	struct turn *t = arg;
	int64_t grace_ms = t->process->conf->chat_disconnect_grace;

	t->reader_left = true;
	score_add(t->process->score, SCORE_STREAMS_ABANDONED, 1);
	reader_abandon(&t->reader);
	if (t->state == TURN_SETTLING)
		return;
	if (resume_upstream(t) && t->state == TURN_SETTLING)
		return;
	if (grace_ms == 0 || t->mode == TURN_DEBUG) {
		turn_end(t, OUTCOME_CANCELLED, E_CANCELLED, "the reader left");
		return;
	}
	t->grace_by_ms = clock_mono_ms() + grace_ms;
	turn_arm_timer(t);
}

static void
on_reader_drained(void *arg)
{
	struct turn *t = arg;

	if (resume_upstream(t) && t->state == TURN_FLOWING)
		turn_arm_timer(t);
}

/* ---- beginning and end ------------------------------------------------------------------- */

static void
on_lease_lost(void *arg)
{
	turn_stop(arg, E_INTERRUPTED);
}

static void
publish_task(struct turn *t, const char *status)
{
	if (t->mode != TURN_DEBUG)
		events_publish(t->process->redis, t->process->conf, t->user_id, "task",
		    json_pack("{s:s, s:s, s:s, s:s}", "id", t->task_id, "status", status, "conversation_id",
			t->conversation_id, "message_id", t->message_id));
}

static void
publish_balance(struct turn *t)
{
	if (t->mode != TURN_DEBUG)
		events_publish(t->process->redis, t->process->conf, t->user_id, "balance",
		    credits_event(t->balance_ucr, t->held_ucr));
}

void
turn_carry(void *arg, struct fcgi_conn *conn)
{
	struct turn *t = arg;
	struct process *p = t->process;
	int64_t now_ms = clock_mono_ms();

	turn_table_add(p, t);
	score_peak(p->score, SCORE_STREAMS_MAX, (int64_t)atomic_fetch_add(&p->streams, 1) + 1);
	score_add(p->score, SCORE_STREAMS_OPEN, 1);
	score_add(p->score, SCORE_STREAMS_STARTED, 1);
	if (t->hold_ucr > 0 && t->mode != TURN_DEBUG)
		score_add(p->score, SCORE_HOLDS_OPEN, 1);
	if (t->mode != TURN_DEBUG)
		t->lease = lease_start(p, &t->slots, on_lease_lost, t);
	t->timer = reactor_timer_new(p->reactor, on_timer, t);
	t->total_by_ms = now_ms + p->conf->chat_total_timeout;
	t->first_byte_by_ms = now_ms +
	    (t->plan->timeout_ms > 0 ? t->plan->timeout_ms : p->conf->chat_first_byte_timeout);
	t->last_data_ms = now_ms;
	reader_open(&t->reader, p, conn, on_reader_gone, on_reader_drained, t);
	reader_start(&t->reader, t->start_json);
	reader_flush(&t->reader);
	publish_task(t, "running");
	if (t->hold_ucr > 0)
		publish_balance(t);
	upstream_contact(t);
}

void
turn_end(struct turn *t, enum turn_outcome outcome, enum status why, const char *detail)
{
	if (t->state == TURN_SETTLING)
		return;
	upstream_drop(t);
	turn_deliver(t);
	journal_flush(t);
	turn_move(t, TURN_SETTLING);
	t->outcome = outcome;
	t->why = why;
	t->detail = arena_strdup(t->arena, detail);
	settle_soon(t);
}

void
turn_stop(struct turn *t, enum status why)
{
	turn_end(t, why == E_CANCELLED ? OUTCOME_CANCELLED : OUTCOME_FAILED, why, "stopped");
}

static void
count_end(struct turn *t)
{
	struct scoreboard_slot *s = t->process->score;

	score_add(s,
	    t->outcome == OUTCOME_COMPLETED    ? SCORE_STREAMS_COMPLETED
		: t->outcome == OUTCOME_FAILED ? SCORE_STREAMS_FAILED
					       : SCORE_STREAMS_CANCELLED,
	    1);
	score_add(s, SCORE_STREAMS_OPEN, -1);
	if (t->hold_ucr > 0 && t->mode != TURN_DEBUG)
		score_add(s, SCORE_HOLDS_OPEN, -1);
	score_add(s, SCORE_TOKENS_IN, t->input_tokens);
	score_add(s, SCORE_TOKENS_OUT, t->output_tokens);
	LOG(INFO, "stream", LS("task_id", t->task_id), LS("request_id", t->request_id), LS("user_id", t->user_id),
	    LS("trace_id", t->trace_id), LS("status", t->task_status),
	    LS("code", t->why == OK ? NULL : status_code(t->why)), LS("detail", t->detail), LS("model", t->model_name),
	    LS("channel", t->channel_name), LI("input_tokens", t->input_tokens), LI("output_tokens", t->output_tokens),
	    LI("estimated", t->estimated), LI("charged_ucr", t->charged_ucr), LI("reader_left", t->reader_left),
	    LMS("first_token_ms", t->first_token_us), LMS("ms", clock_mono_us() - t->started_us));
}

void
turn_settled(struct turn *t)
{
	struct process *p = t->process;

	journal_end(t);
	lease_end(t->lease);
	publish_task(t, t->task_status);
	publish_balance(t);
	reader_end(&t->reader, t->delivered, t->end_json);
	count_end(t);
	turn_table_remove(p, t);
	atomic_fetch_sub(&p->streams, 1);
	journal_forget(t);
	reactor_timer_free(t->timer);
	turn_free(t);
}
