/* The codes that differ least, against a count bit by bit. */
#include "search/nearest.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

enum { DIMS = 70, WORDS = 2, COUNT = 500, LIMIT = 40 };

static char bits[COUNT][DIMS + 1];
static uint64_t codes[COUNT * WORDS];

static void
make(void)
{
	unsigned seed = 7;

	for (size_t i = 0; i < COUNT; i++) {
		for (size_t k = 0; k < DIMS; k++) {
			seed = seed * 1664525u + 1013904223u;
			bits[i][k] = seed >> 30 & 1 ? '1' : '0';
		}
		CU_ASSERT_TRUE(nearest_pack(bits[i], DIMS, codes + i * WORDS));
	}
}

static unsigned
differing(const char *a, const char *b)
{
	unsigned n = 0;

	for (; *a != '\0'; a++, b++)
		n += *a != *b;
	return n;
}

/* Does it come before another in the order of those that differ least from `code`? */
static bool
is_before(const char *code, size_t a, size_t b)
{
	unsigned x = differing(code, bits[a]), y = differing(code, bits[b]);

	return x != y ? x < y : a < b;
}

static void
test_nearest(void)
{
	size_t which[COUNT + 1], n;

	make();
	for (size_t q = 0; q < COUNT; q += 50) {
		n = nearest_codes(codes + q * WORDS, codes, COUNT, WORDS, LIMIT, which);
		CU_ASSERT_EQUAL_FATAL(n, LIMIT);
		CU_ASSERT_EQUAL(which[0], q);
		for (size_t i = 0; i < COUNT; i++) {
			size_t before = 0;

			for (size_t k = 0; k < COUNT; k++)
				before += is_before(bits[q], k, i);
			CU_ASSERT_TRUE(before >= LIMIT || which[before] == i);
		}
	}
}

static void
test_edges(void)
{
	char longer[DIMS + 2], other[DIMS + 1];
	uint64_t out[WORDS], all[WORDS] = { UINT64_MAX, UINT64_MAX };
	size_t which[COUNT + 1];

	make();
	CU_ASSERT_EQUAL(nearest_words(DIMS), WORDS);
	CU_ASSERT_EQUAL(nearest_words(64), 1);
	CU_ASSERT_EQUAL(nearest_codes(codes, codes, 0, WORDS, LIMIT, which), 0);
	CU_ASSERT_EQUAL(nearest_codes(codes, codes, 3, WORDS, LIMIT, which), 3);
	CU_ASSERT_EQUAL(nearest_codes(codes, codes, 3, WORDS, 0, which), 0);
	CU_ASSERT_EQUAL(
	    nearest_codes(all, (const uint64_t[WORDS]){ 0, 0 }, 1, WORDS, 1, which), 1); /* all bits differ */
	memset(longer, '1', sizeof longer);
	longer[DIMS + 1] = '\0';
	CU_ASSERT_FALSE(nearest_pack(longer, DIMS, out));
	CU_ASSERT_FALSE(nearest_pack("101", DIMS, out));
	memcpy(other, bits[0], sizeof other);
	other[3] = '2';
	CU_ASSERT_FALSE(nearest_pack(other, DIMS, out));
}

static CU_TestInfo tests[] = {
	{ "the nearest, least first, of equal ones the first", test_nearest },
	{ "none, few, and what is no code", test_edges },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "nearest", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
