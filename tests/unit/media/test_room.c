/* How much memory jobs may take together: never more, and all of it comes back. */
#include <pthread.h>

#include "base/arena.h"
#include "media/room.h"
#include "tap.h"

#define BYTES (ROOM_BYTES / 4)
#define THREADS 8
#define ROUNDS 2000

static struct arena *
arena(void)
{
	return arena_new(1024, 1 << 20);
}

static void
test_bound(void)
{
	struct arena *a = arena(), *b = arena();

	for (int i = 0; i < 3; i++)
		CU_ASSERT_PTR_NOT_NULL(room_take(a, BYTES));
	CU_ASSERT_PTR_NULL(room_take(b, BYTES + 1));
	CU_ASSERT_PTR_NOT_NULL(room_take(b, BYTES));
	CU_ASSERT_PTR_NULL(room_take(b, 1));
	arena_free(a);
	CU_ASSERT_PTR_NOT_NULL(room_take(b, 3 * BYTES));
	CU_ASSERT_PTR_NULL(room_take(b, 1));
	arena_free(b);
}

static void
test_keep(void)
{
	struct arena *a = arena();
	struct room *r = room_take(a, ROOM_BYTES);

	CU_ASSERT_PTR_NULL(room_take(a, 1));
	room_keep(r, 100);
	CU_ASSERT_PTR_NULL(room_take(a, ROOM_BYTES - 99));
	CU_ASSERT_PTR_NOT_NULL(room_take(a, ROOM_BYTES - 100));
	arena_free(a);
	a = arena();
	CU_ASSERT_PTR_NOT_NULL(room_take(a, ROOM_BYTES));
	arena_free(a);
}

static void *
take_and_give(void *arg)
{
	int64_t *most = arg;

	for (int i = 0; i < ROUNDS; i++) {
		struct arena *a = arena();

		*most += room_take(a, BYTES) != NULL;
		arena_free(a);
	}
	return NULL;
}

static void
test_threads(void)
{
	int64_t taken[THREADS] = { 0 }, all = 0;
	pthread_t threads[THREADS];
	struct arena *a = arena();

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, take_and_give, &taken[i]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		all += taken[i];
	}
	CU_ASSERT(all > 0);
	CU_ASSERT_PTR_NOT_NULL(room_take(a, ROOM_BYTES)); /* all came back */
	arena_free(a);
}

int
main(void)
{
	CU_TestInfo tests[] = {
		{ "no more than there is", test_bound },
		{ "what was not needed is given back", test_keep },
		{ "by many threads", test_threads },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { .pName = "room", .pTests = tests }, CU_SUITE_INFO_NULL };

	return tap_run(suites);
}
