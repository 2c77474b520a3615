/* The token estimate: scripts, rounding, broken bytes. */
#include "base/tokens.h"

#include <string.h>

#include "tap.h"

static void
test_scripts(void)
{
	static const struct {
		const char *text;
		int64_t tokens;
	} rows[] = {
		{ "", 0 },
		{ "a", 1 },
		{ "abcd", 1 },
		{ "abcde", 2 },
		{ "The quick brown fox jumps over it.", 9 },
		{ "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96", 2 },		   /* 3 CJK characters */
		{ "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\xe7\x95\x8c", 3 }, /* 4 */
		{ "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", 3 }, /* 6 Cyrillic */
		{ "ok \xe4\xbd\xa0\xe5\xa5\xbd", 3 },			   /* mixed: 9 + 16 units */
		{ "\xf0\x9f\x98\x80", 1 },				   /* emoji */
		{ "\xff\xfe", 1 },					   /* no UTF-8 at all */
		{ "\xe4\xbd", 1 },					   /* cut off */
		/* The first and the last of each range of wide characters, three of each and
		 * one Latin letter (27 of 12 units: 3), and their neighbours outside (21: 2). */
		{ "\xe1\x84\x80\xe1\x87\xbf\xe1\x84\x80x", 3 },
		{ "\xe1\x83\xbf\xe1\x88\x80\xe1\x83\xbfx", 2 },
		{ "\xe2\xba\x80\xe9\xbf\xbf\xe2\xba\x80x", 3 },
		{ "\xe2\xb9\xbf\xea\x80\x80\xe2\xb9\xbfx", 2 },
		{ "\xea\xb0\x80\xed\x9f\xbf\xea\xb0\x80x", 3 },
		{ "\xea\xaf\xbf\xee\x80\x80\xea\xaf\xbfx", 2 },
		{ "\xef\xa4\x80\xef\xab\xbf\xef\xa4\x80x", 3 },
		{ "\xef\xa3\xbf\xef\xac\x80\xef\xa3\xbfx", 2 },
		{ "\xef\xb8\xb0\xef\xb9\x8f\xef\xb8\xb0x", 3 },
		{ "\xef\xb8\xaf\xef\xb9\x90\xef\xb8\xafx", 2 },
		{ "\xef\xbc\x80\xef\xbf\xaf\xef\xbc\x80x", 3 },
		{ "\xef\xbb\xbf\xef\xbf\xb0\xef\xbb\xbfx", 2 },
		{ "\xf0\xa0\x80\x80\xf0\xbf\xbf\xbf\xf0\xa0\x80\x80x", 3 },
		{ "\xf0\x9f\xbf\xbf\xf1\x80\x80\x80\xf0\x9f\xbf\xbfx", 2 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(tokens_estimate(rows[i].text, strlen(rows[i].text)), rows[i].tokens);
	CU_ASSERT_EQUAL(tokens_estimate("a\0b\0c", 5), 2);
}

static CU_TestInfo tests[] = {
	{ "every script, rounded up", test_scripts },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "tokens", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
