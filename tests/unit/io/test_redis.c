/* Redis, blocking and on the reactor, against a real server: restarts, freezes, the breaker. */
#include "io/redis.h"

#include "unit/redisd.h"
#include "tap.h"

static struct redis *r;

static int
set_up(void)
{
	if (redisd_start("") != 0)
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

/* Ask until Redis answers again, at most two seconds. */
static bool
comes_back(void)
{
	for (int i = 0; i < 200; i++) {
		if (redis_call(r, NULL, "PING") == OK)
			return true;
		pause_ms(10);
	}
	return false;
}

/* ---- blocking -------------------------------------------------------------------- */

static void
test_replies(void)
{
	AUTO_REPLY struct redis_reply *a = NULL, *b = NULL, *c = NULL, *d = NULL;
	size_t len = 0;

	CU_ASSERT_EQUAL(redis_command(r, NULL, 3, (const char *[]){ "SET", "k", "a\0b" }, (size_t[]){ 3, 1, 3 }), OK);
	CU_ASSERT_EQUAL(redis_call(r, &a, "GET", "k"), OK);
	CU_ASSERT_EQUAL(redis_reply_type(a), REDIS_T_TEXT);
	CU_ASSERT(memcmp(redis_reply_text(a, &len), "a\0b", 3) == 0 && len == 3);
	CU_ASSERT_EQUAL(redis_call(r, &b, "GET", "none"), OK);
	CU_ASSERT_EQUAL(redis_reply_type(b), REDIS_T_NIL);
	CU_ASSERT_EQUAL(redis_reply_int(b), 0);
	CU_ASSERT_EQUAL(redis_call(r, &c, "INCRBY", "n", "41"), OK);
	CU_ASSERT_EQUAL(redis_reply_int(c), 41);
	CU_ASSERT_EQUAL(redis_call(r, &d, "MGET", "n", "none"), OK);
	CU_ASSERT_EQUAL(redis_reply_length(d), 2);
	CU_ASSERT_EQUAL(redis_reply_int(redis_reply_at(d, 0)), 41);
	CU_ASSERT_EQUAL(redis_reply_type(redis_reply_at(d, 1)), REDIS_T_NIL);
	CU_ASSERT_PTR_NULL(redis_reply_at(d, 2));
	CU_ASSERT(redis_spent_us(r) > 0);
}

static void
test_error_reply(void)
{
	CU_ASSERT_EQUAL(redis_call(r, NULL, "NO-SUCH-COMMAND"), E_INTERNAL);
	CU_ASSERT_EQUAL(redis_breaker_state(), 0);
	CU_ASSERT_EQUAL(redis_call(r, NULL, "PING"), OK);
}

static void
test_script(void)
{
	struct redis_script script = { .source = "return { ARGV[1], redis.call('INCR', KEYS[1]) }" };

	redis_script_init(&script);
	CU_ASSERT_EQUAL(strlen(script.sha1), 40);
	for (int i = 1; i <= 3; i++) {
		AUTO_REPLY struct redis_reply *reply = NULL;

		CU_ASSERT_EQUAL(redis_eval(r, &reply, &script, 1, 2, (const char *[]){ "count", "x" }), OK);
		CU_ASSERT_STRING_EQUAL(redis_reply_text(redis_reply_at(reply, 0), NULL), "x");
		CU_ASSERT_EQUAL(redis_reply_int(redis_reply_at(reply, 1)), i);
		if (i == 2)
			CU_ASSERT_EQUAL(redis_call(r, NULL, "SCRIPT", "FLUSH"), OK);
	}
}

static void
test_restart_is_not_noticed(void)
{
	CU_ASSERT_EQUAL(redis_call(r, NULL, "PING"), OK);
	redisd_kill();
	CU_ASSERT_EQUAL(redisd_launch(), 0);
	CU_ASSERT_EQUAL(redis_call(r, NULL, "PING"), OK);
	CU_ASSERT_EQUAL(redis_breaker_state(), 0);
}

static void
test_fork(void)
{
	AUTO_REPLY struct redis_reply *mine = NULL;
	pid_t child;
	int status = -1;

	CU_ASSERT_EQUAL(redis_call(r, NULL, "SET", "who", "parent"), OK);
	if ((child = fork()) == 0) {
		AUTO_REPLY struct redis_reply *reply = NULL;

		_exit(
		    redis_call(r, &reply, "ECHO", "child") == OK && strcmp(redis_reply_text(reply, NULL), "child") == 0
			? 0
			: 1);
	}
	CU_ASSERT_EQUAL(redis_call(r, &mine, "GET", "who"), OK);
	CU_ASSERT_STRING_EQUAL(redis_reply_text(mine, NULL), "parent");
	waitpid(child, &status, 0);
	CU_ASSERT_EQUAL(status, 0);
}

static void
test_breaker_of_a_dead_server(void)
{
	int64_t began;

	redisd_kill();
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(redis_breaker_state(), 0);
		CU_ASSERT_EQUAL(redis_call(r, NULL, "PING"), E_UNAVAILABLE);
	}
	CU_ASSERT_EQUAL(redis_breaker_state(), 1);
	CU_ASSERT_FALSE(redis_available());
	began = clock_mono_us();
	for (int i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(redis_call(r, NULL, "PING"), E_UNAVAILABLE);
	CU_ASSERT(clock_mono_us() - began < 100000);
	pause_ms(320);
	CU_ASSERT_TRUE(redis_available()); /* to be probed */
	CU_ASSERT_EQUAL(redis_call(r, NULL, "PING"), E_UNAVAILABLE);
	CU_ASSERT_FALSE(redis_available()); /* for another pause */
	redisd_launch();
	CU_ASSERT_TRUE(comes_back());
	CU_ASSERT_EQUAL(redis_breaker_state(), 0);
}

static void
test_frozen_server(void)
{
	int64_t began, slow = 0;

	CU_ASSERT_EQUAL(redis_call(r, NULL, "PING"), OK);
	redisd_freeze();
	for (int i = 0; i < 50; i++) {
		began = clock_mono_ms();
		CU_ASSERT_EQUAL(redis_call(r, NULL, "PING"), E_UNAVAILABLE);
		if (clock_mono_ms() - began > 200) {
			slow++;
			CU_ASSERT(clock_mono_ms() - began < 2000);
		}
	}
	CU_ASSERT_EQUAL(slow, 3); /* breaker_failures: all others were refused at once */
	redisd_thaw();
	CU_ASSERT_TRUE(comes_back());
}

/* ---- on the reactor ---------------------------------------------------------------- */

static struct reactor *reactor;
static struct redis_async *ra;

static bool
is_up(void *arg)
{
	(void)arg;
	return redis_async_up(ra);
}

static bool
is_down(void *arg)
{
	return !is_up(arg);
}

static void
async_begin(void)
{
	CU_ASSERT_TRUE(comes_back());
	reactor = reactor_new();
	ra = redis_async_new(reactor, redisd_conf);
	CU_ASSERT_TRUE(redisd_run(reactor, 2000, is_up, NULL));
}

static void
async_end(void)
{
	redis_async_free(ra);
	reactor_free(reactor);
}

/* What replies were seen. */
struct seen {
	int calls, failed, out_of_order;
	int64_t last;
};

static void
on_count(void *arg, const struct redis_reply *reply)
{
	struct seen *s = arg;

	s->calls++;
	if (reply == NULL)
		s->failed++;
	else if (redis_reply_int(reply) != s->last + 1)
		s->out_of_order++;
	s->last = redis_reply_int(reply);
}

static bool
all_1000(void *arg)
{
	return ((struct seen *)arg)->calls >= 1000;
}

/* A counter of INFO stats. */
static int64_t
info_stat(const char *name)
{
	AUTO_REPLY struct redis_reply *reply = NULL;
	const char *at;

	if (redis_call(r, &reply, "INFO", "stats") != OK || (at = strstr(redis_reply_text(reply, NULL), name)) == NULL)
		return -1;
	return strtoll(at + strlen(name) + 1, NULL, 10);
}

static void
test_async_in_order_in_one_write(void)
{
	struct seen s = { 0 };
	int64_t reads, before;

	CU_ASSERT_EQUAL(redis_call(r, NULL, "DEL", "seq"), OK);
	async_begin();
	before = info_stat("total_reads_processed");
	for (int i = 0; i < 1000; i++)
		CU_ASSERT_TRUE(redis_async_command(ra, on_count, &s, 2, (const char *[]){ "INCR", "seq" }, NULL));
	CU_ASSERT_EQUAL(s.calls, 0);
	CU_ASSERT_TRUE(redisd_run(reactor, 2000, all_1000, &s));
	reads = info_stat("total_reads_processed") - before;
	CU_ASSERT(s.failed == 0 && s.out_of_order == 0 && s.last == 1000);
	/* 24 kB in pieces of the server's 16 kB read buffer, the INFO itself, a PING */
	CU_ASSERT(reads <= 6);
	async_end();
}

static void
test_async_script(void)
{
	struct redis_script script = { .source = "return redis.call('INCR', KEYS[1])" };
	struct seen s = { 0 };

	redis_script_init(&script);
	CU_ASSERT_EQUAL(redis_call(r, NULL, "DEL", "seq"), OK);
	CU_ASSERT_EQUAL(redis_call(r, NULL, "SCRIPT", "FLUSH"), OK);
	async_begin();
	for (int i = 0; i < 1000; i++)
		CU_ASSERT_TRUE(redis_async_eval(ra, on_count, &s, &script, 1, 1, (const char *[]){ "seq" }));
	CU_ASSERT_TRUE(redisd_run(reactor, 2000, all_1000, &s));
	CU_ASSERT(s.failed == 0 && s.out_of_order == 0 && s.last == 1000);
	async_end();
}

static void
test_async_error(void)
{
	struct seen s = { 0 };
	struct redis_script script = { .source = "return redis.error_reply('wrong')" };

	redis_script_init(&script);
	async_begin();
	CU_ASSERT_TRUE(redis_async_command(ra, on_count, &s, 1, (const char *[]){ "NO-SUCH-COMMAND" }, NULL));
	CU_ASSERT_TRUE(redis_async_eval(ra, on_count, &s, &script, 0, 0, NULL));
	redisd_run(reactor, 100, NULL, NULL);
	CU_ASSERT(s.calls == 2 && s.failed == 2);
	CU_ASSERT_TRUE(redis_async_up(ra));
	async_end();
}

static bool
one_call(void *arg)
{
	return ((struct seen *)arg)->calls >= 1;
}

static void
test_async_frozen(void)
{
	struct seen s = { 0 };
	int64_t began;

	async_begin();
	redisd_freeze();
	began = clock_mono_ms();
	CU_ASSERT_TRUE(redis_async_command(ra, on_count, &s, 2, (const char *[]){ "INCR", "seq" }, NULL));
	CU_ASSERT_TRUE(redisd_run(reactor, 2000, one_call, &s));
	CU_ASSERT(clock_mono_ms() - began >= 240 && clock_mono_ms() - began < 1000);
	CU_ASSERT_EQUAL(s.failed, 1);
	CU_ASSERT_FALSE(redis_async_up(ra));
	CU_ASSERT_FALSE(redis_async_command(ra, on_count, &s, 1, (const char *[]){ "PING" }, NULL));
	redisd_run(reactor, 1500, NULL, NULL);
	CU_ASSERT_EQUAL(redis_breaker_state(), 1); /* by its vain attempts to connect */
	began = clock_mono_us();
	for (int i = 0; i < 1000; i++) /* long past the pause: still no call has to probe */
		CU_ASSERT_EQUAL(redis_call(r, NULL, "PING"), E_UNAVAILABLE);
	CU_ASSERT(clock_mono_us() - began < 100000);
	redisd_thaw();
	CU_ASSERT_TRUE(redisd_run(reactor, 3000, is_up, NULL));
	CU_ASSERT_EQUAL(redis_breaker_state(), 0);
	CU_ASSERT_EQUAL(redis_call(r, NULL, "PING"), OK);
	CU_ASSERT_EQUAL(s.calls, 1);
	async_end();
}

static void
test_async_free_tells_waiters(void)
{
	struct seen s = { 0 };

	async_begin();
	CU_ASSERT_TRUE(redis_async_command(ra, on_count, &s, 1, (const char *[]){ "PING" }, NULL));
	async_end();
	CU_ASSERT(s.calls == 1 && s.failed == 1);
}

/* ---- subscriptions ------------------------------------------------------------------ */

struct heard {
	int messages, gaps;
	char last[32];
	struct redis_subscription *leave_at_first;
};

static void
on_message(void *arg, const char *channel, const char *payload, size_t len)
{
	struct heard *h = arg;

	CU_ASSERT_STRING_EQUAL(channel, "news");
	if (payload == NULL) {
		h->gaps++;
		return;
	}
	h->messages++;
	snprintf(h->last, sizeof(h->last), "%.*s", (int)len, payload);
	if (h->leave_at_first != NULL) {
		redis_unsubscribe(h->leave_at_first);
		h->leave_at_first = NULL;
	}
}

static int64_t
publish(const char *text)
{
	AUTO_REPLY struct redis_reply *reply = NULL;

	CU_ASSERT_EQUAL(redis_call(r, &reply, "PUBLISH", "news", text), OK);
	return redis_reply_int(reply);
}

static void
test_subscribe(void)
{
	struct heard a = { 0 }, b = { 0 };
	struct redis_subscription *sa;

	async_begin();
	sa = redis_subscribe(ra, "news", on_message, &a);
	b.leave_at_first = redis_subscribe(ra, "news", on_message, &b);
	redisd_run(reactor, 100, NULL, NULL);
	CU_ASSERT_EQUAL(publish("one"), 1); /* one subscription for both */
	redisd_run(reactor, 50, NULL, NULL);
	CU_ASSERT_STRING_EQUAL(a.last, "one");
	CU_ASSERT_STRING_EQUAL(b.last, "one");
	CU_ASSERT_EQUAL(publish("two"), 1);
	redisd_run(reactor, 50, NULL, NULL);
	CU_ASSERT(a.messages == 2 && b.messages == 1);
	redis_unsubscribe(sa);
	redisd_run(reactor, 50, NULL, NULL);
	CU_ASSERT_EQUAL(publish("three"), 0);
	async_end();
}

static bool
has_gap(void *arg)
{
	return ((struct heard *)arg)->gaps > 0;
}

static void
test_resubscribe(void)
{
	struct heard h = { 0 };

	async_begin();
	redis_subscribe(ra, "news", on_message, &h);
	redisd_run(reactor, 50, NULL, NULL);
	CU_ASSERT_EQUAL(publish("one"), 1);
	redisd_run(reactor, 50, NULL, NULL);
	CU_ASSERT(h.messages == 1 && h.gaps == 0);
	redisd_kill();
	CU_ASSERT_TRUE(redisd_run(reactor, 1000, is_down, NULL));
	redisd_launch();
	CU_ASSERT_TRUE(redisd_run(reactor, 5000, has_gap, &h));
	CU_ASSERT_EQUAL(publish("two"), 1);
	redisd_run(reactor, 50, NULL, NULL);
	CU_ASSERT(h.messages == 2 && h.gaps == 1);
	async_end();
}

static void
test_frozen_listener_notices(void)
{
	struct heard h = { 0 };

	async_begin();
	redis_subscribe(ra, "news", on_message, &h);
	redisd_run(reactor, 2300, NULL, NULL); /* at least one PING was answered */
	CU_ASSERT_EQUAL(h.gaps, 0);
	redisd_freeze();
	redisd_run(reactor, 2500, NULL, NULL); /* at least one was not */
	redisd_thaw();
	CU_ASSERT_TRUE(redisd_run(reactor, 4000, has_gap, &h));
	CU_ASSERT_EQUAL(h.gaps, 1);
	async_end();
}

static void
test_many_channels(void)
{
	struct heard h[300];
	struct redis_subscription *subs[300];
	char name[32];

	memset(h, 0, sizeof(h));
	async_begin();
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "ch%d", i);
		subs[i] = redis_subscribe(ra, i == 150 ? "news" : name, on_message, &h[i]);
	}
	redisd_run(reactor, 100, NULL, NULL);
	for (int i = 0; i < 300; i++)
		if (i != 150)
			redis_unsubscribe(subs[i]);
	CU_ASSERT_EQUAL(publish("x"), 1);
	redisd_run(reactor, 50, NULL, NULL);
	CU_ASSERT_EQUAL(h[150].messages, 1);
	async_end();
}

static CU_TestInfo sync_tests[] = {
	{ "every kind of reply", test_replies },
	{ "an error reply is no outage", test_error_reply },
	{ "scripts by digest, and after SCRIPT FLUSH", test_script },
	{ "a restart between two commands is not noticed", test_restart_is_not_noticed },
	{ "a fork does not share the connection", test_fork },
	{ "the breaker opens, probes and closes", test_breaker_of_a_dead_server },
	{ "a frozen server costs three time-outs", test_frozen_server },
	CU_TEST_INFO_NULL,
};
static CU_TestInfo async_tests[] = {
	{ "a turn's commands leave in one write, answers in order", test_async_in_order_in_one_write },
	{ "scripts the server does not know", test_async_script },
	{ "error replies are NULL", test_async_error },
	{ "a frozen server fails pending commands in time", test_async_frozen },
	{ "free tells those who wait", test_async_free_tells_waiters },
	{ "subscribe, share, leave from within", test_subscribe },
	{ "resubscribe after a restart, telling of the gap", test_resubscribe },
	{ "a silent freeze is noticed by the listener", test_frozen_listener_notices },
	{ "many channels", test_many_channels },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "redis", set_up, tear_down, NULL, NULL, sync_tests },
	{ "redis on the reactor", set_up, tear_down, NULL, NULL, async_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
