/* Rate limits: every dimension, the sliding window, races, and life without Redis. */
#include "base/clock.h"
#include "limits/rates.h"

#include <pthread.h>
#include <stdatomic.h>

#include "unit/redisd.h"
#include "tap.h"

static struct redis *r;

static int
set_up(void)
{
	if (redisd_start(
		"[limits]\nrate_stream = 3/1m\nrate_login = 2/1m\nrate_account = 2/1m\nrate_read = off\nrate_address = 5/1m\n"
		"rate_global = 8/1m\n") != 0)
		return -1;
	r = redis_new(redisd_conf);
	return 0;
}

static int
tear_down(void)
{
	redis_free(r);
	redisd_stop();
	return 0;
}

static void
begin(void)
{
	for (int i = 0; i < 200 && redis_call(r, NULL, "FLUSHALL") != OK; i++)
		pause_ms(10);
}

static struct limit
limit(const char *key, int64_t count, int64_t per_ms)
{
	struct limit l = { .rate = { count, per_ms } };

	snprintf(l.key, sizeof(l.key), "%s", key);
	return l;
}

/* One request against one limit. */
static enum status
take(const char *key, int64_t count, int64_t per_ms, struct limit *after)
{
	struct limit l = limit(key, count, per_ms);
	int tightest;
	enum status st = limits_take(r, redisd_conf, &l, 1, &tightest);

	if (after != NULL)
		*after = l;
	return st;
}

/* ---- the window ------------------------------------------------------------------- */

static void
test_exactly_the_limit(void)
{
	struct limit l;

	begin();
	for (int i = 0; i < 30; i++) {
		CU_ASSERT_EQUAL(take("a", 30, 60000, &l), OK);
		CU_ASSERT_EQUAL(l.remaining, 29 - i);
	}
	CU_ASSERT_EQUAL(take("a", 30, 60000, &l), E_RATE_LIMITED);
	CU_ASSERT(l.retry_after_ms > 58000 && l.retry_after_ms <= 62000);
	CU_ASSERT(l.reset_ms > 55000 && l.reset_ms <= 60000);
	CU_ASSERT_EQUAL(take("b", 30, 60000, &l), OK);
}

static void
test_retry_after_is_kept(void)
{
	struct limit l;
	int64_t wait;

	begin();
	for (int i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(take("a", 10, 900, NULL), OK);
	CU_ASSERT_EQUAL(take("a", 10, 900, &l), E_RATE_LIMITED);
	wait = l.retry_after_ms;
	CU_ASSERT(wait > 500 && wait <= 991); /* the rest of the window and a tenth of the next */
	pause_ms((int)wait - 200);
	CU_ASSERT_EQUAL(take("a", 10, 900, NULL), E_RATE_LIMITED);
	pause_ms(205);
	CU_ASSERT_EQUAL(take("a", 10, 900, NULL), OK);
}

/* At no boundary does twice the limit pass. */
static void
test_no_burst_at_the_boundary(void)
{
	int64_t began_ms, late_ms;
	int passed = 0;

	begin();
	began_ms = clock_mono_ms();
	CU_ASSERT_EQUAL(take("a", 20, 500, NULL), OK);
	pause_ms(400);
	for (int i = 0; i < 19; i++)
		CU_ASSERT_EQUAL(take("a", 20, 500, NULL), OK);
	pause_ms(110);
	for (int i = 0; i < 20; i++)
		passed += take("a", 20, 500, NULL) == OK;
	/* the first window weighs in by what still overlaps: some ms late, a slow machine more */
	late_ms = clock_mono_ms() - began_ms - 500;
	CU_ASSERT(passed <= 20 * late_ms / 500 + 4);
	pause_ms(1000);
	CU_ASSERT_EQUAL(take("a", 20, 500, NULL), OK);
}

static void
test_refused_counts_nowhere(void)
{
	struct limit three[3];
	int tightest;

	begin();
	CU_ASSERT_EQUAL(take("small", 1, 60000, NULL), OK);
	for (int i = 0; i < 10; i++) {
		three[0] = limit("wide", 5, 60000);
		three[1] = limit("small", 1, 60000);
		three[2] = limit("other", 5, 60000);
		CU_ASSERT_EQUAL(limits_take(r, redisd_conf, three, 3, &tightest), E_RATE_LIMITED);
		CU_ASSERT_EQUAL(tightest, 1);
		CU_ASSERT_EQUAL(three[0].retry_after_ms, 0);
	}
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(take("wide", 5, 60000, NULL), OK);
		CU_ASSERT_EQUAL(take("other", 5, 60000, NULL), OK);
	}
	CU_ASSERT_EQUAL(take("wide", 5, 60000, NULL), E_RATE_LIMITED);
}

static void
test_off(void)
{
	struct limit two[2] = { limit("x", 0, 0), limit("y", 0, 0) };
	int tightest = 7;

	begin();
	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(limits_take(r, redisd_conf, two, 2, &tightest), OK);
	CU_ASSERT_EQUAL(tightest, -1);
	two[1] = limit("y", 9, 60000);
	CU_ASSERT_EQUAL(limits_take(r, redisd_conf, two, 2, &tightest), OK);
	CU_ASSERT_EQUAL(tightest, 1);
}

/* ---- races -------------------------------------------------------------------------- */

static _Atomic int passed_all;

static void *
racer(void *arg)
{
	struct redis *mine = redis_new(redisd_conf);
	int tightest;

	for (int i = 0; i < 25; i++) {
		struct limit two[2] = { limit("race", 100, 60000), limit(arg, 60, 60000) };

		passed_all += limits_take(mine, redisd_conf, two, 2, &tightest) == OK;
	}
	redis_free(mine);
	return NULL;
}

static void
race(void)
{
	pthread_t threads[40];

	passed_all = 0;
	for (int i = 0; i < 40; i++)
		pthread_create(&threads[i], NULL, racer, i % 2 == 0 ? "race-even" : "race-odd");
	for (int i = 0; i < 40; i++)
		pthread_join(threads[i], NULL);
}

static void
test_race(void)
{
	begin();
	race();
	CU_ASSERT_EQUAL(passed_all, 100);
}

/* ---- without Redis -------------------------------------------------------------------- */

static void
test_without_redis(void)
{
	struct limit l, two[2];
	uint64_t before = limits_degraded_count();
	int tightest;

	begin();
	redisd_kill();
	for (int i = 0; i < 30; i++) {
		CU_ASSERT_EQUAL(take("local", 30, 60000, &l), OK);
		CU_ASSERT_EQUAL(l.remaining, 29 - i);
	}
	CU_ASSERT_EQUAL(take("local", 30, 60000, &l), E_RATE_LIMITED);
	CU_ASSERT(l.retry_after_ms > 0 && l.retry_after_ms <= 2001);
	CU_ASSERT(limits_degraded_count() >= before + 31);
	for (int i = 0; i < 10; i++) {
		two[0] = limit("free", 3, 60000);
		two[1] = limit("local", 30, 60000);
		CU_ASSERT_EQUAL(limits_take(r, redisd_conf, two, 2, &tightest), E_RATE_LIMITED);
		CU_ASSERT_EQUAL(tightest, 1);
	}
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(take("free", 3, 60000, NULL), OK); /* what was refused counted nowhere */
	CU_ASSERT_EQUAL(take("free", 3, 60000, NULL), E_RATE_LIMITED);
	CU_ASSERT_EQUAL(take("quick", 2, 100, NULL), OK);
	CU_ASSERT_EQUAL(take("quick", 2, 100, NULL), OK);
	CU_ASSERT_EQUAL(take("quick", 2, 100, NULL), E_RATE_LIMITED);
	pause_ms(60);
	CU_ASSERT_EQUAL(take("quick", 2, 100, NULL), OK);
	CU_ASSERT_EQUAL(take("any", 100000000, 60000, NULL), OK); /* more than one a microsecond */
	race();
	CU_ASSERT_EQUAL(passed_all, 100);
	redisd_launch();
}

static _Atomic int let_through;

static void *
take_hot(void *arg)
{
	struct redis *mine = redis_new(redisd_conf);

	(void)arg;
	for (int i = 0; i < 20000; i++) {
		struct limit l = limit("hot", 100000, 86400000);
		int tightest;

		let_through += limits_take(mine, redisd_conf, &l, 1, &tightest) == OK;
	}
	redis_free(mine);
	return NULL;
}

/* What the threads of a process count together is exact as well. */
static void
test_race_without_redis(void)
{
	pthread_t threads[8];
	int64_t began_ms = clock_mono_ms(), came_free;

	redisd_kill();
	let_through = 0;
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, take_hot, NULL);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	came_free = (clock_mono_ms() - began_ms) / 864 + 1; /* while it lasted: one of 100,000 a day */
	CU_ASSERT(let_through >= 100000 && let_through <= 100000 + came_free);
	redisd_launch();
}

/* More keys than the table has room for: it forgets, it does not grow or fail. */
static void
test_many_keys_without_redis(void)
{
	char key[32];
	int refused = 0;

	redisd_kill();
	for (int i = 0; i < 100000; i++) {
		snprintf(key, sizeof(key), "many%d", i);
		refused += take(key, 10, 60000, NULL) != OK;
	}
	CU_ASSERT_EQUAL(refused, 0);
	redisd_launch();
}

/* ---- the stage --------------------------------------------------------------------------- */

static struct arena *arena;
static int retry_after_s; /* of the last one asked */

/* What a request of `user` from `ip` on a route of `class` is told; its headers in *headers. */
static enum status
ask(enum rate_class class, const char *user, const char *ip, const char **headers)
{
	struct route route = { .method = "GET", .path = "/x", .rate = class };
	struct request rq = {
		.cx = { .conf = redisd_conf, .redis = r, .client_ip = ip }, .route = &route, .extra_headers = ""
	};
	enum status st;

	arena_free(arena);
	rq.cx.arena = arena = arena_new(4096, 1 << 20);
	rq.cx.caller.user_id = user;
	st = limits_stage(&rq);
	CU_ASSERT_EQUAL(rq.cx.error, st);
	retry_after_s = rq.cx.retry_after_s;
	if (headers != NULL)
		*headers = rq.extra_headers;
	return st;
}

static void
test_stage_headers(void)
{
	const char *headers;

	begin();
	CU_ASSERT_EQUAL(ask(RATE_STREAM, "u1", "192.0.2.1", &headers), OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(headers, "RateLimit-Limit: 3\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(headers, "RateLimit-Remaining: 2\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(headers, "RateLimit-Reset: 60\r\n"));
	CU_ASSERT_EQUAL(retry_after_s, 0);
	CU_ASSERT_EQUAL(ask(RATE_STREAM, "u1", "192.0.2.1", NULL), OK);
	CU_ASSERT_EQUAL(ask(RATE_STREAM, "u1", "192.0.2.1", NULL), OK);
	CU_ASSERT_EQUAL(ask(RATE_STREAM, "u1", "192.0.2.2", &headers), E_RATE_LIMITED); /* whatever the address */
	CU_ASSERT_PTR_NOT_NULL(strstr(headers, "RateLimit-Remaining: 0\r\n"));
	CU_ASSERT(retry_after_s > 0);
	CU_ASSERT_EQUAL(ask(RATE_LOGIN, "u1", "192.0.2.1", NULL), OK);	/* another class */
	CU_ASSERT_EQUAL(ask(RATE_STREAM, "u2", "192.0.2.1", NULL), OK); /* another user: the address' 5th */
	CU_ASSERT_EQUAL(ask(RATE_READ, "u3", "192.0.2.1", &headers), E_RATE_LIMITED);
	CU_ASSERT_PTR_NOT_NULL(strstr(headers, "RateLimit-Limit: 5\r\n"));
	CU_ASSERT_EQUAL(ask(RATE_NONE, "u3", "192.0.2.1", &headers), OK);
	CU_ASSERT_STRING_EQUAL(headers, "");
	/* 5 so far on the whole site */
	CU_ASSERT_EQUAL(ask(RATE_READ, "u3", "192.0.2.3", NULL), OK);
	CU_ASSERT_EQUAL(ask(RATE_READ, "u3", "192.0.2.4", NULL), OK);
	CU_ASSERT_EQUAL(ask(RATE_READ, "u3", "192.0.2.5", NULL), OK);
	CU_ASSERT_EQUAL(ask(RATE_READ, "u3", "192.0.2.6", &headers), E_RATE_LIMITED);
	CU_ASSERT_PTR_NOT_NULL(strstr(headers, "RateLimit-Limit: 8\r\n"));
}

/* Each class has the rate that is named like it, and a count of its own. */
static void
test_every_class(void)
{
	static const struct {
		enum rate_class class;
		const char *name;
		size_t rate;
	} rows[] = {
#define ROW(CLASS, name) { RATE_##CLASS, #name, offsetof(struct conf, limits_rate_##name) }
		ROW(READ, read), ROW(WRITE, write), ROW(LOGIN, login), ROW(STREAM, stream), ROW(REGENERATE, regenerate),
		ROW(IMAGE, image), ROW(VIDEO, video), ROW(ADMIN, admin)
#undef ROW
	};
	struct conf *before = redisd_conf, conf = *before;
	char limit_header[64];
	const char *headers;

	begin();
	redisd_conf = &conf;
	conf.limits_rate_address = conf.limits_rate_global = (struct rate){ 0, 0 };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		*(struct rate *)(void *)((char *)&conf + rows[i].rate) = (struct rate){ (int64_t)i + 1, 60000 };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(limit_header, sizeof(limit_header), "RateLimit-Limit: %zu\r\nRateLimit-Remaining: %zu\r\n",
		    i + 1, i);
		CU_ASSERT_EQUAL(ask(rows[i].class, "u1", "192.0.2.1", &headers), OK);
		if (strstr(headers, limit_header) == NULL)
			CU_FAIL(rows[i].name);
	}
	redisd_conf = before;
	arena_free(arena);
	arena = NULL;
}

static void
test_stage_addresses(void)
{
	begin();
	CU_ASSERT_EQUAL(ask(RATE_LOGIN, NULL, "192.0.2.1", NULL), OK);
	CU_ASSERT_EQUAL(ask(RATE_LOGIN, NULL, "::ffff:192.0.2.1", NULL), OK);
	CU_ASSERT_EQUAL(ask(RATE_LOGIN, NULL, "192.0.2.1", NULL), E_RATE_LIMITED);
	CU_ASSERT_EQUAL(ask(RATE_LOGIN, NULL, "2001:db8:1:2::1", NULL), OK);
	CU_ASSERT_EQUAL(ask(RATE_LOGIN, NULL, "2001:db8:1:2:ffff::9", NULL), OK); /* the same /64 */
	CU_ASSERT_EQUAL(ask(RATE_LOGIN, NULL, "2001:db8:1:2:abcd:1:2:3", NULL), E_RATE_LIMITED);
	CU_ASSERT_EQUAL(ask(RATE_LOGIN, NULL, "2001:db8:1:3::1", NULL), OK);
	CU_ASSERT_EQUAL(ask(RATE_LOGIN, NULL, NULL, NULL), OK);
	arena_free(arena);
	arena = NULL;
}

/* A try of a password for `account`. */
static enum status
try(const char *account)
{
	struct context cx = { .conf = redisd_conf, .redis = r };
	enum status st;

	cx.arena = arena = arena_new(4096, 1 << 20);
	st = limits_account(&cx, account);
	CU_ASSERT_EQUAL(cx.error, st);
	CU_ASSERT_EQUAL(cx.retry_after_s > 0, st == E_RATE_LIMITED);
	CU_ASSERT_PTR_NULL(strstr(cx.log_detail == NULL ? "" : cx.log_detail, account));
	arena_free(arena);
	arena = NULL;
	return st;
}

static void
test_accounts(void)
{
	begin();
	CU_ASSERT_EQUAL(try("a@example.org"), OK);
	CU_ASSERT_EQUAL(try("a@example.org"), OK);
	CU_ASSERT_EQUAL(try("a@example.org"), E_RATE_LIMITED);
	CU_ASSERT_EQUAL(try("b@example.org"), OK);
	redisd_kill();
	CU_ASSERT_EQUAL(try("a@example.org"), OK); /* counted anew, here */
	CU_ASSERT_EQUAL(try("a@example.org"), OK);
	CU_ASSERT_EQUAL(try("a@example.org"), E_RATE_LIMITED);
	redisd_launch();
}

static CU_TestInfo window_tests[] = {
	{ "exactly the limit within a period", test_exactly_the_limit },
	{ "Retry-After is neither too early nor too late", test_retry_after_is_kept },
	{ "no burst at the boundary", test_no_burst_at_the_boundary },
	{ "a refused request counts nowhere", test_refused_counts_nowhere },
	{ "limits that are off", test_off },
	{ "1,000 at once: exactly the limit", test_race },
	{ "without Redis: the same, in the process", test_without_redis },
	{ "without Redis: 160,000 at once, exactly the limit", test_race_without_redis },
	{ "without Redis: a table that does not grow", test_many_keys_without_redis },
	CU_TEST_INFO_NULL,
};
static CU_TestInfo stage_tests[] = {
	{ "user, class, address, site; and the headers", test_stage_headers },
	{ "every class of routes", test_every_class },
	{ "tries of a password, per account", test_accounts },
	{ "addresses: IPv4, mapped, /64", test_stage_addresses },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "limits", set_up, tear_down, NULL, NULL, window_tests },
	{ "limits stage", set_up, tear_down, NULL, NULL, stage_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
