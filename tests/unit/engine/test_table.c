/* engine/engine: more runs than buckets, found by id, taken out in any order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/private.h"
#include "tap.h"

#define N (3 * RUN_BUCKETS)

static struct engine engine;
static struct process process = { .engine = &engine };
static struct run *runs;

static int
set_up(void)
{
	runs = calloc(N, sizeof(*runs));
	for (int i = 0; i < N; i++)
		snprintf(runs[i].task.id, sizeof(runs[i].task.id), "01900000-0000-7000-8000-%012d", i);
	return runs == NULL;
}

static int
tear_down(void)
{
	free(runs);
	return 0;
}

/* Is the turn in the table just when it should be? */
static void
check_found(bool (*is_in)(int))
{
	size_t n = 0;

	for (int i = 0; i < N; i++) {
		CU_ASSERT_PTR_EQUAL(run_find(&process, runs[i].task.id), is_in(i) ? &runs[i] : NULL);
		n += is_in(i);
	}
	CU_ASSERT_EQUAL(engine.n_runs, n);
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

/* The live runs as an array of PostgreSQL: each once. */
static void
check_list(bool (*is_in)(int))
{
	char *list = table_list(&engine), *at = list;
	size_t n = 0, expected = 0;

	for (int i = 0; i < N; i++)
		expected += is_in(i);
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
		CU_ASSERT_TRUE_FATAL(i >= 0 && i < N && is_in(i));
		CU_ASSERT_EQUAL(memcmp(at + 1, runs[i].task.id, 36), 0);
	}
	CU_ASSERT_EQUAL(n, expected);
	free(list);
}

static void
test_table(void)
{
	CU_ASSERT_PTR_NULL(run_find(&process, runs[0].task.id));
	check_list(none);
	for (int i = 0; i < N; i++)
		table_add(&engine, &runs[i]);
	check_found(all);
	check_list(all);
	CU_ASSERT_PTR_NULL(run_find(&process, ""));
	for (int i = 0; i < N; i += 3)
		table_remove(&engine, &runs[i]);
	check_found(all_but_thirds);
	check_list(all_but_thirds);
	for (int i = N - 1; i >= N / 2; i--)
		if (i % 3 != 0)
			table_remove(&engine, &runs[i]);
	check_found(first_half_but_thirds);
	for (int i = 0; i < N / 2; i++)
		if (i % 3 != 0)
			table_remove(&engine, &runs[i]);
	check_found(none);
	check_list(none);
}

static CU_TestInfo tests[] = {
	{ "added, found, listed, removed", test_table },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "table", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
