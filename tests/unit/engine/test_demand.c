/* engine/demand: what an allowance is sized by. */
#include "engine/demand.h"
#include "tap.h"

static void
test_lively(void)
{
	struct demand d = { 0 };

	demand_called(&d, 10000);
	CU_ASSERT(!demand_is_lively(&d)); /* one now and then takes a hold of its own */
	demand_called(&d, 10900);
	CU_ASSERT(demand_is_lively(&d));
	demand_passes(&d, 11500); /* in the window before */
	CU_ASSERT(demand_is_lively(&d));
	demand_passes(&d, 13600);
	CU_ASSERT(!demand_is_lively(&d));
	demand_called(&d, 13700);
	CU_ASSERT(!demand_is_lively(&d));
}

static void
test_wanted(void)
{
	struct demand d = { 0 };

	demand_passes(&d, 10000);
	CU_ASSERT_EQUAL(demand_wanted_ucr(&d, 7, 0), 14);
	CU_ASSERT_EQUAL(demand_wanted_ucr(&d, 7, 14), 7); /* never less than the ceiling asked for */
	demand_reserved(&d, 100);
	demand_reserved(&d, 60);
	CU_ASSERT_EQUAL(demand_peak_ucr(&d), 100);
	CU_ASSERT_EQUAL(demand_wanted_ucr(&d, 7, 114), 100);
	demand_taken(&d, 50); /* used up for good, as where a budget stands behind it */
	CU_ASSERT_EQUAL(demand_wanted_ucr(&d, 7, 114), 150);
	demand_passes(&d, 11100);
	demand_taken(&d, 25);
	CU_ASSERT_EQUAL(demand_peak_ucr(&d), 100);
	CU_ASSERT_EQUAL(demand_wanted_ucr(&d, 7, 114), 175);
	demand_passes(&d, 12200);
	CU_ASSERT_EQUAL(demand_peak_ucr(&d), 0);
	CU_ASSERT_EQUAL(demand_wanted_ucr(&d, 7, 0), 14 + 25);
}

static void
test_saturates(void)
{
	struct demand d = { 0 };
	int64_t most = INT64_C(900000000000) * 1000000;

	demand_passes(&d, 10000);
	demand_reserved(&d, most);
	demand_taken(&d, most);
	demand_taken(&d, most);
	CU_ASSERT_EQUAL(demand_wanted_ucr(&d, 5, 0), most);
}

static CU_TestInfo tests[] = {
	{ "only quick succession is worth holding something for", test_lively },
	{ "twice the peak, what is used up, two ceilings", test_wanted },
	{ "sums saturate", test_saturates },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "demand", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
