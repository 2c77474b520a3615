/* catalog/health and score/pairs: every rule by a clock of its own; threads and processes on one table. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalog/health.h"
#include "score/pairs.h"
#include "tap.h"

#define START_MS 1700000000000
#define CHANNEL 7
#define KEY 12

static int64_t clock_ms;
static struct scoreboard *board;
static struct health *h;
static struct health_change changes[64];
static int n_changes;

static const struct health_rules rules = { .failures = 3,
	.rate_failures = 2,
	.min_calls = 10,
	.max_percent = 50,
	.refusals = 3,
	.pause_ms = 1000,
	.pause_max_ms = 8000,
	.ticket_ms = 500 };

static int64_t
now_ms(void)
{
	return clock_ms;
}

static void
on_change(void *arg, const struct health_change *change)
{
	(void)arg;
	if (n_changes < 64)
		changes[n_changes] = *change;
	n_changes++;
}

static void
begin(void)
{
	clock_ms = START_MS;
	n_changes = 0;
	board = scoreboard_open("", 4, NULL);
	h = health_new(scoreboard_pairs(board), &rules, now_ms);
	health_listen(h, on_change, NULL);
}

static void
finish(void)
{
	health_free(h);
	scoreboard_close(board);
}

static struct health_view
view(void)
{
	struct health_view v;

	health_read(h, CHANNEL, KEY, &v);
	return v;
}

static uint64_t
counted(int what)
{
	return pairs_take(scoreboard_pairs(board), CHANNEL, KEY)->counts[what];
}

/* A call that takes `ms` to its first content, or fails. */
static bool
ask(enum health_class class, int http_status, int64_t retry_after_ms)
{
	struct wire_failure f = { .status = E_UPSTREAM_FAILED, .retryable = true, .retry_after_ms = retry_after_ms };
	struct health_try t;

	if (!health_enter(h, &t, CHANNEL, KEY, true))
		return false;
	clock_ms += 20;
	if (class == HEALTH_FINE)
		health_flows(h, &t);
	health_tell(h, &t, class, http_status, class == HEALTH_FINE ? NULL : &f);
	return true;
}

static void
ask_times(int n, enum health_class class, int http_status)
{
	for (int i = 0; i < n; i++)
		CU_ASSERT_TRUE(ask(class, http_status, 0));
}

/* ---- what a failure is -------------------------------------------------------------- */

static void
test_classes(void)
{
	static const struct {
		int http_status;
		bool flowed, retryable, next_channel;
		enum status status;
		enum health_class class;
	} rows[] = {
		{ 0, false, true, true, E_UPSTREAM_FAILED, HEALTH_CONNECT },
		{ 0, false, true, true, E_UPSTREAM_TIMEOUT, HEALTH_TIMEOUT },
		{ 200, false, true, true, E_UPSTREAM_TIMEOUT, HEALTH_TIMEOUT },
		{ 408, false, true, true, E_UPSTREAM_TIMEOUT, HEALTH_TIMEOUT },
		{ 504, false, true, true, E_UPSTREAM_TIMEOUT, HEALTH_TIMEOUT },
		{ 429, false, true, true, E_UPSTREAM_FAILED, HEALTH_RATE },
		{ 429, false, false, true, E_UPSTREAM_FAILED, HEALTH_REFUSED },
		{ 401, false, false, true, E_UPSTREAM_FAILED, HEALTH_REFUSED },
		{ 402, false, false, true, E_UPSTREAM_FAILED, HEALTH_REFUSED },
		{ 403, false, false, true, E_UPSTREAM_FAILED, HEALTH_REFUSED },
		{ 403, false, false, false, E_CONTENT_VIOLATION, HEALTH_CLIENT },
		{ 400, false, false, false, E_INVALID_REQUEST, HEALTH_CLIENT },
		{ 404, false, false, true, E_UPSTREAM_FAILED, HEALTH_CLIENT },
		{ 413, false, false, false, E_TOO_LARGE, HEALTH_CLIENT },
		{ 422, false, false, false, E_INVALID_REQUEST, HEALTH_CLIENT },
		{ 500, false, true, true, E_UPSTREAM_FAILED, HEALTH_SERVER },
		{ 529, false, true, true, E_UPSTREAM_FAILED, HEALTH_SERVER },
		{ 302, false, false, true, E_UPSTREAM_FAILED, HEALTH_SERVER },
		{ 200, false, false, true, E_UPSTREAM_FAILED, HEALTH_SERVER },
		{ 200, true, true, true, E_UPSTREAM_FAILED, HEALTH_CUT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire_failure f = {
			.status = rows[i].status, .retryable = rows[i].retryable, .next_channel = rows[i].next_channel
		};

		if (health_class_of(rows[i].http_status, rows[i].flowed, &f) != rows[i].class)
			printf("# row %zu: HTTP %d is %s\n", i, rows[i].http_status,
			    health_class_name(health_class_of(rows[i].http_status, rows[i].flowed, &f)));
		CU_ASSERT_EQUAL(health_class_of(rows[i].http_status, rows[i].flowed, &f), rows[i].class);
	}
}

/* ---- opening -------------------------------------------------------------------------- */

static void
test_single_errors(void)
{
	begin();
	for (int i = 0; i < 40; i++) { /* two of five fail, never three in a row */
		ask_times(2, HEALTH_SERVER, 500);
		ask_times(3, HEALTH_FINE, 200);
	}
	CU_ASSERT_EQUAL(view().state, HEALTH_CLOSED);
	CU_ASSERT_EQUAL(view().errors_per_mille, 400);
	CU_ASSERT_EQUAL(n_changes, 0);
	finish();
}

static void
test_in_a_row(void)
{
	begin();
	ask_times(2, HEALTH_CONNECT, 0);
	CU_ASSERT_EQUAL(view().state, HEALTH_CLOSED);
	ask_times(1, HEALTH_SERVER, 503);
	CU_ASSERT_EQUAL(view().state, HEALTH_OPEN);
	CU_ASSERT_TRUE(view().open_until_ms >= clock_ms + 500 && view().open_until_ms <= clock_ms + 1000);
	CU_ASSERT_FALSE(ask(HEALTH_FINE, 200, 0));
	CU_ASSERT_EQUAL(n_changes, 1);
	CU_ASSERT_EQUAL(changes[0].event, HEALTH_DOWN);
	CU_ASSERT_EQUAL(changes[0].cause, HEALTH_SERVER);
	CU_ASSERT_EQUAL(changes[0].http_status, 503);
	CU_ASSERT_EQUAL(changes[0].channel_id, CHANNEL);
	CU_ASSERT_EQUAL(changes[0].key_id, KEY);
	CU_ASSERT_EQUAL(counted(PAIR_OPENS), 1);
	CU_ASSERT_EQUAL(counted(PAIR_SKIPS), 1);
	CU_ASSERT_EQUAL(counted(PAIR_TRIES), 3);
	finish();
}

static void
test_share_of_the_window(void)
{
	begin();
	for (int i = 0; i < 3; i++) {
		ask_times(1, HEALTH_FINE, 200);
		ask_times(2, HEALTH_TIMEOUT, 504);
	}
	CU_ASSERT_EQUAL(view().state, HEALTH_CLOSED); /* nine calls are too few to tell */
	ask_times(1, HEALTH_FINE, 200);
	ask_times(1, HEALTH_TIMEOUT, 504); /* 7 of 11 */
	CU_ASSERT_EQUAL(view().state, HEALTH_OPEN);
	finish();
}

static void
test_the_window_slides(void)
{
	begin();
	for (int i = 0; i < 4; i++) {
		ask_times(2, HEALTH_FINE, 200);
		ask_times(1, HEALTH_SERVER, 500);
		ask_times(1, HEALTH_FINE, 200);
	}
	CU_ASSERT_EQUAL(view().calls, 16);
	clock_ms += PAIR_BUCKETS * PAIR_BUCKET_MS;
	CU_ASSERT_EQUAL(view().calls, 0);
	CU_ASSERT_EQUAL(view().errors_per_mille, 0);
	ask_times(2, HEALTH_SERVER, 500);
	CU_ASSERT_EQUAL(view().calls, 2);
	CU_ASSERT_EQUAL(view().state, HEALTH_CLOSED);
	finish();
}

static void
test_what_clients_ask_wrongly(void)
{
	begin();
	ask_times(2, HEALTH_SERVER, 500);
	ask_times(100, HEALTH_CLIENT, 400);
	CU_ASSERT_EQUAL(view().state, HEALTH_CLOSED);
	CU_ASSERT_EQUAL(view().calls, 2);
	CU_ASSERT_EQUAL(counted(PAIR_FAILURES + HEALTH_CLIENT), 100);
	ask_times(1, HEALTH_SERVER, 500); /* nor does it forgive anything */
	CU_ASSERT_EQUAL(view().state, HEALTH_OPEN);
	finish();
}

static void
test_rate_limited(void)
{
	begin();
	CU_ASSERT_TRUE(ask(HEALTH_RATE, 429, 30000));
	CU_ASSERT_EQUAL(view().state, HEALTH_CLOSED);
	CU_ASSERT_TRUE(ask(HEALTH_RATE, 429, 30000));
	CU_ASSERT_EQUAL(view().state, HEALTH_OPEN);
	CU_ASSERT_EQUAL(view().open_until_ms, clock_ms + 30000); /* longer than the pause */
	finish();
	begin();
	ask_times(2, HEALTH_RATE, 429);
	CU_ASSERT_TRUE(view().open_until_ms >= clock_ms + 500); /* no time named: the pause */
	finish();
	begin();
	CU_ASSERT_TRUE(ask(HEALTH_RATE, 429, 1) && ask(HEALTH_RATE, 429, 86400000));
	CU_ASSERT_EQUAL(view().open_until_ms, clock_ms + 3600000); /* not for a day */
	finish();
}

/* What was under way when it opened may bring a longer time, and never a shorter one. */
static void
test_the_longer_time_holds(void)
{
	struct wire_failure later = { .retry_after_ms = 60000 }, sooner = { .retry_after_ms = 10000 };
	struct health_try a, b;

	begin();
	CU_ASSERT_TRUE(health_enter(h, &a, CHANNEL, KEY, true));
	CU_ASSERT_TRUE(health_enter(h, &b, CHANNEL, KEY, true));
	ask_times(2, HEALTH_RATE, 429);
	health_tell(h, &a, HEALTH_RATE, 429, &later);
	CU_ASSERT_EQUAL(view().open_until_ms, clock_ms + 60000);
	health_tell(h, &b, HEALTH_RATE, 429, &sooner);
	CU_ASSERT_EQUAL(view().open_until_ms, clock_ms + 60000);
	finish();
}

/* One that began before it opened says nothing of now. */
static void
test_a_late_success(void)
{
	struct health_try t;

	begin();
	CU_ASSERT_TRUE(health_enter(h, &t, CHANNEL, KEY, true));
	ask_times(3, HEALTH_SERVER, 500);
	health_flows(h, &t);
	health_tell(h, &t, HEALTH_FINE, 200, NULL);
	CU_ASSERT_EQUAL(view().state, HEALTH_OPEN);
	finish();
}

/* ---- coming back ---------------------------------------------------------------------------- */

static void
test_half_open(void)
{
	struct health_try one, other;

	begin();
	ask_times(3, HEALTH_SERVER, 500);
	clock_ms = view().open_until_ms;
	CU_ASSERT_EQUAL(view().state, HEALTH_HALF_OPEN);
	CU_ASSERT_TRUE(health_enter(h, &one, CHANNEL, KEY, true));
	CU_ASSERT_FALSE(health_enter(h, &other, CHANNEL, KEY, true)); /* one at a time */
	health_flows(h, &one);
	CU_ASSERT_EQUAL(view().state, HEALTH_CLOSED); /* with the first content, not minutes later */
	CU_ASSERT_EQUAL(n_changes, 2);
	CU_ASSERT_EQUAL(changes[1].event, HEALTH_UP);
	health_tell(h, &one, HEALTH_FINE, 200, NULL);
	CU_ASSERT_EQUAL(view().calls, 1); /* what was before is forgiven */
	ask_times(2, HEALTH_SERVER, 500);
	CU_ASSERT_EQUAL(view().state, HEALTH_CLOSED);
	finish();
}

static void
test_longer_each_time(void)
{
	int64_t before_ms = 0;

	begin();
	ask_times(3, HEALTH_SERVER, 500);
	for (int i = 0; i < 8; i++) {
		int64_t ms;

		clock_ms = view().open_until_ms;
		CU_ASSERT_TRUE(ask(HEALTH_SERVER, 500, 0));
		CU_ASSERT_EQUAL(view().state, HEALTH_OPEN);
		ms = view().open_until_ms - clock_ms;
		CU_ASSERT_TRUE(ms <= 8000 && ms >= (i < 2 ? 1000 << i : 4000)); /* upper half of 2, 4, 8, 8 … s */
		before_ms = ms;
	}
	CU_ASSERT_TRUE(before_ms >= 4000);
	CU_ASSERT_EQUAL(counted(PAIR_OPENS), 1);
	clock_ms = view().open_until_ms;
	ask_times(1, HEALTH_FINE, 200);
	ask_times(3, HEALTH_SERVER, 500);
	CU_ASSERT_TRUE(view().open_until_ms <= clock_ms + 1000); /* from the beginning again */
	finish();
}

static void
test_the_ticket_is_a_lease(void)
{
	struct health_try lost, next, wrong;

	begin();
	ask_times(3, HEALTH_SERVER, 500);
	clock_ms = view().open_until_ms;
	CU_ASSERT_TRUE(health_enter(h, &lost, CHANNEL, KEY, true)); /* and never heard of again */
	clock_ms += rules.ticket_ms - 1;
	CU_ASSERT_FALSE(health_enter(h, &next, CHANNEL, KEY, true));
	clock_ms += 1;
	CU_ASSERT_TRUE(health_enter(h, &next, CHANNEL, KEY, true));
	health_drop(h, &lost); /* it has that of another no more */
	CU_ASSERT_FALSE(health_enter(h, &wrong, CHANNEL, KEY, true));
	health_drop(h, &next); /* given up: for the next at once */
	CU_ASSERT_TRUE(health_enter(h, &wrong, CHANNEL, KEY, true));
	health_tell(h, &wrong, HEALTH_CLIENT, 400, &(struct wire_failure){ .detail = "" });
	CU_ASSERT_EQUAL(view().state, HEALTH_HALF_OPEN); /* it proved nothing either way */
	CU_ASSERT_TRUE(health_enter(h, &next, CHANNEL, KEY, true));
	finish();
}

static void
test_the_only_one(void)
{
	struct health_try t;

	begin();
	ask_times(2, HEALTH_RATE, 429);
	CU_ASSERT_FALSE(health_enter(h, &t, CHANNEL, KEY, true));
	CU_ASSERT_TRUE(health_insist(h, &t, CHANNEL, KEY, true));
	health_tell(h, &t, HEALTH_RATE, 429, &(struct wire_failure){ .retryable = true });
	CU_ASSERT_EQUAL(view().state, HEALTH_OPEN);
	CU_ASSERT_TRUE(view().open_until_ms <= clock_ms + 1000); /* insisting makes it no longer */
	CU_ASSERT_TRUE(health_insist(h, &t, CHANNEL, KEY, true));
	health_flows(h, &t);
	CU_ASSERT_EQUAL(view().state, HEALTH_CLOSED);
	finish();
}

static void
test_a_clock_put_back(void)
{
	begin();
	ask_times(3, HEALTH_SERVER, 500);
	clock_ms -= 86400000;
	CU_ASSERT_EQUAL(view().state, HEALTH_HALF_OPEN);
	CU_ASSERT_TRUE(ask(HEALTH_FINE, 200, 0));
	CU_ASSERT_EQUAL(view().state, HEALTH_CLOSED);
	finish();
}

/* ---- keys that are refused ---------------------------------------------------------------------- */

static void
test_refusals(void)
{
	struct health_try t;

	begin();
	ask_times(2, HEALTH_REFUSED, 401);
	ask_times(1, HEALTH_FINE, 200); /* so it is no matter of the key */
	ask_times(2, HEALTH_REFUSED, 403);
	ask_times(1, HEALTH_SERVER, 500); /* says nothing of the key */
	CU_ASSERT_EQUAL(view().state, HEALTH_OPEN);
	clock_ms = view().open_until_ms;
	ask_times(1, HEALTH_REFUSED, 401);
	CU_ASSERT_EQUAL(view().state, HEALTH_OFF);
	CU_ASSERT_EQUAL(changes[n_changes - 1].event, HEALTH_KEY_OFF);
	CU_ASSERT_EQUAL(changes[n_changes - 1].http_status, 401);
	CU_ASSERT_FALSE(health_enter(h, &t, CHANNEL, KEY, true));
	CU_ASSERT_FALSE(health_insist(h, &t, CHANNEL, KEY, true));
	clock_ms += 86400000; /* time alone brings no key back */
	CU_ASSERT_FALSE(health_insist(h, &t, CHANNEL, KEY, true));
	health_learn_on(h, CHANNEL, KEY);
	CU_ASSERT_EQUAL(view().state, HEALTH_CLOSED);
	ask_times(2, HEALTH_REFUSED, 401);
	CU_ASSERT_EQUAL(view().state, HEALTH_CLOSED); /* evidence anew */
	finish();
}

static void
test_what_may_not_be_turned_off(void)
{
	struct wire_failure f = { .next_channel = true };
	struct health_view v;
	struct health_try t;

	begin();
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_TRUE(health_enter(h, &t, CHANNEL, KEY, false)); /* auto_disable off */
		health_tell(h, &t, HEALTH_REFUSED, 401, &f);
	}
	CU_ASSERT_EQUAL(view().state, HEALTH_OPEN);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_TRUE(health_enter(h, &t, CHANNEL, 0, true)); /* no key to turn off */
		health_tell(h, &t, HEALTH_REFUSED, 401, &f);
	}
	health_read(h, CHANNEL, 0, &v);
	CU_ASSERT_EQUAL(v.state, HEALTH_OPEN);
	finish();
}

/* ---- from elsewhere -------------------------------------------------------------------------------- */

static void
test_other_hosts(void)
{
	begin();
	CU_ASSERT_TRUE(health_learn_open(h, CHANNEL, KEY, HEALTH_SERVER, clock_ms + 5000));
	CU_ASSERT_EQUAL(view().state, HEALTH_OPEN);
	CU_ASSERT_TRUE(changes[0].elsewhere);
	CU_ASSERT_FALSE(health_learn_open(h, CHANNEL, KEY, HEALTH_SERVER, clock_ms + 4000));
	CU_ASSERT_EQUAL(view().open_until_ms, clock_ms + 5000);
	health_learn_closed(h, CHANNEL, KEY);
	CU_ASSERT_EQUAL(view().state, HEALTH_CLOSED);
	CU_ASSERT_FALSE(health_learn_open(h, CHANNEL, KEY, HEALTH_SERVER, clock_ms - 1));	  /* long over */
	CU_ASSERT_FALSE(health_learn_open(h, CHANNEL, KEY, HEALTH_SERVER, clock_ms + 360000000)); /* nonsense */
	ask_times(3, HEALTH_SERVER, 500);
	health_learn_closed(h, CHANNEL, KEY); /* our own evidence stands */
	CU_ASSERT_EQUAL(view().state, HEALTH_OPEN);
	finish();
}

static void
test_pings(void)
{
	begin();
	for (int i = 0; i < 3; i++)
		health_learn_ping(h, CHANNEL, KEY, HEALTH_CONNECT, 0, 0);
	CU_ASSERT_EQUAL(view().state, HEALTH_OPEN); /* before any call had to fail */
	health_learn_ping(h, CHANNEL, KEY, HEALTH_FINE, 200, 80);
	CU_ASSERT_EQUAL(view().state, HEALTH_CLOSED); /* before its time */
	CU_ASSERT_EQUAL(view().first_byte_ms, 80);
	CU_ASSERT_EQUAL(counted(PAIR_TRIES), 0);
	for (int i = 0; i < 5; i++)
		health_learn_ping(h, CHANNEL, KEY, HEALTH_REFUSED, 401, 0);
	CU_ASSERT_EQUAL(view().state, HEALTH_OPEN); /* the key itself is turned off where its row is */
	finish();
}

/* ---- the table ---------------------------------------------------------------------------------------- */

static void
test_means(void)
{
	struct health_try t;

	begin();
	for (int i = 0; i < 60; i++) {
		CU_ASSERT_TRUE(health_enter(h, &t, CHANNEL, KEY, true));
		clock_ms += i < 20 ? 1000 : 100;
		health_flows(h, &t);
		health_flows(h, &t); /* only the first counts */
		health_tell(h, &t, HEALTH_FINE, 200, NULL);
	}
	CU_ASSERT_TRUE(view().first_byte_ms >= 100 && view().first_byte_ms < 110);
	CU_ASSERT_EQUAL(counted(PAIR_FIRST_BYTES), 60);
	CU_ASSERT_EQUAL(counted(PAIR_FIRST_BYTE_MS), 24000);
	CU_ASSERT_EQUAL(counted(PAIR_HISTOGRAM + 6), 20); /* up to 1 s */
	CU_ASSERT_EQUAL(counted(PAIR_HISTOGRAM + 3), 40); /* up to 100 ms */
	health_switched(h, CHANNEL, KEY);
	CU_ASSERT_EQUAL(counted(PAIR_SWITCHES), 1);
	finish();
}

static void
test_names(void)
{
	struct pairs *p;
	struct health_try t;
	int64_t channel, key, sum = 0;
	uint32_t at = 0;
	int n = 0;

	begin();
	p = scoreboard_pairs(board);
	CU_ASSERT_PTR_NULL(pairs_find(p, 1, 1));
	for (int64_t c = 1; c <= 64; c++)
		for (int64_t k = 0; k < 64; k++)
			CU_ASSERT_PTR_NOT_NULL(pairs_take(p, c, k * 1000));
	CU_ASSERT_PTR_NULL(pairs_take(p, 65, 0)); /* full */
	CU_ASSERT_PTR_EQUAL(pairs_take(p, 64, 63000), pairs_find(p, 64, 63000));
	CU_ASSERT_PTR_NOT_EQUAL(pairs_find(p, 64, 63000), pairs_find(p, 63, 63000));
	while (pairs_next(p, &at, &channel, &key) != NULL) {
		sum += channel * 1000000 + key;
		n++;
	}
	CU_ASSERT_EQUAL(n, PAIRS_MAX);
	CU_ASSERT_EQUAL(sum, INT64_C(64) * 65 / 2 * 64 * 1000000 + INT64_C(64) * 63 * 64 / 2 * 1000);
	CU_ASSERT_TRUE(health_enter(h, &t, 65, 0, true)); /* goes on unseen */
	health_flows(h, &t);
	health_tell(h, &t, HEALTH_FINE, 200, NULL);
	CU_ASSERT_PTR_NULL(pairs_take(p, INT64_C(1) << 40, 0));
	CU_ASSERT_PTR_NULL(pairs_take(p, 0, 0));
	CU_ASSERT_PTR_NULL(pairs_take(p, 1, -1));
	finish();
}

static void
test_without_a_table(void)
{
	struct health_try t;
	struct health_view v;

	CU_ASSERT_PTR_NULL(health_new(NULL, &rules, NULL));
	CU_ASSERT_TRUE(health_enter(NULL, &t, CHANNEL, KEY, true));
	health_flows(NULL, &t);
	health_tell(NULL, &t, HEALTH_SERVER, 500, &(struct wire_failure){ .retryable = true });
	health_drop(NULL, &t);
	health_switched(NULL, CHANNEL, KEY);
	CU_ASSERT_FALSE(health_learn_open(NULL, CHANNEL, KEY, HEALTH_SERVER, START_MS));
	health_learn_on(NULL, CHANNEL, KEY);
	health_read(NULL, CHANNEL, KEY, &v);
	CU_ASSERT_EQUAL(v.state, HEALTH_CLOSED);
}

static void
test_words(void)
{
	struct pair_breaker b = { PAIR_OPEN, .level = 63, .elsewhere = true, .cause = 9, .until_ms = START_MS }, c;
	struct pair_failure f = { .class = 7, .http_status = 599, .at_ms = START_MS }, g;

	c = pair_breaker_of(pair_breaker_word(&b));
	CU_ASSERT_TRUE(c.state == b.state && c.level == b.level && c.elsewhere && !c.stored && c.cause == b.cause &&
	    c.until_ms == b.until_ms);
	g = pair_failure_of(pair_failure_word(&f));
	CU_ASSERT_TRUE(g.class == 7 && g.http_status == 599 && g.at_ms == START_MS);
	CU_ASSERT_EQUAL(pair_breaker_word(&(struct pair_breaker){ PAIR_CLOSED, .level = 0 }), 0);
}

/* ---- many at once -------------------------------------------------------------------------------------- */

#define THREADS 8
#define EACH 4000

static _Atomic int tickets, entered, downs;

static void
count_downs(void *arg, const struct health_change *change)
{
	(void)arg;
	if (change->event == HEALTH_DOWN)
		downs++;
}

static void *
hammer(void *arg)
{
	struct wire_failure f = { .retryable = true };
	struct health_try t;

	for (int i = 0; i < EACH; i++)
		if (health_enter(h, &t, CHANNEL + i % 32, (intptr_t)arg % 2, true)) {
			entered++;
			health_flows(h, &t);
			health_tell(h, &t, i % 3 == 0 ? HEALTH_CLIENT : HEALTH_FINE, 200, &f);
		}
	return NULL;
}

static void
test_threads(void)
{
	pthread_t threads[THREADS];
	uint64_t told = 0, tries = 0, first = 0;
	int64_t channel, key;
	uint32_t at = 0;
	struct pair *pair;

	begin();
	entered = 0;
	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, hammer, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	while ((pair = pairs_next(scoreboard_pairs(board), &at, &channel, &key)) != NULL) {
		told += pair->counts[PAIR_SUCCESSES] + pair->counts[PAIR_FAILURES + HEALTH_CLIENT];
		tries += pair->counts[PAIR_TRIES];
		first += pair->counts[PAIR_FIRST_BYTES];
	}
	CU_ASSERT_EQUAL(entered, THREADS * EACH);
	CU_ASSERT_EQUAL(told, THREADS * EACH);
	CU_ASSERT_EQUAL(tries, THREADS * EACH);
	CU_ASSERT_EQUAL(first, THREADS * EACH);
	CU_ASSERT_EQUAL(scoreboard_pairs(board)->n_used, 64);
	finish();
}

static void *
fail_often(void *arg)
{
	struct wire_failure f = { .retryable = true };
	struct health_try t;

	(void)arg;
	for (int i = 0; i < 100; i++)
		if (health_enter(h, &t, CHANNEL, KEY, true))
			health_tell(h, &t, HEALTH_SERVER, 500, &f);
	return NULL;
}

static void *
want_ticket(void *arg)
{
	struct health_try t;

	(void)arg;
	if (health_enter(h, &t, CHANNEL, KEY, true))
		tickets++;
	return NULL;
}

static void
test_one_opens_and_one_tries(void)
{
	pthread_t threads[THREADS];

	begin();
	health_listen(h, count_downs, NULL);
	downs = tickets = 0;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, fail_often, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(downs, 1);
	clock_ms = view().open_until_ms;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, want_ticket, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(tickets, 1);
	finish();
}

/* Killed at any instruction, a process leaves a table that others can use. */
static void
test_killed_processes(void)
{
	struct health_try t;

	begin();
	for (int i = 0; i < 40; i++) {
		pid_t pid = fork();

		if (pid == 0)
			for (int n = 0;; n++) {
				clock_ms += 1;
				if (health_enter(h, &t, CHANNEL, KEY, true))
					health_tell(h, &t, n % 5 < 3 ? HEALTH_SERVER : HEALTH_FINE, 500,
					    &(struct wire_failure){ .retryable = true });
			}
		usleep(1000 + (useconds_t)(random() % 3000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	CU_ASSERT_TRUE(counted(PAIR_TRIES) > 0); /* they share it */
	CU_ASSERT_EQUAL(scoreboard_pairs(board)->n_used, 1);
	clock_ms += 86400000;
	CU_ASSERT_TRUE(health_enter(h, &t, CHANNEL, KEY, true));
	health_flows(h, &t);
	health_tell(h, &t, HEALTH_FINE, 200, NULL);
	CU_ASSERT_EQUAL(view().state, HEALTH_CLOSED);
	finish();
}

static CU_TestInfo rules_tests[] = {
	{ "what a failure is", test_classes },
	{ "single errors open nothing", test_single_errors },
	{ "failures in a row open", test_in_a_row },
	{ "too many of the window open, if they are many", test_share_of_the_window },
	{ "the window slides", test_the_window_slides },
	{ "what clients ask wrongly counts nothing", test_what_clients_ask_wrongly },
	{ "429 opens sooner, for what the provider asks", test_rate_limited },
	{ "the longer time holds", test_the_longer_time_holds },
	{ "a success that began before says nothing", test_a_late_success },
	{ "half open lets one through, whose first content closes", test_half_open },
	{ "longer with each failure, up to a cap", test_longer_each_time },
	{ "the ticket is a lease", test_the_ticket_is_a_lease },
	{ "the only one is asked all the same", test_the_only_one },
	{ "a clock that was put back", test_a_clock_put_back },
	{ "refusals turn a key off, and only that", test_refusals },
	{ "what may not be turned off opens", test_what_may_not_be_turned_off },
	{ "other hosts", test_other_hosts },
	{ "pings", test_pings },
	{ "means and counts", test_means },
	CU_TEST_INFO_NULL,
};

static CU_TestInfo table_tests[] = {
	{ "room for 4,096 pairs, and life beyond", test_names },
	{ "no table: everything is closed", test_without_a_table },
	{ "words", test_words },
	{ "threads lose no count", test_threads },
	{ "one opens, one tries", test_one_opens_and_one_tries },
	{ "killed processes", test_killed_processes },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "breaker", NULL, NULL, NULL, NULL, rules_tests },
	{ "pairs", NULL, NULL, NULL, NULL, table_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
