/* core/turn_table: more turns than buckets, found by id, taken out in any order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/turn_private.h"
#include "tap.h"

#define N (3 * PROCESS_TURN_BUCKETS)

static struct process process;
static struct turn *turns;

static int
set_up(void)
{
	turns = calloc(N, sizeof(*turns));
	for (int i = 0; i < N; i++) {
		snprintf(turns[i].task_id, sizeof(turns[i].task_id), "01900000-0000-7000-8000-%012d", i);
		turns[i].mode = i % 5 == 0 ? TURN_DEBUG : TURN_SEND;
	}
	return turns == NULL;
}

static int
tear_down(void)
{
	free(turns);
	return 0;
}

/* Is the turn in the table just when it should be? */
static void
check_found(bool (*is_in)(int))
{
	size_t n = 0;

	for (int i = 0; i < N; i++) {
		CU_ASSERT_PTR_EQUAL(turn_find(&process, turns[i].task_id), is_in(i) ? &turns[i] : NULL);
		n += is_in(i);
	}
	CU_ASSERT_EQUAL(process.n_turns, n);
}

static bool
all(int i)
{
	return i >= 0;
}

static bool
all_but_thirds(int i)
{
	return i % 3 != 0;
}

static bool
first_half_but_thirds(int i)
{
	return i < N / 2 && i % 3 != 0;
}

static bool
none(int i)
{
	return i < 0;
}

/* The live turns as an array of PostgreSQL: each of those that are paid for once. */
static void
check_list(bool (*is_in)(int))
{
	char *list = turns_list(&process), *at = list;
	size_t n = 0, expected = 0;

	for (int i = 0; i < N; i++)
		expected += is_in(i) && turns[i].mode != TURN_DEBUG;
	if (expected == 0) {
		CU_ASSERT_PTR_NULL(list);
		free(list);
		return;
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(list);
	CU_ASSERT_EQUAL(list[strlen(list) - 1], '}');
	for (; *at != '}'; at += 37, n++) {
		int i = atoi(at + 25);

		CU_ASSERT_EQUAL_FATAL(*at, n == 0 ? '{' : ',');
		CU_ASSERT_TRUE_FATAL(i >= 0 && i < N && is_in(i) && turns[i].mode != TURN_DEBUG);
		CU_ASSERT_EQUAL(memcmp(at + 1, turns[i].task_id, 36), 0);
	}
	CU_ASSERT_EQUAL(n, expected);
	free(list);
}

static void
test_table(void)
{
	CU_ASSERT_PTR_NULL(turn_find(&process, turns[0].task_id));
	check_list(none);
	for (int i = 0; i < N; i++)
		turn_table_add(&process, &turns[i]);
	check_found(all);
	check_list(all);
	CU_ASSERT_PTR_NULL(turn_find(&process, ""));
	for (int i = 0; i < N; i += 3)
		turn_table_remove(&process, &turns[i]);
	check_found(all_but_thirds);
	check_list(all_but_thirds);
	for (int i = N - 1; i >= N / 2; i--)
		if (i % 3 != 0)
			turn_table_remove(&process, &turns[i]);
	check_found(first_half_but_thirds);
	for (int i = 0; i < N / 2; i++)
		if (i % 3 != 0)
			turn_table_remove(&process, &turns[i]);
	check_found(none);
	check_list(none);
}

static CU_TestInfo tests[] = {
	{ "added, found, listed, removed", test_table },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "turn_table", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
