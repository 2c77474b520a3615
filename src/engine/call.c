#include "engine/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/candidates.h"
#include "engine/measure.h"
#include "io/http.h"
#include "io/reactor.h"
#include "score/board.h"
#include "wire/override.h"
#include "wire/own.h"

#define ATTEMPT_ARENA_BYTES 256
#define ATTEMPT_ARENA_MAX_BYTES 262144
#define ERROR_BODY_MAX_BYTES 16384
#define BODIES_MAX 8 /* of one call: for each wire and shape of body that its candidates want */
/* After [DONE] the end of the framing may follow, for which the connection is kept. */
#define DONE_WAIT_MS 100
/* Bytes of a body per byte of an answer: a character takes some 300 on a wire. */
#define BODY_FACTOR 320
#define BYTES_AT_ONCE 65536 /* read of an answer that passes as bytes */
#define JSON_TYPE "application/json"
#define EVENTS_TYPE "text/event-stream"
#define OCTETS_TYPE "application/octet-stream"
#define TYPE_MAX_BYTES 200

static const char *const state_names[] = { "new", "contacting", "backoff", "flowing", "over" };

/* The arrows of call.h: bit n, state n may come next. */
static const unsigned may_become[] = {
	[CALL_NEW] = 1u << CALL_CONTACTING | 1u << CALL_OVER,
	[CALL_CONTACTING] = 1u << CALL_CONTACTING | 1u << CALL_BACKOFF | 1u << CALL_FLOWING | 1u << CALL_OVER,
	[CALL_BACKOFF] = 1u << CALL_CONTACTING | 1u << CALL_OVER,
	[CALL_FLOWING] = 1u << CALL_OVER,
	[CALL_OVER] = 0,
};

static void
move(struct call *c, enum call_state to)
{
	if (may_become[c->state] & 1u << to)
		LOG(DEBUG, "call_state", LS("task_id", c->ids.task), LS("from", state_names[c->state]),
		    LS("to", state_names[to]));
	else /* a bug that must not take other people's streams with it */
		LOG(ERROR, "call_state_impossible", LS("task_id", c->ids.task), LS("from", state_names[c->state]),
		    LS("to", state_names[to]));
	c->state = to;
}

/* ---- making ------------------------------------------------------------------------ */

const struct wire *
call_wire(const struct offer_channel *ch, const struct ask *ask)
{
	return wire_find(ch->has_responses && own_words(ask, "responses") ? "responses" : ch->provider);
}

/* How a channel is asked. */
struct manner {
	const struct wire *wire; /* NULL: by nobody here */
	const struct quirks *quirks;
	struct ask ask; /* as it is said there */
	bool is_own, stream;
};

static struct manner
manner_of(const struct call *c, const struct offer_channel *ch)
{
	struct manner m = { .wire = call_wire(ch, c->ask.ask),
		.quirks = quirks_of(ch->provider, ch->base_url),
		.ask = *c->ask.ask,
		.stream = c->ask.stream };

	if (m.wire == NULL)
		return m;
	if (strcmp(m.wire->name, m.quirks->wire) == 0) /* else it is asked in its other wire */
		m.ask.shape = quirks_of_body(m.quirks, &m.ask);
	m.is_own = own_words(&m.ask, m.wire->name);
	m.stream = c->ask.stream && !(m.is_own && c->ask.whole);
	return m;
}

/* The body for that; NULL: none could be made. */
static struct wire_body *
body_for(struct call *c, const struct manner *m)
{
	for (size_t i = 0; i < c->n_bodies; i++)
		if (c->bodies[i].wire == m->wire && c->bodies[i].shape == m->ask.shape)
			return &c->bodies[i].body;
	return NULL;
}

static enum status
make_bodies(struct call *c, struct arena *a, const struct offer_model *m)
{
	for (size_t i = 0; m != NULL && i < m->n_channels; i++) {
		struct manner how = manner_of(c, &m->channels[i]);
		const struct endpoint *e = wire_endpoint(how.wire, how.ask.op);
		struct call_body *made = &c->bodies[c->n_bodies];
		enum status st;

		if (e == NULL || body_for(c, &how) != NULL || c->n_bodies == BODIES_MAX)
			continue;
		if ((st = e->body(a, &how.ask, how.stream, &made->body)) != OK)
			return st;
		made->wire = how.wire;
		made->shape = how.ask.shape;
		c->n_bodies++;
	}
	return OK;
}

void
call_init(struct call *c, struct process *p, const struct call_ids *ids, struct answer *answer, struct arena *arena)
{
	*c = (struct call){ .process = p, .ids = *ids, .answer = answer, .arena = arena };
	c->error_body.max_bytes = ERROR_BODY_MAX_BYTES;
}

struct call_limits
call_limits_of(const struct conf *conf)
{
	return (struct call_limits){
		.connect_ms = conf->upstream_connect_timeout,
		.first_byte_ms = conf->upstream_first_byte_timeout,
		.idle_ms = conf->upstream_idle_timeout,
		.total_ms = conf->upstream_total_timeout,
		.retries = conf->upstream_retries,
		.retry_base_ms = conf->upstream_retry_base,
	};
}

enum status
call_prepare(struct call *c, const struct call_ask *ask, struct arena *prep)
{
	enum status st;

	c->ask = *ask;
	c->model = ask->model;
	c->bodies = ARENA_ARRAY(prep, struct call_body, BODIES_MAX);
	st = make_bodies(c, prep, ask->model);
	return st == OK ? make_bodies(c, prep, ask->fallback) : st;
}

void
call_keep(struct call *c, struct arena *prep)
{
	c->prep = prep;
}

/* ---- time -------------------------------------------------------------------------- */

static int64_t
earlier(int64_t a_ms, int64_t b_ms)
{
	return a_ms == 0 || (b_ms != 0 && b_ms < a_ms) ? b_ms : a_ms;
}

static int64_t
idle_by_ms(const struct call *c)
{
	/* paused: it is we who keep the provider waiting */
	bool waiting = (c->state == CALL_FLOWING || c->takes_bytes) &&
	    (c->transfer == NULL || !http_paused(c->transfer));

	return waiting && c->ask.limits.idle_ms > 0 ? c->last_data_ms + c->ask.limits.idle_ms : 0;
}

/* An answer that is no stream comes all at once: it has the time that answers have. */
static int64_t
content_by_ms(const struct call *c)
{
	return c->state == CALL_CONTACTING && !c->is_streamed ? 0 : c->first_byte_by_ms;
}

/* One timer for all deadlines.  Idle deadlines only move away, so the timer is
 * set when something starts and looks again when it fires. */
static void
arm_timer(struct call *c)
{
	int64_t by_ms = earlier(earlier(c->total_by_ms, content_by_ms(c)), earlier(c->finish_by_ms, idle_by_ms(c)));
	int64_t left_ms;

	if (c->state == CALL_BACKOFF)
		by_ms = earlier(by_ms, c->backoff_by_ms);
	if (by_ms == 0)
		return;
	left_ms = by_ms - clock_mono_ms();
	reactor_timer_start(c->timer, left_ms > 1 ? left_ms : 1);
}

/* ---- the end ------------------------------------------------------------------------- */

static void
drop_transfer(struct call *c)
{
	if (c->transfer != NULL) {
		score_add(c->process->score, SCORE_UPSTREAM_OPEN, -1);
		http_cancel(c->transfer);
		c->transfer = NULL;
	}
	candidate_leave(c);
	if (c->parser != NULL) {
		c->endpoint->parser->free(c->parser);
		c->parser = NULL;
	}
	buf_free(&c->error_body);
	c->finish_by_ms = 0;
}

/* What became of the try at hand; nothing is said of it twice. */
static void
tell_health(struct call *c, enum health_class class, const struct wire_failure *f)
{
	if (c->at.outcome == HEALTH_FINE)
		c->at.outcome = class;
	health_tell(c->process->health, &c->health, class, c->at.http_status, f);
}

void
call_drop(struct call *c)
{
	drop_transfer(c);
	health_drop(c->process->health, &c->health);
	reactor_timer_free(c->timer);
	c->timer = NULL;
	if (c->state != CALL_OVER)
		move(c, CALL_OVER);
}

void
call_free(struct call *c)
{
	drop_transfer(c);
	health_drop(c->process->health, &c->health);
	reactor_timer_free(c->timer);
	arena_free(c->attempt);
	arena_free(c->prep);
	c->timer = NULL;
	c->attempt = c->prep = NULL;
}

static void
end(struct call *c, enum status st, const char *detail)
{
	const char *kept = arena_strdup(c->arena, detail);

	call_drop(c);
	c->observer->on_end(c->arg, st, kept);
}

/* ---- what the answer holds ------------------------------------------------------------- */

/* The first content decides the channel: what only other tries would need goes. */
static void
start_flowing(struct call *c)
{
	move(c, CALL_FLOWING);
	health_flows(c->process->health, &c->health);
	c->first_byte_by_ms = 0;
	c->ask.ask = NULL;
	c->model = c->ask.model = c->ask.fallback = NULL;
	if (c->transfer == NULL || http_sent(c->transfer)) { /* a provider may answer before it has read it all */
		arena_free(c->attempt);
		arena_free(c->prep);
		c->attempt = c->prep = NULL;
	}
	arm_timer(c);
}

/* Hand on what the last bytes from upstream held, or what stands before the last of them. */
static void
hand_on_but(struct call *c, bool but_last)
{
	bool has_own = c->answer->own.len > 0 && (c->state == CALL_FLOWING || c->is_own_begun) &&
	    !answer_awaits(c->answer);

	if (!answer_pends(c->answer) && !answer_has_bytes(c->answer) && !has_own)
		return;
	if (c->state == CALL_CONTACTING)
		start_flowing(c);
	answer_own_due(c->answer, but_last);
	c->observer->on_content(c->arg);
}

static void
hand_on(struct call *c)
{
	hand_on_but(c, false);
}

static void
on_text(struct call *c, enum piece_kind kind, const char *text, size_t len)
{
	if (len > 0 && answer_turns(c->answer, kind, 0))
		hand_on_but(c, true);
	answer_add(c->answer, kind, text, len);
}

static void
on_tool_call(struct call *c, const struct wire_event *e)
{
	if (answer_turns(c->answer, PIECE_CALL, e->call))
		hand_on_but(c, true);
	if (answer_add_call(c->answer, e->call, e->id, e->name, e->text, e->len))
		return;
	c->inside = ARENA_NEW(c->arena, struct wire_failure);
	*c->inside = (struct wire_failure){ .status = E_UPSTREAM_FAILED,
		.detail = "calls of tools larger than an answer may be" };
}

/* The answer said that it is over: wait no longer than that. */
static void
over_in(struct call *c, int64_t ms)
{
	int64_t by_ms = clock_mono_ms() + ms;

	if (c->finish_by_ms == 0 || by_ms < c->finish_by_ms)
		c->finish_by_ms = by_ms;
}

static void
on_event(void *arg, const struct wire_event *e)
{
	struct call *c = arg;

	switch (e->kind) {
	case WIRE_TEXT: on_text(c, PIECE_TEXT, e->text, e->len); break;
	case WIRE_REASONING: on_text(c, PIECE_REASONING, e->text, e->len); break;
	case WIRE_SIGNATURE:
		if (e->len > 0)
			seal_id(e->text, e->len, c->answer->seal_id);
		on_text(c, PIECE_SIGNATURE, e->text, e->len);
		break;
	case WIRE_CALL: on_tool_call(c, e); break;
	case WIRE_OWN:
		if (c->is_own)
			answer_add_own(c->answer, e->text, e->len);
		if (c->is_own && e->id != NULL)
			answer_name(c->answer, e->id);
		c->is_own_begun |= c->is_own && e->is_begun;
		break;
	case WIRE_USAGE: c->answer->usage = e->usage; break;
	case WIRE_FINISH:
		c->answer->finished = true;
		if (!c->answer->text.overflow || e->finish == FINISH_FILTERED)
			c->answer->finish = e->finish;
		over_in(c, FINISH_WAIT_MS);
		break;
	case WIRE_DONE: over_in(c, DONE_WAIT_MS); break;
	case WIRE_FAILURE: /* kept until the parser has returned */
		c->inside = ARENA_NEW(c->arena, struct wire_failure);
		*c->inside = e->failure;
		break;
	}
}

/* ---- tries -------------------------------------------------------------------------- */

static void contact(struct call *c);

/* Exponential back-off with full jitter in its upper half; what the provider
 * asked for if that is longer. */
static int64_t
backoff_ms(const struct call *c, const struct wire_failure *f)
{
	int64_t ms = c->ask.limits.retry_base_ms << (c->tries - 1 < 10 ? c->tries - 1 : 10);

	ms = ms / 2 + (int64_t)(random() % (ms / 2 + 1));
	return ms > f->retry_after_ms ? ms : f->retry_after_ms;
}

/* May the same candidate be asked again?  Not once its breaker is open, be it by this very failure. */
static bool
may_retry(const struct call *c)
{
	struct health_view view;

	health_read(c->process->health, c->at.channel_id, c->at.key_id, &view);
	return !c->insists && c->tries <= c->ask.limits.retries && view.state == HEALTH_CLOSED;
}

/* For who asks later what became of it. */
static void
keep_try(struct call *c, const struct wire_failure *f)
{
	if (c->failed == NULL)
		c->failed = ARENA_ARRAY(c->arena, struct call_try, CALL_TRIES_KEPT);
	if (c->n_failed < CALL_TRIES_KEPT)
		c->failed[c->n_failed++] = (struct call_try){ c->at.channel_name, c->at.model_name, f->status,
			c->at.http_status, clock_mono_ms() - c->try_began_ms };
}

/* A try of a channel failed.  Before the first content: again, another channel,
 * the fallback model, in this order; afterwards it is over. */
static void
try_failed(struct call *c, const struct wire_failure *f)
{
	int64_t now_ms = clock_mono_ms(), pause_ms;
	bool may_wait;

	tell_health(c, health_class_of(c->at.http_status, c->state == CALL_FLOWING, f), f);
	drop_transfer(c);
	keep_try(c, f);
	score_add(c->process->score, SCORE_UPSTREAM_FAILURES, 1);
	LOG(WARN, "upstream_failed", LS("task_id", c->ids.task), LS("request_id", c->ids.request),
	    LS("channel", c->at.channel_name), LS("model", c->at.model_name), LS("code", status_code(f->status)),
	    LS("detail", f->detail), LI("try", c->tries), LI("delivered_bytes", c->answer->delivered));
	if (c->state == CALL_FLOWING || c->is_left) {
		end(c, f->status, f->detail);
		return;
	}
	pause_ms = backoff_ms(c, f);
	may_wait = c->first_byte_by_ms == 0 || now_ms + pause_ms < c->first_byte_by_ms; /* 0: bytes had come */
	if (f->retryable && may_retry(c) && may_wait && !candidate_has_other_key(c)) {
		score_add(c->process->score, SCORE_UPSTREAM_RETRIES, 1);
		c->backoff_by_ms = now_ms + pause_ms;
		move(c, CALL_BACKOFF);
		arm_timer(c);
	} else if ((f->retryable || f->next_channel) && candidate_next(c, true)) {
		contact(c);
	} else {
		end(c, f->status, f->detail);
	}
}

static void
fail_transport(struct call *c, enum status st, const char *detail)
{
	struct wire_failure f;

	wire_failure_transport(&f, st, detail);
	try_failed(c, &f);
}

/* What would only happen again on this channel. */
static void
fail_as(struct call *c, enum health_class class, const char *detail)
{
	struct wire_failure f;

	wire_failure_transport(&f, E_UPSTREAM_FAILED, detail);
	f.retryable = false;
	tell_health(c, class, &f);
	try_failed(c, &f);
}

/* … for what was asked: it says nothing of the channel. */
static void
fail_for_good(struct call *c, const char *detail)
{
	fail_as(c, HEALTH_CLIENT, detail);
}

/* The answer said that it has ended, or its connection did as it should. */
static void
complete(struct call *c)
{
	bool empty;

	drop_transfer(c);
	if (c->state == CALL_CONTACTING && c->ask.may_be_empty && c->answer->own.len > 0 &&
	    c->answer->finish != FINISH_FILTERED)
		start_flowing(c); /* what is nothing to us may be something in its own words */
	c->answer->bytes_whole = c->takes_bytes;
	hand_on(c);
	empty = !answer_says(c->answer);
	if (!empty || c->ask.may_be_empty || c->answer->finish == FINISH_FILTERED)
		tell_health(c, HEALTH_FINE, NULL);
	if (c->answer->finish == FINISH_FILTERED)
		end(c, E_CONTENT_VIOLATION, "filtered by the provider");
	else if (empty && !c->ask.may_be_empty)
		fail_for_good(c, "empty answer");
	else
		end(c, OK, NULL);
}

/* True when the answer itself reported a failure; the try is over then. */
static bool
failed_inside(struct call *c)
{
	if (c->inside == NULL)
		return false;
	hand_on(c);
	try_failed(c, c->inside);
	return true;
}

/* ---- the transfer ------------------------------------------------------------------- */

static bool
is_type(const char *type, const char *begin)
{
	return strncasecmp(type, begin, strlen(begin)) == 0;
}

/* The type of an answer's bytes, as it may be passed on; NULL: a page, as proxies send
 * them, and nothing that was asked for. */
static const char *
bytes_type(const char *told)
{
	if (told == NULL || strlen(told) > TYPE_MAX_BYTES)
		return OCTETS_TYPE;
	for (const char *p = told; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return OCTETS_TYPE;
	return is_type(told, "text/html") || strstr(told, "xml") != NULL || is_type(told, "image/svg") ? NULL : told;
}

/* Bytes pass as they come to who wants a stream, unless it is a whole answer after all. */
static void
begin_bytes(struct call *c)
{
	const char *type = bytes_type(http_header(c->transfer, "Content-Type"));

	if (type == NULL) {
		fail_as(c, HEALTH_SERVER, "a page and no answer"); /* whatever is asked there */
		return;
	}
	c->takes_bytes = true;
	c->first_byte_by_ms = 0; /* from here on it is silence that is waited for */
	c->last_data_ms = clock_mono_ms();
	arm_timer(c);
	answer_take_bytes(c->answer, type, c->ask.stream && !is_type(type, JSON_TYPE));
	if (is_type(type, EVENTS_TYPE) && c->endpoint->parser != NULL)
		c->parser = c->endpoint->parser->start(true, c->answer->bytes.max_bytes);
}

static void
on_headers(void *arg, int http_status)
{
	struct call *c = arg;

	c->at.http_status = http_status;
	if (http_status / 100 != 2)
		return;
	if (c->endpoint->passes_bytes)
		begin_bytes(c);
	else
		c->parser = c->endpoint->parser->start(c->is_streamed, c->answer->text.max_bytes);
}

/* Bytes of an answer that pass as they stand; those that tell of a failure do not, so
 * that another channel may be asked. */
static void
take_bytes(struct call *c, const char *data, size_t len)
{
	if (c->parser != NULL)
		c->endpoint->parser->feed(c->parser, data, len, on_event, c);
	if (c->inside != NULL)
		try_failed(c, c->inside);
	else if (!buf_add(&c->answer->bytes, data, len))
		fail_for_good(c, "an answer larger than [upstream] max_body_bytes");
}

static void
on_data(void *arg, const char *data, size_t len)
{
	struct call *c = arg;
	int64_t finish_by_ms = c->finish_by_ms;

	c->last_data_ms = clock_mono_ms();
	if (c->takes_bytes) {
		take_bytes(c, data, len);
		return;
	}
	if (c->parser == NULL) {
		buf_add(&c->error_body, data, len); /* what does not fit is not needed */
		return;
	}
	c->endpoint->parser->feed(c->parser, data, len, on_event, c);
	if (failed_inside(c))
		return;
	if (answer_full(c->answer))
		complete(c);
	else if (c->finish_by_ms != finish_by_ms)
		arm_timer(c);
}

static void
on_batch(void *arg)
{
	hand_on(arg);
}

static void
http_failed(struct call *c)
{
	const char *retry_after = http_header(c->transfer, "Retry-After");
	struct wire_failure f = { .status = E_UPSTREAM_FAILED };

	c->wire->failure(c->at.http_status, retry_after, buf_str(&c->error_body), c->error_body.len, &f);
	try_failed(c, &f);
}

/* Is what came an answer?  True as well when it was a failure, which is dealt with. */
static bool
ended(struct call *c)
{
	bool is_complete;

	if (c->parser == NULL || c->takes_bytes)
		return false;
	is_complete = c->endpoint->parser->end(c->parser, on_event, c);
	if (failed_inside(c))
		return true;
	hand_on(c);
	if (is_complete)
		complete(c);
	return is_complete;
}

/* Bytes are all there when the connection says so: they have no mark of their own. */
static bool
ended_bytes(struct call *c, enum http_result result)
{
	if (!c->takes_bytes || result != HTTP_OK)
		return false;
	if (c->parser != NULL)
		c->endpoint->parser->end(c->parser, on_event, c);
	if (!failed_inside(c))
		complete(c);
	return true;
}

static void
on_done(void *arg, enum http_result result, const char *detail)
{
	struct call *c = arg;

	if (ended_bytes(c, result))
		return;
	if (c->parser == NULL && !c->takes_bytes && c->at.http_status > 0)
		http_failed(c);
	else if (ended(c)) /* by what it said, not by how the connection ended */
		return;
	else if (result == HTTP_FORBIDDEN)
		fail_transport(
		    c, E_UPSTREAM_FAILED, "it is at a loopback or private address: set allow_private if it should be");
	else if (result == HTTP_TOO_LONG)
		fail_for_good(c, detail);
	else
		fail_transport(c, result == HTTP_TIMEOUT ? E_UPSTREAM_TIMEOUT : E_UPSTREAM_FAILED,
		    result == HTTP_OK ? "the answer was cut" : detail);
}

static void
on_resend(void *arg)
{
	struct call *c = arg;

	score_add(c->process->score, SCORE_UPSTREAM_RESENDS, 1);
	LOG(WARN, "upstream_resent", LS("task_id", c->ids.task), LS("request_id", c->ids.request),
	    LS("channel", c->at.channel_name), LS("model", c->at.model_name));
}

/* ---- asking --------------------------------------------------------------------------- */

/* Note what the candidate at work costs and is called. */
static void
take_candidate(struct call *c, const struct offer_channel *ch)
{
	const struct offer_model *m = c->model;

	if (c->at.model_name == NULL || strcmp(c->at.model_name, m->name) != 0)
		c->at.model_name = arena_strdup(c->arena, m->name);
	if (c->at.channel_name == NULL || strcmp(c->at.channel_name, ch->name) != 0)
		c->at.channel_name = arena_strdup(c->arena, ch->name);
	c->at.model_id = m->id;
	c->at.channel_id = ch->id;
	c->at.key_id = ch->key_id;
	c->at.price = price_copy(c->arena, m->price);
	c->at.context_tokens = m->context_tokens;
	c->at.max_output_tokens = m->max_output_tokens;
	c->at.http_status = 0;
	c->at.outcome = HEALTH_FINE;
	c->takes_bytes = false;
	if (c->first_byte_by_ms == 0 && c->ask.limits.first_byte_ms > 0) /* some came of a try before */
		c->first_byte_by_ms = clock_mono_ms() + c->ask.limits.first_byte_ms;
	c->tries++;
	c->try_began_ms = clock_mono_ms();
	c->inside = NULL;
	c->is_own_begun = false;
	c->finish_by_ms = 0;
	answer_try(c->answer);
}

/* How long an answer may be: what whoever asks wants, and no longer than the model may. */
static int64_t
longest(const struct call *c)
{
	int64_t allowed = c->ask.max_output_tokens > 0 ? c->ask.max_output_tokens : c->model->max_output_tokens;
	int64_t wanted = c->ask.ask->max_output_tokens;

	return wanted > 0 && (allowed <= 0 || wanted < allowed) ? wanted : allowed;
}

static enum status
make_request(struct call *c, const struct offer_channel *ch, struct wire_request *out)
{
	struct manner how = manner_of(c, ch);
	struct wire_body *body = body_for(c, &how);
	enum status st;
	struct wire_target to = {
		.base_url = ch->base_url,
		.api_key = ch->api_key,
		.quirks = how.quirks,
		.model = ch->upstream_name,
		.max_output_tokens = longest(c),
		.stream = how.stream,
		.traceparent = c->ask.traceparent,
		.task_id = c->ids.task,
		.own_headers = how.is_own ? how.ask.own_headers : NULL,
	};

	c->wire = how.wire;
	c->endpoint = wire_endpoint(c->wire, how.ask.op);
	c->is_own = how.is_own;
	c->is_streamed = how.stream;
	if (c->endpoint == NULL || body == NULL)
		return E_UPSTREAM_FAILED;
	arena_free(c->attempt);
	c->attempt = arena_new(ATTEMPT_ARENA_BYTES, ATTEMPT_ARENA_MAX_BYTES);
	if ((st = c->endpoint->head(c->attempt, &to, body, out)) != OK || ch->account == NULL)
		return st;
	out->headers = override_headers(c->attempt, ch->account->override, out->headers);
	return out->body == NULL || override_body(c->attempt, ch->account->override, &out->body, &out->body_len)
	    ? OK
	    : E_UPSTREAM_FAILED;
}

/* How long a body may be: of bytes that are kept, as much as is kept. */
static int64_t
most_body_bytes(const struct call *c)
{
	return c->endpoint->passes_bytes ? (int64_t)c->answer->bytes.max_bytes
					 : (int64_t)c->answer->text.max_bytes * BODY_FACTOR;
}

static void
contact(struct call *c)
{
	bool may = candidate_choose(c);
	const struct offer_channel *ch = &c->model->channels[c->channel];
	struct wire_request rq;
	enum status st;

	take_candidate(c, ch);
	if (!may) {
		if (c->was_full)
			end(c, E_UNAVAILABLE, "every channel has as many calls as it may");
		else
			end(c, E_UPSTREAM_FAILED, "no channel is left that may be asked");
		return;
	}
	move(c, CALL_CONTACTING);
	if ((st = make_request(c, ch, &rq)) != OK) {
		struct wire_failure f = { .status = st, .next_channel = true };

		snprintf(f.detail, sizeof(f.detail), "wire \"%s\" cannot put this request", ch->provider);
		health_drop(c->process->health, &c->health); /* that is our own failure */
		try_failed(c, &f);
		return;
	}
	score_add(c->process->score, SCORE_UPSTREAM_REQUESTS, 1);
	score_add(c->process->score, SCORE_UPSTREAM_OPEN, 1);
	c->transfer = http_start(c->process->http,
	    &(struct http_spec){
		.method = rq.method,
		.url = rq.url,
		.headers = rq.headers,
		.body = rq.body,
		.body_len = rq.body_len,
		.connect_timeout_ms = c->ask.limits.connect_ms,
		.allow_private = ch->allow_private,
		.proxy = ch->account == NULL ? NULL : ch->account->proxy,
		.arg = c,
		.max_body_bytes = most_body_bytes(c),
		.receive_bytes = c->endpoint->passes_bytes ? BYTES_AT_ONCE : 0,
		.on_resend = on_resend,
		.on_headers = on_headers,
		.on_data = on_data,
		.on_batch = on_batch,
		.on_done = on_done,
	    });
	arm_timer(c);
}

static void
on_timer(void *arg)
{
	struct call *c = arg;
	int64_t now_ms = clock_mono_ms(), idle_ms = idle_by_ms(c);

	if (c->finish_by_ms != 0 && now_ms >= c->finish_by_ms) {
		if (!ended(c))
			fail_transport(c, E_UPSTREAM_FAILED, "the answer was cut");
	} else if (c->total_by_ms != 0 && now_ms >= c->total_by_ms) {
		end(c, E_UPSTREAM_TIMEOUT, "total time");
	} else if (content_by_ms(c) != 0 && now_ms >= content_by_ms(c)) {
		LOG(WARN, "first_byte_timeout", LS("task_id", c->ids.task), LS("model", c->at.model_name),
		    LS("channel", c->at.channel_name));
		tell_health(c, HEALTH_TIMEOUT, NULL);
		drop_transfer(c);
		if (candidate_next(c, false))
			contact(c);
		else
			end(c, E_UPSTREAM_TIMEOUT, "first byte");
	} else if (c->state == CALL_BACKOFF && now_ms >= c->backoff_by_ms) {
		contact(c);
	} else if (idle_ms != 0 && now_ms >= idle_ms) {
		if (!ended(c))
			fail_transport(c, E_UPSTREAM_TIMEOUT, "silent for too long");
	} else {
		arm_timer(c);
	}
}

void
call_start(struct call *c, const struct call_observer *observer, void *arg)
{
	int64_t now_ms = clock_mono_ms();

	c->observer = observer;
	c->arg = arg;
	c->timer = reactor_timer_new(c->process->reactor, on_timer, c);
	c->total_by_ms = c->ask.limits.total_ms > 0 ? now_ms + c->ask.limits.total_ms : 0;
	c->first_byte_by_ms = c->ask.limits.first_byte_ms > 0 ? now_ms + c->ask.limits.first_byte_ms : 0;
	c->last_data_ms = now_ms;
	contact(c);
}

bool
call_leave(struct call *c)
{
	c->is_left = c->ask.whole && c->state == CALL_CONTACTING && !c->is_streamed && c->transfer != NULL &&
	    !c->endpoint->passes_bytes;
	return c->is_left;
}

void
call_pause(struct call *c)
{
	if (c->transfer != NULL)
		http_pause(c->transfer);
}

bool
call_resume(struct call *c)
{
	if (c->transfer == NULL || !http_paused(c->transfer))
		return false;
	c->last_data_ms = clock_mono_ms(); /* the pause was ours, not the provider's */
	http_resume(c->transfer);
	if (c->state == CALL_FLOWING)
		arm_timer(c);
	return true;
}
