/* Seals are known again, however their base64 is written. */
#include <string.h>

#include "engine/seal.h"
#include "tap.h"

static void
is_like(const char *a, const char *b, bool is)
{
	char x[SEAL_ID_LEN], y[SEAL_ID_LEN];

	seal_id(a, strlen(a), x);
	seal_id(b, strlen(b), y);
	CU_ASSERT_EQUAL(strlen(x), SEAL_ID_LEN - 1);
	CU_ASSERT_EQUAL(strcmp(x, y) == 0, is);
}

static void
test_ids(void)
{
	char id[SEAL_ID_LEN];

	is_like("ab+/cd==", "ab-_cd", true);
	is_like("ab+/cd==", "ab+/cd=", true);
	is_like("-_", "+/", true);
	is_like("ab+/cd", "ab/+cd", false);
	is_like("abc", "abd", false);
	is_like("", "=", true);
	/* of all of it: printf 'abc' | sha256sum */
	seal_id("abc", 3, id);
	CU_ASSERT_STRING_EQUAL(id, "seal:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static CU_TestInfo seal_tests[] = {
	{ "ids", test_ids },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "seal", NULL, NULL, NULL, NULL, seal_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
