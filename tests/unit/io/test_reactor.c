/* io/reactor: what runs when, and on whose thread. */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "io/reactor.h"
#include "tap.h"

static struct reactor *reactor;
static char said[64]; /* who ran, in order */

static int
set_up(void)
{
	reactor = reactor_new();
	return reactor == NULL;
}

static int
tear_down(void)
{
	reactor_free(reactor);
	return 0;
}

static void
say(const char *what)
{
	strncat(said, what, sizeof(said) - strlen(said) - 1);
}

static void
post_a(void *arg)
{
	say(arg);
}

static void
stop(void *arg)
{
	(void)arg;
	reactor_stop(reactor);
}

/* ---- posting ------------------------------------------------------------------- */

static void *
from_elsewhere(void *arg)
{
	static char numbers[][2] = { "1", "2", "3" };

	(void)arg;
	for (int i = 0; i < 3; i++)
		reactor_post(reactor, post_a, numbers[i]);
	reactor_post(reactor, stop, NULL);
	return NULL;
}

static void
test_posted_by_another_thread(void)
{
	pthread_t thread;

	said[0] = '\0';
	CU_ASSERT_EQUAL(pthread_create(&thread, NULL, from_elsewhere, NULL), 0);
	reactor_run(reactor);
	pthread_join(thread, NULL);
	CU_ASSERT_STRING_EQUAL(said, "123");
}

static struct reactor_timer *timer, *other;
static struct reactor_watch *watch;
static int ends[2];

static void
on_ready(void *arg, int fd, unsigned events)
{
	(void)arg;
	(void)fd;
	(void)events;
	say("w");
	reactor_watch_free(watch);
	reactor_stop(reactor);
}

static void
posts_again(void *arg)
{
	(void)arg;
	say("p");
	reactor_post(reactor, post_a, "q");
}

/* What becomes ready meanwhile comes after what the loop asked of itself. */
static void
busy(void *arg)
{
	(void)arg;
	CU_ASSERT_EQUAL(write(ends[1], "x", 1), 1);
	reactor_timer_soon(timer);
	reactor_timer_soon(timer); /* twice is once */
	reactor_post(reactor, posts_again, NULL);
	say("b");
}

static void
test_soon(void)
{
	said[0] = '\0';
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	watch = reactor_watch_new(reactor, ends[0], WATCH_READ, on_ready, NULL);
	timer = reactor_timer_new(reactor, post_a, "t");
	reactor_post(reactor, busy, NULL);
	reactor_run(reactor);
	CU_ASSERT_STRING_EQUAL(said, "btpqw");
	reactor_timer_free(timer);
	close(ends[0]);
	close(ends[1]);
}

static void
takes_back(void *arg)
{
	(void)arg;
	reactor_timer_soon(timer);
	reactor_timer_stop(timer);
	reactor_timer_soon(other);
	reactor_timer_free(other);
	reactor_post(reactor, stop, NULL);
	say("b");
}

static void
test_not_so_soon(void)
{
	said[0] = '\0';
	timer = reactor_timer_new(reactor, post_a, "t");
	other = reactor_timer_new(reactor, post_a, "o");
	reactor_post(reactor, takes_back, NULL);
	reactor_run(reactor);
	CU_ASSERT_STRING_EQUAL(said, "b");
	reactor_timer_free(timer);
}

static void
test_posted_after_the_end(void)
{
	said[0] = '\0';
	reactor_post(reactor, post_a, "1");
	CU_ASSERT_STRING_EQUAL(said, "");
	reactor_run_posted(reactor);
	CU_ASSERT_STRING_EQUAL(said, "1");
}

static CU_TestInfo tests[] = {
	{ "posted by another thread: in order", test_posted_by_another_thread },
	{ "asked of itself: before it waits again", test_soon },
	{ "taken back in time: never", test_not_so_soon },
	{ "posted when the loop has ended", test_posted_after_the_end },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "reactor", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
