/* UTF-8, money, ids, time, error texts and languages. */
#include <string.h>

#include "base/clock.h"
#include "base/csv.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/status.h"
#include "base/utf8.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
test_utf8_valid(void)
{
	static const char *const good[] = { "", "abc", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
		"\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xe4\xbd\xa0\xe5\xa5\xbd" };
	static const char *const wrong[] = { "\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf",
		"\xe0\xa0", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xff", "\xfe", "a\xe4\xbd", "\xe4\xbd\xa0\xe5" };

	for (size_t i = 0; i < COUNT(good); i++)
		CU_ASSERT_TRUE(utf8_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < COUNT(wrong); i++)
		CU_ASSERT_FALSE(utf8_valid(wrong[i], strlen(wrong[i])));
	CU_ASSERT_TRUE(utf8_valid("a\0b", 3));
}

static void
test_utf8_measures(void)
{
	const char *s = "a\xc3\xa4\xe4\xbd\xa0\xf0\x9f\x98\x80z"; /* 1+2+3+4+1 bytes */

	CU_ASSERT_EQUAL(utf8_length(s, strlen(s)), 5);
	CU_ASSERT_EQUAL(utf8_prefix(s, strlen(s), 0), 0);
	CU_ASSERT_EQUAL(utf8_prefix(s, strlen(s), 1), 1);
	CU_ASSERT_EQUAL(utf8_prefix(s, strlen(s), 2), 3);
	CU_ASSERT_EQUAL(utf8_prefix(s, strlen(s), 3), 6);
	CU_ASSERT_EQUAL(utf8_prefix(s, strlen(s), 4), 10);
	CU_ASSERT_EQUAL(utf8_prefix(s, strlen(s), 99), 11);
	/* cut after n bytes, so many at the end wait for more */
	static const size_t tails[] = { 0, 0, 1, 0, 1, 2, 0, 1, 2, 3, 0, 0 };

	for (size_t n = 0; n < COUNT(tails); n++)
		CU_ASSERT_EQUAL(utf8_tail(s, n), tails[n]);
}

static void
test_ucr_parse(void)
{
	static const struct {
		const char *text;
		int64_t ucr;
	} good[] = {
		{ "0", 0 },
		{ "-0", 0 },
		{ "3", 3000000 },
		{ "-1.25", -1250000 },
		{ "0.000001", 1 },
		{ "1.250000", 1250000 },
		{ "0007", 7000000 },
		{ "900000000000", UCR_MAX },
		{ "900000000000.000000", UCR_MAX },
		{ "-900000000000", -UCR_MAX },
	};
	static const char *const wrong[] = { "", "-", ".", ".5", "1.", "-.5", "+1", "1e3", " 1", "1 ", "1,5", "0x1",
		"1.0000000", "0.0000001", "--1", "1.2.3", "NaN", "Infinity", "900000000000.000001", "900000000001",
		"9223372036854775808", "99999999999999999999999", "\xef\xbc\x91" };
	int64_t ucr = 77;

	for (size_t i = 0; i < COUNT(good); i++) {
		CU_ASSERT_TRUE(ucr_parse(good[i].text, &ucr));
		CU_ASSERT_EQUAL(ucr, good[i].ucr);
	}
	ucr = 77;
	for (size_t i = 0; i < COUNT(wrong); i++)
		if (ucr_parse(wrong[i], &ucr))
			CU_FAIL(wrong[i]);
	CU_ASSERT_FALSE(ucr_parse(NULL, &ucr));
	CU_ASSERT_EQUAL(ucr, 77);
}

static void
test_ucr_format(void)
{
	static const struct {
		int64_t ucr;
		const char *text;
	} pairs[] = {
		{ 0, "0" },
		{ 1, "0.000001" },
		{ -1, "-0.000001" },
		{ 1250000, "1.25" },
		{ -1000000, "-1" },
		{ 999999, "0.999999" },
		{ 100000, "0.1" },
		{ UCR_MAX, "900000000000" },
		{ INT64_MIN, "-9223372036854.775808" },
	};
	char text[UCR_TEXT_LEN];
	int64_t back;

	for (size_t i = 0; i < COUNT(pairs); i++) {
		CU_ASSERT_STRING_EQUAL(ucr_format(pairs[i].ucr, text), pairs[i].text);
		if (pairs[i].ucr != INT64_MIN)
			CU_ASSERT_TRUE(ucr_parse(text, &back) && back == pairs[i].ucr);
	}
}

static void
test_ucr_arithmetic(void)
{
	CU_ASSERT_EQUAL(ucr_for_units(1000000, 2500000, 1000000), 2500000);
	CU_ASSERT_EQUAL(ucr_for_units(1, 1, 1000000), 1); /* rounded up */
	CU_ASSERT_EQUAL(ucr_for_units(3, 500000, 1000000), 2);
	CU_ASSERT_EQUAL(ucr_for_units(0, 500000, 1000000), 0);
	CU_ASSERT_EQUAL(ucr_for_units(-5, 500000, 1000000), 0);
	CU_ASSERT_EQUAL(ucr_for_units(5, -500000, 1000000), 0);
	CU_ASSERT_EQUAL(ucr_for_units(INT64_MAX, INT64_MAX, 1000000), UCR_MAX);
	CU_ASSERT_EQUAL(ucr_add(1, 2), 3);
	CU_ASSERT_EQUAL(ucr_add(UCR_MAX, 1), UCR_MAX);
	CU_ASSERT_EQUAL(ucr_add(-UCR_MAX, -1), -UCR_MAX);
	CU_ASSERT_EQUAL(ucr_add(INT64_MAX, INT64_MAX), UCR_MAX);
	CU_ASSERT_EQUAL(ucr_add(INT64_MIN, INT64_MIN), -UCR_MAX);
}

static void
test_uuid(void)
{
	char a[UUID_LEN], b[UUID_LEN], parsed[UUID_LEN] = "kept";

	uuid_v7(a);
	for (int i = 0; i < 1000; i++) {
		uuid_v7(b);
		CU_ASSERT_STRING_NOT_EQUAL(a, b);
		CU_ASSERT_TRUE(memcmp(a, b, 8) <= 0); /* time first */
		CU_ASSERT_TRUE(b[14] == '7' && strchr("89ab", b[19]) != NULL);
		CU_ASSERT_TRUE(uuid_parse(b, parsed) && strcmp(b, parsed) == 0);
	}
	CU_ASSERT_TRUE(uuid_parse("01890F5E-7B1C-7CC3-98C4-DC0C0C07398F", parsed));
	CU_ASSERT_STRING_EQUAL(parsed, "01890f5e-7b1c-7cc3-98c4-dc0c0c07398f");
	static const char *const wrong[] = { "", "x", "01890f5e7b1c7cc398c4dc0c0c07398f",
		"01890f5e-7b1c-7cc3-98c4-dc0c0c07398", "01890f5e-7b1c-7cc3-98c4-dc0c0c07398ff",
		"{1890f5e-7b1c-7cc3-98c4-dc0c0c07398}", "01890f5e-7b1c-7cc3-98c4dc0c0c07398f0",
		"01890f5e-7b1c-7cc3-98c4-dc0c0c07398g" };

	snprintf(parsed, sizeof(parsed), "kept");
	for (size_t i = 0; i < COUNT(wrong); i++)
		CU_ASSERT_FALSE(uuid_parse(wrong[i], parsed));
	CU_ASSERT_FALSE(uuid_parse(NULL, parsed));
	CU_ASSERT_STRING_EQUAL(parsed, "kept");
}

static void
test_request_id(void)
{
	CU_ASSERT_TRUE(request_id_is_sane("abcdefgh"));
	CU_ASSERT_TRUE(request_id_is_sane("A.b_c-0123456789"));
	CU_ASSERT_FALSE(request_id_is_sane("abcdefg"));
	CU_ASSERT_FALSE(request_id_is_sane(NULL));
	CU_ASSERT_FALSE(request_id_is_sane("abcd efgh"));
	CU_ASSERT_FALSE(request_id_is_sane("abcdefgh\r\nX: y"));
	CU_ASSERT_TRUE(request_id_is_sane("0123456789012345678901234567890123456789012345678901234567890123"));
	CU_ASSERT_FALSE(request_id_is_sane("01234567890123456789012345678901234567890123456789012345678901234"));
}

static void
test_clock(void)
{
	char text[RFC3339_LEN];
	int64_t mono = clock_mono_us(), wall = clock_wall_ms();

	clock_rfc3339(0, text);
	CU_ASSERT_STRING_EQUAL(text, "1970-01-01T00:00:00.000Z");
	clock_rfc3339(INT64_C(1767323045678), text);
	CU_ASSERT_STRING_EQUAL(text, "2026-01-02T03:04:05.678Z");
	clock_rfc3339(INT64_C(951782400007), text);
	CU_ASSERT_STRING_EQUAL(text, "2000-02-29T00:00:00.007Z");
	CU_ASSERT_TRUE(clock_mono_us() >= mono && clock_mono_ms() >= mono / 1000);
	CU_ASSERT_TRUE(wall > INT64_C(1700000000000) && clock_wall_s() >= wall / 1000);
}

static void
test_clock_parse(void)
{
	static const char *const good[] = { "2026-01-02T03:04:05.678Z", "2026-01-02T11:04:05.678+08:00",
		"2026-01-01T22:34:05.6789-04:30" };
	static const char *const bad[] = { "", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02 03:04:05Z",
		"2026-02-29T00:00:00Z", "2026-06-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-10T00:00:00Z",
		"2026-01-02T24:00:00Z", "2026-01-02T03:60:00Z", "2026-01-02T03:04:61Z", "2026-01-02T03:04:05.Z",
		"2026-01-02T03:04:05.1234567890Z", "2026-01-02T03:04:05ZZ", "2026-01-02T03:04:05+8:00",
		"2026-01-02T03:04:05+08:60", "2026-01-02T03:04:05+24:00", "2026-01-02T03:04:05+0800",
		"-026-01-02T03:04:05Z", "infinity", "tomorrow, at half past three" };
	int64_t ms = 7;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ms = 0;
		CU_ASSERT_TRUE(clock_parse_rfc3339(good[i], &ms));
		CU_ASSERT_EQUAL(ms, INT64_C(1767323045678));
	}
	CU_ASSERT_TRUE(clock_parse_rfc3339("2000-02-29T00:00:00Z", &ms));
	CU_ASSERT_EQUAL(ms, INT64_C(951782400000));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ms = 7;
		CU_ASSERT_FALSE(clock_parse_rfc3339(bad[i], &ms));
		CU_ASSERT_EQUAL(ms, 7);
	}
}

static void
test_csv(void)
{
	struct buf b = { 0 };

	csv_add(&b, "plain");
	csv_add(&b, "a \"b\", c\nd");
	csv_add(&b, NULL);
	csv_end(&b);
	csv_add(&b, "=1+1");
	csv_add(&b, "-12.5");
	csv_add(&b, "-12.5+A1");
	csv_add(&b, "@x");
	csv_end(&b);
	CU_ASSERT_STRING_EQUAL(buf_str(&b),
	    "\"plain\",\"a \"\"b\"\", c\nd\",\"\"\r\n"
	    "\"'=1+1\",\"-12.5\",\"'-12.5+A1\",\"'@x\"\r\n");
	buf_free(&b);
}

static void
test_status_table(void)
{
	CU_ASSERT_STRING_EQUAL(status_code(OK), "ok");
	CU_ASSERT_EQUAL(status_http(OK), 200);
	CU_ASSERT_STRING_EQUAL(status_code(E_NOT_FOUND), "not_found");
	CU_ASSERT_EQUAL(status_http(E_NOT_FOUND), 404);
	CU_ASSERT_STRING_EQUAL(
	    status_text(E_INSUFFICIENT_CREDITS, LANG_ZH), "\xe7\xa7\xaf\xe5\x88\x86\xe4\xb8\x8d\xe8\xb6\xb3");
	for (int st = OK; st < STATUS_COUNT; st++) {
		CU_ASSERT_EQUAL(status_from_code(status_code((enum status)st)), (enum status)st); /* codes are unique */
		CU_ASSERT_TRUE(strlen(status_text((enum status)st, LANG_EN)) > 0);
		CU_ASSERT_TRUE(
		    utf8_valid(status_text((enum status)st, LANG_ZH), strlen(status_text((enum status)st, LANG_ZH))));
		CU_ASSERT_TRUE(status_http((enum status)st) >= 200 && status_http((enum status)st) < 600);
	}
	CU_ASSERT_EQUAL(status_from_code("no_such_code"), E_INTERNAL);
	CU_ASSERT_EQUAL(status_from_code(NULL), E_INTERNAL);
	CU_ASSERT_EQUAL(status_from_text(status_text(E_TOO_LARGE, LANG_EN)), E_TOO_LARGE);
	CU_ASSERT_EQUAL(status_from_text("no such text"), OK);
	CU_ASSERT_EQUAL(status_from_text(NULL), OK);
}

static void
test_lang_accept(void)
{
	static const struct {
		const char *header;
		enum lang lang;
	} cases[] = {
		{ NULL, LANG_EN },
		{ "", LANG_EN },
		{ "zh", LANG_ZH },
		{ "zh-CN", LANG_ZH },
		{ "ZH-hans", LANG_ZH },
		{ "en", LANG_EN },
		{ "en-US,en;q=0.9,zh;q=0.8", LANG_EN },
		{ "zh-CN,zh;q=0.9,en;q=0.8", LANG_ZH },
		{ "fr, zh;q=0.3", LANG_ZH },
		{ "en;q=0.1, zh;q=0.2", LANG_ZH },
		{ "en;q=0.2 , zh; q=0.1", LANG_EN },
		{ "zh;q=0", LANG_EN },
		{ "*", LANG_EN },
		{ "de", LANG_EN },
		{ ",,,", LANG_EN },
		{ "zh;q=nan", LANG_EN },
		{ "zha", LANG_EN },
		{ "enm;q=1, zh;q=0.5", LANG_ZH },
		{ "zh_CN", LANG_ZH },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		if (lang_accept(cases[i].header) != cases[i].lang)
			CU_FAIL(cases[i].header);
}

static CU_TestInfo tests[] = {
	{ "UTF-8: well-formed or not", test_utf8_valid },
	{ "UTF-8: lengths and cuts", test_utf8_measures },
	{ "credits: parsing", test_ucr_parse },
	{ "credits: formatting", test_ucr_format },
	{ "credits: prices and sums saturate", test_ucr_arithmetic },
	{ "UUIDs", test_uuid },
	{ "request ids", test_request_id },
	{ "clocks", test_clock },
	{ "times others write", test_clock_parse },
	{ "comma-separated values", test_csv },
	{ "error table", test_status_table },
	{ "Accept-Language", test_lang_accept },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "base", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
