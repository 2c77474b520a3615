/*
 * tap.h -- run CUnit suites and report in TAP, for automake's tap-driver.
 *
 * A unit test program is a list of suites and a main of one line:
 *
 *	static CU_TestInfo arena_tests[] = {
 *		{ "grows past its first block", test_arena_grows },
 *		CU_TEST_INFO_NULL,
 *	};
 *	static CU_SuiteInfo suites[] = {
 *		{ "arena", NULL, NULL, NULL, NULL, arena_tests },
 *		CU_SUITE_INFO_NULL,
 *	};
 *
 *	int
 *	main(void)
 *	{
 *		return tap_run(suites);
 *	}
 *
 * Each test is one TAP line, its failed assertions follow as diagnostics, and
 * a closing "# N passed, N failed" is printed. The exit status is 0 even when
 * tests failed: the TAP lines say it, and automake would count a second error.
 * A suite whose set-up failed is reported as a failed test of its own, and any
 * framework error ends the program with status 1.
 */
#ifndef WEIR_TESTS_TAP_H
#define WEIR_TESTS_TAP_H

#include <CUnit/CUnit.h>
#include <CUnit/TestDB.h>
#include <CUnit/TestRun.h>
#include <stdio.h>

static unsigned tap_number;
static unsigned tap_failed;

static void
tap_line(int ok, const char *suite, const char *test, const CU_pFailureRecord first)
{
	tap_number++;
	if (!ok)
		tap_failed++;
	printf("%s %u - %s: %s\n", ok ? "ok" : "not ok", tap_number, suite, test);
	for (CU_pFailureRecord f = first; f != NULL; f = f->pNext)
		printf("# %s:%u: %s\n", f->strFileName ? f->strFileName : "?", f->uiLineNumber,
		    f->strCondition ? f->strCondition : "?");
	fflush(stdout);
}

static void
tap_test_complete(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
	tap_line(failure == NULL, suite->pName, test->pName, failure);
}

static void
tap_suite_init_failed(const CU_pSuite suite)
{
	tap_line(0, suite->pName, "suite set-up", NULL);
}

static void
tap_suite_cleanup_failed(const CU_pSuite suite)
{
	tap_line(0, suite->pName, "suite clean-up", NULL);
}

/* Runs `suites` (ended by CU_SUITE_INFO_NULL) and prints TAP. Returns main's status. */
static inline int
tap_run(CU_SuiteInfo *suites)
{
	if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS) {
		printf("Bail out! CUnit: %s\n", CU_get_error_msg());
		return 1;
	}
	CU_set_test_complete_handler(tap_test_complete);
	CU_set_suite_init_failure_handler(tap_suite_init_failed);
	CU_set_suite_cleanup_failure_handler(tap_suite_cleanup_failed);
	CU_run_all_tests();
	printf("1..%u\n# %u passed, %u failed\n", tap_number, tap_number - tap_failed, tap_failed);
	CU_cleanup_registry();
	return 0;
}

#endif
