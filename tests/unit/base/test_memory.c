/* Arena, buffer, queue: what everything else lives in. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/queue.h"
#include "tap.h"

/* ---- arena ----------------------------------------------------------- */

static void
test_arena_memory(void)
{
	struct arena *a = arena_new(256, 1 << 20);
	static const char zero[1000];
	char *kept = arena_strdup(a, "kept");

	for (size_t n = 0; n < 1000; n++) {
		char *p = arena_alloc(a, n);

		CU_ASSERT_EQUAL((uintptr_t)p % 16, 0);
		CU_ASSERT_EQUAL(memcmp(p, zero, n), 0);
		memset(p, 0xff, n);
	}
	CU_ASSERT_STRING_EQUAL(kept, "kept");
	CU_ASSERT_TRUE(arena_bytes(a) >= 999 * 1000 / 2 && arena_bytes(a) <= 1 << 20);
	CU_ASSERT_FALSE(arena_exhausted(a));
	arena_free(a);
	arena_free(NULL);
}

static void
test_arena_text(void)
{
	struct arena *a = arena_new(64, 1 << 20);

	CU_ASSERT_PTR_NULL(arena_strdup(a, NULL));
	CU_ASSERT_STRING_EQUAL(arena_strdup(a, ""), "");
	CU_ASSERT_STRING_EQUAL(arena_strndup(a, "abcdef", 3), "abc");
	CU_ASSERT_STRING_EQUAL(arena_printf(a, "%s-%d", "x", 7), "x-7");
	CU_ASSERT_STRING_EQUAL(arena_printf(a, "%s", ""), "");
	CU_ASSERT_EQUAL(strlen(arena_printf(a, "%0500d", 1)), 500);
	arena_free(a);
}

static char order[8], one[] = "1", two[] = "2", three[] = "3";

static void
note(void *arg)
{
	order[strlen(order)] = *(char *)arg;
}

static void
test_arena_cleanups(void)
{
	struct arena *a = arena_new(64, 4096);

	memset(order, 0, sizeof(order));
	arena_cleanup(a, note, one);
	arena_cleanup(a, note, two);
	arena_cleanup(a, note, three);
	CU_ASSERT_STRING_EQUAL(order, "");
	arena_free(a);
	CU_ASSERT_STRING_EQUAL(order, "321"); /* last in, first out */
}

static void
test_arena_cap(void)
{
	struct arena *a = arena_new(1024, 4096);

	for (int i = 0; i < 4; i++)
		arena_alloc(a, 1024);
	CU_ASSERT_FALSE(arena_exhausted(a));
	arena_alloc(a, 16); /* from the reserve */
	CU_ASSERT_TRUE(arena_exhausted(a));
	for (int i = 0; i < 15; i++)
		memset(arena_alloc(a, 1024), 1, 1024);
	arena_free(a);
}

static void
test_arena_past_reserve_aborts(void)
{
	int state = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct arena *a = arena_new(1024, 4096);

		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(2);
		for (int i = 0; i < 100; i++)
			arena_alloc(a, 1024);
		_exit(0);
	}
	waitpid(pid, &state, 0);
	CU_ASSERT_TRUE(WIFSIGNALED(state) && WTERMSIG(state) == SIGABRT);
}

/* ---- buffer ---------------------------------------------------------- */

static void
test_buf_appends(void)
{
	struct buf b = BUF_INIT(0);

	CU_ASSERT_STRING_EQUAL(buf_str(&b), "");
	CU_ASSERT_TRUE(buf_puts(&b, "a") && buf_add(&b, "bc", 2) && buf_printf(&b, "%d", 42) && buf_add(&b, NULL, 0));
	CU_ASSERT_STRING_EQUAL(buf_str(&b), "abc42");
	for (int i = 0; i < 2000; i++)
		buf_puts(&b, "0123456789");
	CU_ASSERT_EQUAL(b.len, 20005);
	CU_ASSERT_EQUAL(b.data[b.len], '\0');
	buf_consume(&b, 20000);
	CU_ASSERT_STRING_EQUAL(buf_str(&b), "56789");
	buf_consume(&b, 99);
	CU_ASSERT_EQUAL(b.len, 0);
	CU_ASSERT_STRING_EQUAL(buf_str(&b), "");
	memcpy(buf_reserve(&b, 3), "xyz", 3);
	buf_commit(&b, 2);
	CU_ASSERT_STRING_EQUAL(buf_str(&b), "xy");
	buf_free(&b);
	CU_ASSERT_TRUE(buf_puts(&b, "again"));
	buf_free(&b);
}

static void
test_buf_cap(void)
{
	struct buf b = BUF_INIT(8);

	CU_ASSERT_TRUE(buf_puts(&b, "12345"));
	CU_ASSERT_FALSE(buf_puts(&b, "6789"));
	CU_ASSERT_TRUE(b.overflow);
	CU_ASSERT_STRING_EQUAL(buf_str(&b), "12345"); /* all or nothing */
	CU_ASSERT_FALSE(buf_printf(&b, "%s", "6789"));
	CU_ASSERT_FALSE(buf_json(&b, "67", 2));
	CU_ASSERT_STRING_EQUAL(buf_str(&b), "12345");
	CU_ASSERT_PTR_NULL(buf_reserve(&b, 4));
	CU_ASSERT_TRUE(buf_puts(&b, "678"));
	buf_clear(&b);
	CU_ASSERT_FALSE(b.overflow);
	CU_ASSERT_TRUE(buf_json(&b, "123456", 6));
	buf_free(&b);
	CU_ASSERT_FALSE(buf_json(&b, "1234567", 7));
	buf_free(&b);
}

static void
test_buf_json(void)
{
	struct buf b = BUF_INIT(0);

	CU_ASSERT_TRUE(buf_json(&b, "a\"b\\c\n\r\t\b\x01\x1f/\x7f\xe4\xbd\xa0", 16));
	CU_ASSERT_STRING_EQUAL(buf_str(&b), "\"a\\\"b\\\\c\\n\\r\\t\\u0008\\u0001\\u001f/\x7f\xe4\xbd\xa0\"");
	buf_clear(&b);
	CU_ASSERT_TRUE(buf_json(&b, "a\0b", 3));
	CU_ASSERT_STRING_EQUAL(buf_str(&b), "\"a\\u0000b\"");
	buf_clear(&b);
	CU_ASSERT_TRUE(buf_json(&b, "", 0));
	CU_ASSERT_STRING_EQUAL(buf_str(&b), "\"\"");
	buf_free(&b);
}

/* ---- queue ----------------------------------------------------------- */

static void
test_queue_order_and_bound(void)
{
	struct queue *q = queue_new(2);
	int a, b, c;

	CU_ASSERT_TRUE(queue_push(q, &a) && queue_push(q, &b));
	CU_ASSERT_FALSE(queue_push(q, &c));
	queue_push_always(q, &c);
	CU_ASSERT_EQUAL(queue_length(q), 3);
	CU_ASSERT_PTR_EQUAL(queue_pop(q), &a);
	CU_ASSERT_PTR_EQUAL(queue_pop(q), &b);
	CU_ASSERT_TRUE(queue_push(q, &a));
	queue_close(q);
	CU_ASSERT_FALSE(queue_push(q, &b)); /* closed */
	queue_push_always(q, &b);
	CU_ASSERT_PTR_EQUAL(queue_pop(q), &c);
	CU_ASSERT_PTR_EQUAL(queue_pop(q), &a);
	CU_ASSERT_PTR_EQUAL(queue_pop(q), &b);
	CU_ASSERT_PTR_NULL(queue_pop(q));
	CU_ASSERT_EQUAL(queue_length(q), 0);
	queue_free(q);
	queue_free(NULL);
}

#define ITEMS 20000

static void *
drain(void *arg)
{
	uintptr_t sum = 0;

	for (void *p; (p = queue_pop(arg)) != NULL;)
		sum += (uintptr_t)p;
	return (void *)sum;
}

static void
test_queue_threads(void)
{
	struct queue *q = queue_new(ITEMS);
	pthread_t readers[4];
	uintptr_t sum = 0;

	for (int i = 0; i < 4; i++)
		pthread_create(&readers[i], NULL, drain, q);
	for (uintptr_t i = 1; i <= ITEMS; i++)
		CU_ASSERT_TRUE_FATAL(queue_push(q, (void *)i));
	queue_close(q);
	for (int i = 0; i < 4; i++) {
		void *part;

		pthread_join(readers[i], &part);
		sum += (uintptr_t)part;
	}
	CU_ASSERT_EQUAL(sum, (uintptr_t)ITEMS * (ITEMS + 1) / 2); /* each exactly once */
	queue_free(q);
}

static void
count_call(void *arg)
{
	++*(int *)arg;
}

static void
test_queue_take(void)
{
	struct queue *q = queue_new(2);
	int a, b, told = 0;
	void *item = &told;

	queue_tell(q, count_call, &told);
	CU_ASSERT_TRUE(queue_take(q, &item));
	CU_ASSERT_PTR_NULL(item);
	CU_ASSERT_EQUAL(told, 0);
	CU_ASSERT_TRUE(queue_push(q, &a) && queue_push(q, &b));
	CU_ASSERT_FALSE(queue_push(q, &a));
	CU_ASSERT_EQUAL(told, 2); /* not of what was refused */
	CU_ASSERT_TRUE(queue_take(q, &item));
	CU_ASSERT_PTR_EQUAL(item, &a);
	CU_ASSERT_EQUAL(told, 3); /* b is left */
	queue_close(q);
	CU_ASSERT_EQUAL(told, 4);
	CU_ASSERT_TRUE(queue_take(q, &item));
	CU_ASSERT_PTR_EQUAL(item, &b);
	CU_ASSERT_FALSE(queue_take(q, &item));
	CU_ASSERT_PTR_NULL(item);
	CU_ASSERT_EQUAL(told, 6); /* so that every reader learns of the end */
	queue_free(q);
}

static CU_TestInfo arena_tests[] = {
	{ "memory is aligned, zeroed and stays", test_arena_memory },
	{ "text", test_arena_text },
	{ "cleanups run in reverse", test_arena_cleanups },
	{ "the cap is felt before it hurts", test_arena_cap },
	{ "past the reserve it aborts", test_arena_past_reserve_aborts },
	CU_TEST_INFO_NULL,
};

static CU_TestInfo buf_tests[] = {
	{ "appends, consumes", test_buf_appends },
	{ "all or nothing at the cap", test_buf_cap },
	{ "JSON strings", test_buf_json },
	CU_TEST_INFO_NULL,
};

static CU_TestInfo queue_tests[] = {
	{ "order, bound, closing", test_queue_order_and_bound },
	{ "threads see each item once", test_queue_threads },
	{ "taking without waiting, and who is told", test_queue_take },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "arena", NULL, NULL, NULL, NULL, arena_tests },
	{ "buf", NULL, NULL, NULL, NULL, buf_tests },
	{ "queue", NULL, NULL, NULL, NULL, queue_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
