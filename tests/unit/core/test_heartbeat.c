/* core/heartbeat: when it beats, what it does in between, how it ends.  There is no PostgreSQL here. */
#include "core/heartbeat.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "unit/patience.h"
#include "tap.h"

#define WITHIN_MS 2000

static struct conf conf = { .database_url = "host=/nonexistent dbname=none",
	.database_connect_timeout = 1000,
	.database_statement_timeout = 15000,
	.tasks_hold_lease = 600000 };
static atomic_int vouched, told, failed, works;
static atomic_bool trusts;

static int
set_up(void)
{
	log_init("test", LOG_ERROR + 1);
	return 0;
}

static bool
vouch(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
	return atomic_load(&trusts);
}

static void
on_late(void *arg)
{
	(void)arg;
	atomic_fetch_add(&told, 1);
}

static void
on_news(void *arg, struct heartbeat_news *news)
{
	(void)arg;
	heartbeat_news_free(news);
	atomic_fetch_add(&told, 1);
}

static void
on_failed(void *arg)
{
	(void)arg;
	atomic_fetch_add(&failed, 1);
}

/* A heartbeat that has not registered: the first beat is due at once. */
static struct heartbeat *
begin(bool trusting)
{
	struct heartbeat *h = heartbeat_new(&conf, "test");

	atomic_store(&vouched, 0);
	atomic_store(&told, 0);
	atomic_store(&failed, 0);
	atomic_store(&works, 0);
	atomic_store(&trusts, trusting);
	CU_ASSERT_EQUAL(strlen(heartbeat_id(h)), UUID_LEN - 1);
	heartbeat_start(h,
	    &(struct heartbeat_hooks){
		.arg = &vouched, .vouch = vouch, .on_failed = on_failed, .on_late = on_late, .on_news = on_news });
	return h;
}

static void
work(struct heartbeat_work *w, struct pg *pg)
{
	CU_ASSERT_PTR_NOT_NULL(pg);
	atomic_fetch_add(&works, 1);
	free(w);
}

static void
slow_work(struct heartbeat_work *w, struct pg *pg)
{
	pause_ms(100);
	work(w, pg);
}

static void
hand(struct heartbeat *h, void (*run)(struct heartbeat_work *w, struct pg *pg))
{
	struct heartbeat_work *w = calloc(1, sizeof(*w));

	w->run = run;
	heartbeat_do(h, w);
}

static void
test_without_database(void)
{
	struct heartbeat *h = heartbeat_new(&conf, "test");

	CU_ASSERT_EQUAL(heartbeat_register(h), E_UNAVAILABLE);
	atomic_store(&vouched, 0);
	heartbeat_start(h, &(struct heartbeat_hooks){ .arg = &vouched, .vouch = vouch });
	pause_ms(300);
	CU_ASSERT_EQUAL(atomic_load(&vouched), 0); /* the first is due in 5 s, unless it is asked */
	heartbeat_stop(h);
	heartbeat_stop(heartbeat_new(&conf, "test")); /* one that never started */
	heartbeat_stop(NULL);
}

static void
test_kept_back(void)
{
	struct heartbeat *h = begin(false);

	CU_ASSERT(comes_to(&vouched, 4, WITHIN_MS)); /* looks again soon: the process may come back any moment */
	CU_ASSERT_EQUAL(atomic_load(&failed), 0);    /* nothing was tried */
	hand(h, work);
	CU_ASSERT(comes_to(&works, 1, WITHIN_MS)); /* which keeps nothing else back */
	CU_ASSERT_EQUAL(atomic_load(&told), 0);
	heartbeat_ask(h, strdup("{}"));
	heartbeat_ask(h, strdup("{}"));
	heartbeat_stop(h);
}

static void
test_a_failed_beat_comes_again(void)
{
	int64_t began_ms = clock_mono_ms();
	struct heartbeat *h = begin(true);

	CU_ASSERT(comes_to(&vouched, 1, WITHIN_MS));
	CU_ASSERT_EQUAL(atomic_load(&failed), 0);
	for (int i = 0; i < 12 && atomic_load(&vouched) < 2; i++)
		pause_ms(1000);
	CU_ASSERT(atomic_load(&vouched) >= 2);
	CU_ASSERT(atomic_load(&failed) >= 1);
	CU_ASSERT(clock_mono_ms() - began_ms < 10000);
	CU_ASSERT_EQUAL(atomic_load(&told), 0);
	heartbeat_stop(h);
}

static void
test_signing_off_waits_for_nobody(void)
{
	struct heartbeat *h = begin(true);
	int64_t began_ms;

	CU_ASSERT(comes_to(&vouched, 1, WITHIN_MS)); /* in the middle of a beat that does not get through */
	pause_ms(200);
	hand(h, work);
	began_ms = clock_mono_ms();
	heartbeat_sign_off(h);
	heartbeat_stop(h);
	CU_ASSERT(clock_mono_ms() - began_ms < 2000);
	CU_ASSERT_EQUAL(atomic_load(&works), 1);
}

static void
test_what_was_handed_is_run(void)
{
	struct heartbeat *h = begin(false);

	CU_ASSERT_FALSE(heartbeat_busy(h));
	hand(h, slow_work);
	CU_ASSERT(heartbeat_busy(h));
	for (int i = 0; i < 20; i++)
		hand(h, work);
	CU_ASSERT(comes_to(&works, 21, WITHIN_MS));
	for (int i = 0; i < 5; i++)
		hand(h, slow_work);
	heartbeat_stop(h); /* only then */
	CU_ASSERT_EQUAL(atomic_load(&works), 26);
}

static CU_TestInfo tests[] = {
	{ "without a database it cannot register", test_without_database },
	{ "a beat nobody vouches for is kept back", test_kept_back },
	{ "a failed beat comes again soon", test_a_failed_beat_comes_again },
	{ "signing off does not wait for a database that is away", test_signing_off_waits_for_nobody },
	{ "what was handed over is run, at the end too", test_what_was_handed_is_run },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "heartbeat", set_up, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
