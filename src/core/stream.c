/*
 * The stream engine: a turn on the reactor, from the first try of a channel to
 * the terminal event.  See turn_private.h for the states.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/queue.h"
#include "core/credits.h"
#include "core/events.h"
#include "core/scoreboard.h"
#include "core/turn_private.h"
#include "io/http.h"
#include "io/reactor.h"

#define ATTEMPT_ARENA_BYTES 1024
#define SETTLE_AGAIN_MS 500 /* PostgreSQL was away: try the settlement again */

static void contact(struct turn *t);
static void end(struct turn *t, enum turn_outcome outcome, enum status why, const char *detail);
static void arm_timer(struct turn *t);

static const char *const state_names[] = { "opened", "contacting", "backoff", "flowing", "settling" };

static void
turn_move(struct turn *t, enum turn_state to)
{
	LOG(DEBUG, "turn_state", LS("task_id", t->task_id), LS("from", state_names[t->state]),
	    LS("to", state_names[to]));
	t->state = to;
}

/* ---- the table of live turns ------------------------------------------------- */

static unsigned
bucket_of(const char *task_id)
{
	unsigned h = 2166136261u; /* FNV-1a */

	for (; *task_id != '\0'; task_id++)
		h = (h ^ (unsigned char)*task_id) * 16777619u;
	return h % PROCESS_TURN_BUCKETS;
}

static void
table_add(struct process *p, struct turn *t)
{
	struct turn **head = &p->turns[bucket_of(t->task_id)];

	t->next = *head;
	if (t->next != NULL)
		t->next->prev = &t->next;
	t->prev = head;
	*head = t;
	p->n_turns++;
}

static void
table_remove(struct process *p, struct turn *t)
{
	*t->prev = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	p->n_turns--;
}

struct turn *
turn_find(struct process *p, const char *task_id)
{
	struct turn *t = p->turns[bucket_of(task_id)];

	while (t != NULL && strcmp(t->task_id, task_id) != 0)
		t = t->next;
	return t;
}

void
turn_stop(struct turn *t, enum status why)
{
	end(t, why == E_CANCELLED ? OUTCOME_CANCELLED : OUTCOME_FAILED, why, "stopped");
}

void
turns_stop_all(struct process *p, enum status why)
{
	for (size_t i = 0; i < PROCESS_TURN_BUCKETS; i++)
		for (struct turn *t = p->turns[i]; t != NULL; t = t->next)
			turn_stop(t, why);
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
	arm_timer(t);
}

/* Give the reader and the journal what the last bytes from upstream held: one
 * event for all that came at once. */
static void
deliver(struct turn *t)
{
	size_t len = t->pending.len;

	if (len == 0)
		return;
	if (t->state == TURN_CONTACTING)
		start_flowing(t);
	t->delivered += len;
	journal_add(t, t->pending_reasoning, t->pending.data, len);
	reader_delta(&t->reader, t->pending_reasoning, t->delivered, t->pending.data, len);
	buf_clear(&t->pending);
	if (t->reader.sink != NULL && t->transfer != NULL &&
	    sink_unsent(t->reader.sink) > t->process->conf->chat_high_water)
		http_pause(t->transfer);
}

static void
on_text(struct turn *t, bool reasoning, const char *text, size_t len)
{
	struct buf *whole = reasoning ? &t->reasoning : &t->text;

	if (len == 0)
		return;
	if (t->pending_reasoning != reasoning)
		deliver(t);
	t->pending_reasoning = reasoning;
	if (buf_add(whole, text, len))
		buf_add(&t->pending, text, len);
	else { /* longer than we keep: an answer that stops, and says so */
		t->finished = true;
		t->finish = FINISH_LENGTH;
	}
}

/* ---- the upstream transfer ------------------------------------------------------ */

static void
drop_transfer(struct turn *t)
{
	if (t->transfer != NULL) {
		score_add(t->process->score, SCORE_UPSTREAM_OPEN, -1);
		http_cancel(t->transfer);
		t->transfer = NULL;
	}
	if (t->parser != NULL) {
		t->provider->parser_free(t->parser);
		t->parser = NULL;
	}
	buf_free(&t->error_body);
}

static bool
next_candidate(struct turn *t, bool same_model)
{
	if (same_model && t->channel + 1 < t->model->n_channels) {
		t->channel++;
	} else if (!t->on_fallback && t->plan->fallback != NULL) {
		const struct conf *conf = t->process->conf;

		t->on_fallback = true;
		t->model = t->plan->fallback;
		t->channel = 0;
		t->first_byte_by_ms = clock_mono_ms() +
		    (t->plan->timeout_ms > 0 ? t->plan->timeout_ms : conf->chat_first_byte_timeout);
	} else {
		return false;
	}
	t->tries = 0;
	score_add(t->process->score, SCORE_UPSTREAM_FALLBACKS, 1);
	return true;
}

/* Exponential back-off with full jitter in its upper half; what the provider
 * asked for if that is longer. */
static int64_t
backoff_ms(const struct turn *t, const struct provider_failure *f)
{
	int64_t ms = t->process->conf->chat_retry_base << (t->tries - 1 < 10 ? t->tries - 1 : 10);

	ms = ms / 2 + (int64_t)(random() % (ms / 2 + 1));
	return ms > f->retry_after_ms ? ms : f->retry_after_ms;
}

/* A try of a channel failed.  Before the first delivered byte: again, another
 * channel, the fallback model, in this order; afterwards the turn ends. */
static void
attempt_failed(struct turn *t, const struct provider_failure *f)
{
	int64_t now_ms = clock_mono_ms(), pause_ms;

	drop_transfer(t);
	score_add(t->process->score, SCORE_UPSTREAM_FAILURES, 1);
	LOG(WARN, "upstream_failed", LS("task_id", t->task_id), LS("request_id", t->request_id),
	    LS("channel", t->channel_name), LS("model", t->model_name), LS("code", status_code(f->status)),
	    LS("detail", f->detail), LI("try", t->tries), LI("delivered_bytes", t->delivered));
	if (t->state == TURN_FLOWING) {
		end(t, OUTCOME_FAILED, f->status, f->detail);
		return;
	}
	pause_ms = backoff_ms(t, f);
	if (f->retryable && t->tries <= t->process->conf->chat_retries && now_ms + pause_ms < t->first_byte_by_ms) {
		score_add(t->process->score, SCORE_UPSTREAM_RETRIES, 1);
		t->backoff_by_ms = now_ms + pause_ms;
		turn_move(t, TURN_BACKOFF);
		arm_timer(t);
	} else if ((f->retryable || f->next_channel) && next_candidate(t, true)) {
		contact(t);
	} else {
		end(t, OUTCOME_FAILED, f->status, f->detail);
	}
}

static void
transport_failed(struct turn *t, enum status st, const char *detail)
{
	struct provider_failure f;

	provider_failure_transport(&f, st, detail);
	attempt_failed(t, &f);
}

static void
answer_complete(struct turn *t)
{
	drop_transfer(t);
	deliver(t);
	if (t->delivered > 0 && t->finish == FINISH_FILTERED)
		end(t, OUTCOME_FAILED, E_CONTENT_VIOLATION, "filtered by the provider");
	else if (t->delivered > 0)
		end(t, OUTCOME_COMPLETED, OK, NULL);
	else if (t->finish == FINISH_FILTERED)
		end(t, OUTCOME_FAILED, E_CONTENT_VIOLATION, "filtered by the provider");
	else
		transport_failed(t, E_UPSTREAM_FAILED, "empty answer");
}

static void
on_provider_event(void *arg, const struct provider_event *e)
{
	struct turn *t = arg;

	switch (e->kind) {
	case PROVIDER_TEXT:
	case PROVIDER_REASONING: on_text(t, e->kind == PROVIDER_REASONING, e->text, e->len); break;
	case PROVIDER_USAGE:
		t->usage_input = e->input_tokens;
		t->usage_output = e->output_tokens;
		break;
	case PROVIDER_FINISH:
		t->finished = true;
		t->finish = e->finish;
		break;
	case PROVIDER_FAILURE: /* kept until the parser has returned */
		t->http_status = -1;
		buf_clear(&t->error_body);
		buf_add(&t->error_body, &e->failure, sizeof(e->failure));
		break;
	}
}

static void
on_headers(void *arg, int http_status)
{
	struct turn *t = arg;

	t->http_status = http_status;
	if (http_status / 100 == 2)
		t->parser = t->provider->parser_new(true);
}

/* A failure the parser reported from within the answer. */
static void
failed_inside(struct turn *t)
{
	struct provider_failure f;

	memcpy(&f, t->error_body.data, sizeof(f));
	deliver(t);
	attempt_failed(t, &f);
}

static void
on_data(void *arg, const char *data, size_t len)
{
	struct turn *t = arg;

	t->last_data_ms = clock_mono_ms();
	if (t->parser == NULL) {
		buf_add(&t->error_body, data, len);
		return;
	}
	t->provider->parser_feed(t->parser, data, len, on_provider_event, t);
	if (t->http_status == -1) {
		failed_inside(t);
		return;
	}
	deliver(t);
	if (t->text.overflow || t->reasoning.overflow)
		answer_complete(t);
}

static void
http_failed(struct turn *t)
{
	const char *retry_after = http_header(t->transfer, "Retry-After");
	struct provider_failure f = { .status = E_UPSTREAM_FAILED };

	t->provider->failure(t->http_status, retry_after, buf_str(&t->error_body), t->error_body.len, &f);
	attempt_failed(t, &f);
}

static void
on_done(void *arg, enum http_result result, const char *detail)
{
	struct turn *t = arg;
	bool complete = false;

	if (result == HTTP_OK && t->parser == NULL) {
		http_failed(t);
		return;
	}
	if (t->parser != NULL) {
		complete = t->provider->parser_end(t->parser, on_provider_event, t);
		if (t->http_status == -1) {
			failed_inside(t);
			return;
		}
		deliver(t);
	}
	if (result == HTTP_OK && complete)
		answer_complete(t);
	else if (result == HTTP_FORBIDDEN)
		transport_failed(t, E_UPSTREAM_FAILED, "address not allowed (channel's allow_private)");
	else
		transport_failed(t, result == HTTP_TIMEOUT ? E_UPSTREAM_TIMEOUT : E_UPSTREAM_FAILED,
		    result == HTTP_OK ? "the answer was cut" : detail);
}

/* Note what the candidate at work costs and is called, for the settlement. */
static void
take_candidate(struct turn *t, const struct plan_channel *ch)
{
	const struct plan_model *m = t->model;

	t->price = (struct turn_price){ m->id, m->price_input_ucr, m->price_output_ucr, m->price_call_ucr,
		m->context_tokens, m->max_output_tokens };
	if (t->model_name == NULL || strcmp(t->model_name, m->name) != 0)
		t->model_name = arena_strdup(t->arena, m->name);
	if (t->channel_name == NULL || strcmp(t->channel_name, ch->name) != 0)
		t->channel_name = arena_strdup(t->arena, ch->name);
	t->channel_id = ch->id;
	t->tries++;
	t->http_status = 0;
	t->usage_input = t->usage_output = -1;
	t->finished = false;
}

static enum status
build_request(struct turn *t, const struct plan_channel *ch, struct provider_request *out)
{
	struct provider_call call = {
		.base_url = ch->base_url,
		.api_key = ch->api_key,
		.model = ch->upstream_name,
		.messages = t->messages,
		.n_messages = t->n_messages,
		.max_output_tokens = t->model->max_output_tokens,
		.temperature = t->plan->temperature,
		.stream = true,
		.traceparent = t->traceparent,
		.task_id = t->task_id,
	};

	t->provider = provider_find(ch->provider);
	if (t->provider == NULL)
		return E_UPSTREAM_FAILED;
	arena_free(t->attempt);
	t->attempt = arena_new(ATTEMPT_ARENA_BYTES, t->process->conf->server_request_memory);
	return t->provider->build(t->attempt, &call, out);
}

/* Ask the current candidate. */
static void
contact(struct turn *t)
{
	const struct plan_channel *ch = &t->model->channels[t->channel];
	struct provider_request rq;
	enum status st;

	take_candidate(t, ch);
	turn_move(t, TURN_CONTACTING);
	if ((st = build_request(t, ch, &rq)) != OK) {
		struct provider_failure f = { .status = st, .next_channel = true };

		snprintf(f.detail, sizeof(f.detail), "provider \"%s\" cannot put this request", ch->provider);
		attempt_failed(t, &f);
		return;
	}
	score_add(t->process->score, SCORE_UPSTREAM_REQUESTS, 1);
	score_add(t->process->score, SCORE_UPSTREAM_OPEN, 1);
	t->transfer = http_start(t->process->http,
	    &(struct http_spec){
		.method = rq.method,
		.url = rq.url,
		.headers = rq.headers,
		.body = rq.body,
		.body_len = rq.body_len,
		.connect_timeout_ms = t->process->conf->chat_connect_timeout,
		.allow_private = ch->allow_private,
		.arg = t,
		.on_headers = on_headers,
		.on_data = on_data,
		.on_done = on_done,
	    });
	arm_timer(t);
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
	bool waiting = t->state == TURN_FLOWING &&
	    (t->reader.sink == NULL || sink_unsent(t->reader.sink) <= t->process->conf->chat_high_water);

	return waiting ? t->last_data_ms + t->process->conf->chat_idle_timeout : 0;
}

/* One timer for all deadlines.  Idle deadlines only move away, so the timer is
 * set when something starts and looks again when it fires. */
static void
arm_timer(struct turn *t)
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
		queue_push_always(t->process->work, &t->job);
	} else if (t->grace_by_ms != 0 && now_ms >= t->grace_by_ms) {
		end(t, OUTCOME_CANCELLED, E_CANCELLED, "the reader left");
	} else if (now_ms >= t->total_by_ms) {
		end(t, OUTCOME_FAILED, E_UPSTREAM_TIMEOUT, "total time");
	} else if (t->first_byte_by_ms != 0 && now_ms >= t->first_byte_by_ms) {
		LOG(WARN, "first_byte_timeout", LS("task_id", t->task_id), LS("model", t->model_name),
		    LS("channel", t->channel_name));
		drop_transfer(t);
		if (next_candidate(t, false))
			contact(t);
		else
			end(t, OUTCOME_FAILED, E_UPSTREAM_TIMEOUT, "first byte");
	} else if (t->state == TURN_BACKOFF && now_ms >= t->backoff_by_ms) {
		contact(t);
	} else if (idle_ms != 0 && now_ms >= idle_ms) {
		transport_failed(t, E_UPSTREAM_TIMEOUT, "silent for too long");
	} else {
		arm_timer(t);
	}
}

/* ---- the reader ------------------------------------------------------------------------ */

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
	if (t->transfer != NULL)
		http_resume(t->transfer);
	if (t->state == TURN_SETTLING) /* resuming brought the end */
		return;
	if (grace_ms == 0 || t->mode == TURN_DEBUG) {
		end(t, OUTCOME_CANCELLED, E_CANCELLED, "the reader left");
		return;
	}
	t->grace_by_ms = clock_mono_ms() + grace_ms;
	arm_timer(t);
}

static void
on_reader_drained(void *arg)
{
	struct turn *t = arg;

	t->last_data_ms = clock_mono_ms(); /* the pause was ours, not the provider's */
	if (t->transfer != NULL)
		http_resume(t->transfer);
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

	table_add(p, t);
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
	publish_task(t, "running");
	if (t->hold_ucr > 0)
		publish_balance(t);
	contact(t);
}

static void
end(struct turn *t, enum turn_outcome outcome, enum status why, const char *detail)
{
	if (t->state == TURN_SETTLING)
		return;
	drop_transfer(t);
	deliver(t);
	journal_flush(t);
	reactor_timer_stop(t->timer);
	turn_move(t, TURN_SETTLING);
	t->outcome = outcome;
	t->why = why;
	snprintf(t->detail, sizeof(t->detail), "%s", detail == NULL ? "" : detail);
	queue_push_always(t->process->work, &t->job);
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
	    LS("code", t->why == OK ? NULL : status_code(t->why)),
	    LS("detail", t->detail[0] == '\0' ? NULL : t->detail), LS("model", t->model_name),
	    LS("channel", t->channel_name), LI("input_tokens", t->input_tokens), LI("output_tokens", t->output_tokens),
	    LI("estimated", t->estimated), LI("charged_ucr", t->charged_ucr), LI("reader_left", t->reader_left),
	    LMS("first_token_ms", t->first_token_us), LMS("ms", clock_mono_us() - t->started_us));
}

static void
finish(struct turn *t)
{
	struct process *p = t->process;

	journal_end(t);
	lease_end(t->lease);
	publish_task(t, t->task_status);
	publish_balance(t);
	reader_end(&t->reader, t->delivered, t->end_json);
	count_end(t);
	table_remove(p, t);
	atomic_fetch_sub(&p->streams, 1);
	journal_forget(t);
	reactor_timer_free(t->timer);
	turn_free(t);
}

void
turn_settled(void *arg)
{
	struct turn *t = arg;

	if (t->settle_failed) /* money must end: as long as this process lives */
		reactor_timer_start(t->timer, SETTLE_AGAIN_MS);
	else
		finish(t);
}
