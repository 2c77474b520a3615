/*
 * A turn's way to the model: candidates one after the other, each tried over
 * HTTP, its answer understood by the provider's adapter.  What comes of it goes
 * to stream.c: pieces by turn_deliver(), the end by turn_end().  Reactor thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "score/board.h"
#include "engine/turn_private.h"
#include "io/http.h"

#define ATTEMPT_ARENA_BYTES 1024

/* ---- what the answer holds ----------------------------------------------------- */

static void
on_text(struct turn *t, bool reasoning, const char *text, size_t len)
{
	struct buf *whole = reasoning ? &t->reasoning : &t->text;

	if (len == 0)
		return;
	if (t->pending_reasoning != reasoning)
		turn_deliver(t);
	t->pending_reasoning = reasoning;
	if (buf_add(whole, text, len))
		buf_add(&t->pending, text, len);
	else { /* longer than we keep: an answer that stops, and says so */
		t->finished = true;
		t->finish = FINISH_LENGTH;
	}
}

void
upstream_drop(struct turn *t)
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

bool
upstream_next(struct turn *t, bool same_model)
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

	upstream_drop(t);
	score_add(t->process->score, SCORE_UPSTREAM_FAILURES, 1);
	LOG(WARN, "upstream_failed", LS("task_id", t->task_id), LS("request_id", t->request_id),
	    LS("channel", t->channel_name), LS("model", t->model_name), LS("code", status_code(f->status)),
	    LS("detail", f->detail), LI("try", t->tries), LI("delivered_bytes", t->delivered));
	if (t->state == TURN_FLOWING) {
		turn_end(t, OUTCOME_FAILED, f->status, f->detail);
		return;
	}
	pause_ms = backoff_ms(t, f);
	if (f->retryable && t->tries <= t->process->conf->chat_retries && now_ms + pause_ms < t->first_byte_by_ms) {
		score_add(t->process->score, SCORE_UPSTREAM_RETRIES, 1);
		t->backoff_by_ms = now_ms + pause_ms;
		turn_move(t, TURN_BACKOFF);
		turn_arm_timer(t);
	} else if ((f->retryable || f->next_channel) && upstream_next(t, true)) {
		upstream_contact(t);
	} else {
		turn_end(t, OUTCOME_FAILED, f->status, f->detail);
	}
}

void
upstream_fail(struct turn *t, enum status st, const char *detail)
{
	struct provider_failure f;

	provider_failure_transport(&f, st, detail);
	attempt_failed(t, &f);
}

static void
answer_complete(struct turn *t)
{
	upstream_drop(t);
	turn_deliver(t);
	if (t->delivered > 0 && t->finish == FINISH_FILTERED)
		turn_end(t, OUTCOME_FAILED, E_CONTENT_VIOLATION, "filtered by the provider");
	else if (t->delivered > 0)
		turn_end(t, OUTCOME_COMPLETED, OK, NULL);
	else if (t->finish == FINISH_FILTERED)
		turn_end(t, OUTCOME_FAILED, E_CONTENT_VIOLATION, "filtered by the provider");
	else
		upstream_fail(t, E_UPSTREAM_FAILED, "empty answer");
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
		t->inside = ARENA_NEW(t->arena, struct provider_failure);
		*t->inside = e->failure;
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

/* True when the answer itself reported a failure; the attempt is over then. */
static bool
failed_inside(struct turn *t)
{
	if (t->inside == NULL)
		return false;
	turn_deliver(t);
	attempt_failed(t, t->inside);
	return true;
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
	if (failed_inside(t))
		return;
	if (t->text.overflow || t->reasoning.overflow)
		answer_complete(t);
}

static void
on_batch(void *arg)
{
	turn_deliver(arg);
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
		if (failed_inside(t))
			return;
		turn_deliver(t);
	}
	if (result == HTTP_OK && complete)
		answer_complete(t);
	else if (result == HTTP_FORBIDDEN)
		upstream_fail(t, E_UPSTREAM_FAILED, "address not allowed (channel's allow_private)");
	else
		upstream_fail(t, result == HTTP_TIMEOUT ? E_UPSTREAM_TIMEOUT : E_UPSTREAM_FAILED,
		    result == HTTP_OK ? "the answer was cut" : detail);
}

/* Note what the candidate at work costs and is called, for the settlement. */
static void
take_candidate(struct turn *t, const struct offer_channel *ch)
{
	const struct offer_model *m = t->model;

	t->price = (struct turn_price){ m->id, m->price_input_ucr, m->price_output_ucr, m->price_call_ucr,
		m->context_tokens, m->max_output_tokens };
	if (t->model_name == NULL || strcmp(t->model_name, m->name) != 0)
		t->model_name = arena_strdup(t->arena, m->name);
	if (t->channel_name == NULL || strcmp(t->channel_name, ch->name) != 0)
		t->channel_name = arena_strdup(t->arena, ch->name);
	t->channel_id = ch->id;
	t->tries++;
	t->http_status = 0;
	t->inside = NULL;
	t->usage_input = t->usage_output = -1;
	t->finished = false;
	t->finish = FINISH_OTHER; /* the reason of an earlier try is none of this one's */
}

static enum status
build_request(struct turn *t, const struct offer_channel *ch, struct provider_request *out)
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
void
upstream_contact(struct turn *t)
{
	const struct offer_channel *ch = &t->model->channels[t->channel];
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
		.on_batch = on_batch,
		.on_done = on_done,
	    });
	turn_arm_timer(t);
}
