#include "catalog/health.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "score/pairs.h"

/* What a provider may ask us to wait; more is asked again then, and says so again. */
#define RETRY_AFTER_MAX_MS 3600000
#define LEVEL_MAX 20

_Static_assert((int)HEALTH_CLASSES == PAIR_CLASSES, "each class has its count");

struct health {
	struct pairs *pairs;
	struct health_rules rules;
	int64_t (*now_ms)(void);
	health_change_fn *fn;
	void *arg;
};

/* ---- rules ------------------------------------------------------------------------- */

static const struct {
	const char *name;
	bool counts; /* says something of the channel */
} classes[HEALTH_CLASSES] = {
	[HEALTH_FINE] = { "success", false },
	[HEALTH_CONNECT] = { "connect", true },
	[HEALTH_TIMEOUT] = { "timeout", true },
	[HEALTH_RATE] = { "rate_limited", true },
	[HEALTH_SERVER] = { "server", true },
	[HEALTH_REFUSED] = { "refused", true },
	[HEALTH_CUT] = { "cut", true },
	[HEALTH_CLIENT] = { "client", false },
};

static const char *const state_names[] = { "closed", "open", "half_open", "off" };
static const char *const event_names[] = { "down", "up", "key_off", "key_on", "probe_failed" };

const char *
health_state_name(enum health_state s)
{
	return state_names[s];
}

const char *
health_class_name(enum health_class c)
{
	return classes[c].name;
}

const char *
health_event_name(enum health_event e)
{
	return event_names[e];
}

enum health_class
health_class_of(int http_status, bool flowed, const struct wire_failure *f)
{
	if (f->status == E_CONTENT_VIOLATION)
		return HEALTH_CLIENT;
	if (http_status >= 401 && http_status <= 403)
		return HEALTH_REFUSED;
	if (http_status == 429) /* not to be tried again: what is used up is credit, not a minute's share */
		return f->retryable ? HEALTH_RATE : HEALTH_REFUSED;
	if (http_status == 408 || http_status == 504)
		return HEALTH_TIMEOUT;
	if (http_status == 404 || (http_status / 100 == 4 && !f->retryable))
		return HEALTH_CLIENT;
	if (!f->retryable && !f->next_channel)
		return HEALTH_CLIENT;
	if (flowed)
		return HEALTH_CUT;
	if (f->status == E_UPSTREAM_TIMEOUT)
		return HEALTH_TIMEOUT;
	if (http_status == 0)
		return HEALTH_CONNECT;
	return HEALTH_SERVER;
}

struct health_rules
health_rules_of(const struct conf *conf)
{
	return (struct health_rules){
		.failures = conf->health_failures,
		.rate_failures = conf->health_rate_failures,
		.min_calls = conf->health_min_calls,
		.max_percent = conf->health_max_percent,
		.refusals = conf->health_refusals,
		.pause_ms = conf->health_pause,
		.pause_max_ms = conf->health_pause_max,
		.ticket_ms = conf->health_ticket,
	};
}

/* ---- life ----------------------------------------------------------------------------- */

struct health *
health_new(struct pairs *pairs, const struct health_rules *rules, int64_t (*now_ms)(void))
{
	struct health *h;

	if (pairs == NULL)
		return NULL;
	h = xcalloc(1, sizeof(*h));
	*h = (struct health){ .pairs = pairs, .rules = *rules, .now_ms = now_ms != NULL ? now_ms : clock_wall_ms };
	return h;
}

void
health_free(struct health *h)
{
	free(h);
}

void
health_listen(struct health *h, health_change_fn *fn, void *arg)
{
	if (h == NULL)
		return;
	h->fn = fn;
	h->arg = arg;
}

struct pairs *
health_pairs(const struct health *h)
{
	return h == NULL ? NULL : h->pairs;
}

/* ---- the breaker ------------------------------------------------------------------------- */

static void
count(struct pair *pair, int what, int64_t n)
{
	atomic_fetch_add_explicit(&pair->counts[what], (uint64_t)n, memory_order_relaxed);
}

/* Is the time of being open over?  Also when it is further away than any time we set: the
 * clock was put back. */
static bool
is_due(const struct health *h, const struct pair_breaker *b, int64_t now_ms)
{
	int64_t longest_ms = h->rules.pause_max_ms > RETRY_AFTER_MAX_MS ? h->rules.pause_max_ms : RETRY_AFTER_MAX_MS;

	return now_ms >= b->until_ms || b->until_ms > now_ms + longest_ms;
}

/* Exponential, with jitter in its upper half; what the provider asked for if that is longer. */
static int64_t
pause_ms(const struct health *h, unsigned level, int64_t retry_after_ms)
{
	int64_t ms = h->rules.pause_ms << (level < LEVEL_MAX ? level : LEVEL_MAX);

	if (ms > h->rules.pause_max_ms)
		ms = h->rules.pause_max_ms;
	ms = ms / 2 + (int64_t)(random() % (ms / 2 + 1));
	if (retry_after_ms > RETRY_AFTER_MAX_MS)
		retry_after_ms = RETRY_AFTER_MAX_MS;
	return ms > retry_after_ms ? ms : retry_after_ms;
}

/* Put `next` where `*word` still is; else *word is what is there instead. */
static bool
put(struct pair *pair, uint64_t *word, const struct pair_breaker *next)
{
	return atomic_compare_exchange_strong(&pair->breaker, word, pair_breaker_word(next));
}

static void
tell(const struct health *h, const struct health_change *change)
{
	if (h->fn != NULL)
		h->fn(h->arg, change);
}

/* What a failure is judged by. */
struct verdict {
	enum health_class class;
	int http_status;
	int64_t retry_after_ms;
	const char *detail;
	bool on_trial; /* it was asked to see whether it works again */
	bool may_turn_off;
};

static void
tell_cause(const struct health *h, const struct health_try *t, enum health_event event, const struct verdict *v,
    int64_t until_ms, bool again)
{
	tell(h,
	    &(struct health_change){ .event = event,
		.again = again,
		.channel_id = t->channel_id,
		.key_id = t->key_id,
		.cause = v->class,
		.http_status = v->http_status,
		.until_ms = until_ms,
		.detail = v->detail });
}

/* What came before is forgiven. */
static void
forgive(struct pair *pair)
{
	atomic_store(&pair->in_a_row, 0);
	pair_window_clear(pair);
}

static void
close_breaker(const struct health *h, const struct health_try *t)
{
	uint64_t word = atomic_load(&t->pair->breaker);
	struct pair_breaker b = pair_breaker_of(word);

	while (b.state == PAIR_OPEN) {
		if (put(t->pair, &word, &(struct pair_breaker){ .state = PAIR_CLOSED })) {
			forgive(t->pair);
			tell(h,
			    &(struct health_change){ .event = HEALTH_UP,
				.channel_id = t->channel_id,
				.key_id = t->key_id,
				.cause = b.cause });
			return;
		}
		b = pair_breaker_of(word);
	}
}

static bool
too_many(const struct health *h, const struct pair *pair, enum health_class class, int64_t now_ms)
{
	int64_t in_a_row = (int64_t)(atomic_load(&pair->in_a_row) >> 32), limit = h->rules.failures, calls, failures;

	if (class == HEALTH_RATE && h->rules.rate_failures < limit) /* it said so itself: going on brings more of it */
		limit = h->rules.rate_failures;
	if (class == HEALTH_REFUSED)
		return (int64_t)(atomic_load(&pair->in_a_row) & UINT32_MAX) >= h->rules.refusals;
	if (in_a_row >= limit)
		return true;
	pair_window_sum(pair, now_ms, &calls, &failures);
	return calls >= h->rules.min_calls && failures * 100 > h->rules.max_percent * calls;
}

/* Closed opens, half open opens again for longer; what is open stays so for what was asked, if that is longer. */
static void
open_breaker(const struct health *h, const struct health_try *t, const struct verdict *v, int64_t now_ms)
{
	uint64_t word = atomic_load(&t->pair->breaker);

	for (;;) {
		struct pair_breaker b = pair_breaker_of(word), next = { PAIR_OPEN, .cause = v->class };
		bool again = b.state == PAIR_OPEN && v->on_trial && is_due(h, &b, now_ms);

		if (b.state == PAIR_OFF || (b.state == PAIR_CLOSED && !too_many(h, t->pair, v->class, now_ms)))
			return;
		if (b.state == PAIR_OPEN && !again) {
			next = b;
			if (now_ms + v->retry_after_ms > b.until_ms && v->retry_after_ms > 0)
				next.until_ms = now_ms + pause_ms(h, 0, v->retry_after_ms);
		} else {
			next.level = again ? b.level + (b.level < LEVEL_MAX) : 0;
			next.until_ms = now_ms + pause_ms(h, next.level, v->retry_after_ms);
		}
		if (!put(t->pair, &word, &next))
			continue;
		if (b.state == PAIR_CLOSED)
			count(t->pair, PAIR_OPENS, 1);
		if (b.state == PAIR_CLOSED || next.until_ms != b.until_ms)
			tell_cause(h, t, HEALTH_DOWN, v, next.until_ms, b.state == PAIR_OPEN);
		return;
	}
}

/* True: the key is off, by this verdict or already. */
static bool
turn_off(const struct health *h, const struct health_try *t, const struct verdict *v)
{
	uint64_t word = atomic_load(&t->pair->breaker);

	if (v->class != HEALTH_REFUSED || !v->may_turn_off || t->key_id == 0 ||
	    (int64_t)(atomic_load(&t->pair->in_a_row) & UINT32_MAX) < h->rules.refusals)
		return false;
	while (pair_breaker_of(word).state != PAIR_OFF)
		if (put(t->pair, &word, &(struct pair_breaker){ .state = PAIR_OFF, .cause = v->class })) {
			tell_cause(h, t, HEALTH_KEY_OFF, v, 0, false);
			break;
		}
	return true;
}

/* ---- reading ------------------------------------------------------------------------------- */

static enum health_state
state_of(const struct health *h, const struct pair_breaker *b, int64_t now_ms)
{
	if (b->state == PAIR_OFF)
		return HEALTH_OFF;
	if (b->state == PAIR_CLOSED)
		return HEALTH_CLOSED;
	return is_due(h, b, now_ms) ? HEALTH_HALF_OPEN : HEALTH_OPEN;
}

void
health_read(const struct health *h, int64_t channel_id, int64_t key_id, struct health_view *out)
{
	struct pair *pair = h == NULL ? NULL : pairs_find(h->pairs, channel_id, key_id);
	int64_t failures, now_ms;
	struct pair_breaker b;

	*out = (struct health_view){ .state = HEALTH_CLOSED };
	if (pair == NULL)
		return;
	now_ms = h->now_ms();
	b = pair_breaker_of(atomic_load(&pair->breaker));
	out->state = state_of(h, &b, now_ms);
	out->open_until_ms = b.state == PAIR_OPEN ? b.until_ms : 0;
	out->first_byte_ms = (atomic_load(&pair->first_byte_us) + 999) / 1000;
	pair_window_sum(pair, now_ms, &out->calls, &failures);
	out->errors_per_mille = out->calls == 0 ? 0 : (int)(failures * 1000 / out->calls);
}

enum health_state
health_state_of(const struct health *h, const struct pair *pair)
{
	struct pair_breaker b = pair_breaker_of(atomic_load(&pair->breaker));

	return state_of(h, &b, h->now_ms());
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* The ticket of what is half open; false: somebody has it. */
static bool
take_ticket(const struct health *h, struct health_try *t, int64_t now_ms)
{
	int64_t held_ms = atomic_load(&t->pair->ticket_ms);
	bool held = held_ms > now_ms && held_ms <= now_ms + h->rules.ticket_ms;

	t->ticket_ms = now_ms + h->rules.ticket_ms;
	if (!held && atomic_compare_exchange_strong(&t->pair->ticket_ms, &held_ms, t->ticket_ms))
		return true;
	t->ticket_ms = 0;
	return false;
}

static void
return_ticket(struct health_try *t)
{
	int64_t mine_ms = t->ticket_ms;

	if (mine_ms != 0)
		atomic_compare_exchange_strong(&t->pair->ticket_ms, &mine_ms, 0);
	t->ticket_ms = 0;
	t->insisted = false;
}

static bool
enter(struct health *h, struct health_try *t, bool insist)
{
	int64_t now_ms = h->now_ms();
	struct pair_breaker b = pair_breaker_of(atomic_load(&t->pair->breaker));
	enum health_state state = state_of(h, &b, now_ms);
	bool may = state == HEALTH_CLOSED || (state == HEALTH_HALF_OPEN && take_ticket(h, t, now_ms));

	if (!may && insist && state != HEALTH_OFF)
		may = t->insisted = true;
	t->began_ms = now_ms;
	count(t->pair, may ? PAIR_TRIES : PAIR_SKIPS, 1);
	return may;
}

static bool
begin(struct health *h, struct health_try *t, int64_t channel_id, int64_t key_id, bool may_turn_off, bool insist)
{
	*t = (struct health_try){ .channel_id = channel_id, .key_id = key_id, .may_turn_off = may_turn_off };
	if (h == NULL || (t->pair = pairs_take(h->pairs, channel_id, key_id)) == NULL || enter(h, t, insist))
		return true;
	t->pair = NULL;
	return false;
}

bool
health_enter(struct health *h, struct health_try *t, int64_t channel_id, int64_t key_id, bool may_turn_off)
{
	return begin(h, t, channel_id, key_id, may_turn_off, false);
}

bool
health_insist(struct health *h, struct health_try *t, int64_t channel_id, int64_t key_id, bool may_turn_off)
{
	return begin(h, t, channel_id, key_id, may_turn_off, true);
}

static void
count_first_byte(struct pair *pair, int64_t ms)
{
	int i = 0;

	while (ms * 1000 > score_first_token_buckets_us[i])
		i++;
	count(pair, PAIR_FIRST_BYTES, 1);
	count(pair, PAIR_FIRST_BYTE_MS, ms);
	count(pair, PAIR_HISTOGRAM + i, 1);
	pair_mean_move(pair, ms * 1000);
}

/* Who was on trial has shown that it works. */
static void
acquit(struct health *h, struct health_try *t)
{
	if (t->ticket_ms != 0 || t->insisted)
		close_breaker(h, t);
	return_ticket(t);
}

void
health_flows(struct health *h, struct health_try *t)
{
	int64_t ms;

	if (t->pair == NULL || t->flowed)
		return;
	ms = h->now_ms() - t->began_ms;
	t->flowed = true;
	count_first_byte(t->pair, ms < 0 ? 0 : ms);
	acquit(h, t);
}

static void
note_success(struct pair *pair, int64_t now_ms)
{
	atomic_store(&pair->in_a_row, 0);
	atomic_store(&pair->last_success_ms, now_ms);
}

static void
note_failure(const struct health *h, const struct health_try *t, const struct verdict *v, int64_t now_ms)
{
	struct pair_failure last = { .class = v->class, .http_status = v->http_status, .at_ms = now_ms };

	atomic_store(&t->pair->last_failure, pair_failure_word(&last));
	if (!classes[v->class].counts)
		return;
	atomic_fetch_add(&t->pair->in_a_row, UINT64_C(1) << 32 | (v->class == HEALTH_REFUSED));
	if (!turn_off(h, t, v))
		open_breaker(h, t, v, now_ms);
}

void
health_tell(
    struct health *h, struct health_try *t, enum health_class class, int http_status, const struct wire_failure *f)
{
	struct verdict v = { .class = class,
		.http_status = http_status,
		.retry_after_ms = f == NULL ? 0 : f->retry_after_ms,
		.detail = f == NULL ? NULL : f->detail,
		.on_trial = t->ticket_ms != 0 || t->insisted,
		.may_turn_off = t->may_turn_off };
	int64_t now_ms;

	if (t->pair == NULL)
		return;
	now_ms = h->now_ms();
	count(t->pair, class == HEALTH_FINE ? PAIR_SUCCESSES : PAIR_FAILURES + (int)class, 1);
	if (class == HEALTH_FINE || classes[class].counts)
		pair_window_add(t->pair, now_ms, class != HEALTH_FINE);
	if (class == HEALTH_FINE) {
		note_success(t->pair, now_ms);
		acquit(h, t);
	} else {
		note_failure(h, t, &v, now_ms);
		return_ticket(t);
	}
	t->pair = NULL;
}

void
health_drop(struct health *h, struct health_try *t)
{
	(void)h;
	if (t->pair != NULL)
		return_ticket(t);
	t->pair = NULL;
}

void
health_switched(struct health *h, int64_t channel_id, int64_t key_id)
{
	struct pair *pair = h == NULL ? NULL : pairs_find(h->pairs, channel_id, key_id);

	if (pair != NULL)
		count(pair, PAIR_SWITCHES, 1);
}

/* ---- from elsewhere ---------------------------------------------------------------------------- */

bool
health_learn_open(struct health *h, int64_t channel_id, int64_t key_id, enum health_class cause, int64_t until_ms)
{
	struct pair *pair = h == NULL ? NULL : pairs_take(h->pairs, channel_id, key_id);
	struct pair_breaker next = { PAIR_OPEN, .elsewhere = true, .cause = cause, .until_ms = until_ms }, b;
	uint64_t word;

	if (pair == NULL || until_ms <= h->now_ms() || is_due(h, &next, h->now_ms()))
		return false;
	word = atomic_load(&pair->breaker);
	do {
		b = pair_breaker_of(word);
		if (b.state == PAIR_OFF || (b.state == PAIR_OPEN && b.until_ms >= until_ms))
			return false;
		next.elsewhere = b.state == PAIR_CLOSED || b.elsewhere;
		next.level = b.level;
	} while (!put(pair, &word, &next));
	if (b.state == PAIR_CLOSED)
		tell(h,
		    &(struct health_change){ .event = HEALTH_DOWN,
			.channel_id = channel_id,
			.key_id = key_id,
			.cause = cause,
			.until_ms = until_ms,
			.elsewhere = true });
	return true;
}

void
health_learn_closed(struct health *h, int64_t channel_id, int64_t key_id)
{
	struct pair *pair = h == NULL ? NULL : pairs_find(h->pairs, channel_id, key_id);
	uint64_t word;
	struct pair_breaker b;

	if (pair == NULL)
		return;
	word = atomic_load(&pair->breaker);
	b = pair_breaker_of(word);
	if (b.state != PAIR_OPEN || !b.elsewhere || !put(pair, &word, &(struct pair_breaker){ .state = PAIR_CLOSED }))
		return;
	forgive(pair);
	tell(h,
	    &(struct health_change){
		.event = HEALTH_UP, .channel_id = channel_id, .key_id = key_id, .cause = b.cause, .elsewhere = true });
}

void
health_learn_ping(struct health *h, int64_t channel_id, int64_t key_id, enum health_class class, int http_status,
    int64_t first_byte_ms)
{
	struct health_try t = { .channel_id = channel_id, .key_id = key_id, .insisted = true };
	struct verdict v = { .class = class, .http_status = http_status, .on_trial = true };

	if (h == NULL || (t.pair = pairs_take(h->pairs, channel_id, key_id)) == NULL)
		return;
	if (class != HEALTH_FINE) {
		note_failure(h, &t, &v, h->now_ms());
		return;
	}
	note_success(t.pair, h->now_ms());
	if (first_byte_ms > 0)
		pair_mean_move(t.pair, first_byte_ms * 1000);
	acquit(h, &t);
}

void
health_learn_on(struct health *h, int64_t channel_id, int64_t key_id)
{
	struct pair *pair = h == NULL ? NULL : pairs_find(h->pairs, channel_id, key_id);
	uint64_t word;

	if (pair == NULL)
		return;
	word = atomic_load(&pair->breaker);
	while (pair_breaker_of(word).state == PAIR_OFF)
		if (put(pair, &word, &(struct pair_breaker){ .state = PAIR_CLOSED })) {
			forgive(pair);
			return;
		}
}
