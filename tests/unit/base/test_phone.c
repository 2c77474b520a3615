/* Telephone numbers to E.164, and names to NFC. */
#include "base/phone.h"

#include <string.h>

#include "base/nfc.h"
#include "tap.h"

static struct arena *arena;

static int
set_up(void)
{
	arena = arena_new(4096, 1 << 20);
	return 0;
}

static int
tear_down(void)
{
	arena_free(arena);
	return 0;
}

/* The number in E.164, "-" when it is none. */
static const char *
e164(const char *typed, const char *country)
{
	static char out[PHONE_LEN];

	return phone_e164(typed, country, out) ? out : "-";
}

#define IS(typed, country, wanted) CU_ASSERT_STRING_EQUAL(e164(typed, country), wanted)

static void
test_international(void)
{
	IS("+8613800138000", "", "+8613800138000");
	IS("+86 138-0013.8000", "US", "+8613800138000");
	IS("+1 (415) 555-2671", "CN", "+14155552671");
	IS("+44 (0)20 7946 0018", "", "+442079460018");
	IS("+39 06 1234 5678", "", "+390612345678");
	IS("+290 12345", "", "+29012345"); /* a country that is not in the table */
	IS("+0 13800138000", "", "-");
	IS("+123456", "", "-");
	IS("+123456789012345", "", "+123456789012345");
	IS("+1234567890123456", "", "-");
	IS("+", "", "-");
	IS("", "", "-");
	IS("+86 138 call me", "", "-");
	IS("86+13800138000", "CN", "-");
	IS("13800138000", "", "-"); /* whose? */
	IS("13800138000", "XX", "-");
	IS("13800138000", "cn", "-");
	IS("+861380013800000000000000000000000000000000000", "", "-");
}

/* A number of each kind of country, as it is dialled there. */
static void
test_national(void)
{
	static const struct {
		const char *country, *typed, *e164;
	} rows[] = {
		{ "CN", "13800138000", "+8613800138000" },
		{ "CN", "010 1234 5678", "+861012345678" },
		{ "CN", "0086 138 0013 8000", "+8613800138000" },
		{ "US", "(415) 555-2671", "+14155552671" },
		{ "US", "1-415-555-2671", "+14155552671" },
		{ "US", "011 86 138 0013 8000", "+8613800138000" },
		{ "CA", "416 555 0123", "+14165550123" },
		{ "GB", "020 7946 0018", "+442079460018" },
		{ "GB", "07700 900123", "+447700900123" },
		{ "DE", "030/1234567", "+49301234567" },
		{ "DE", "00 43 1 234567", "+431234567" },
		{ "IT", "06 1234 5678", "+390612345678" }, /* no trunk prefix: the 0 stays */
		{ "IT", "347 1234567", "+393471234567" },
		{ "ES", "612 34 56 78", "+34612345678" },
		{ "RU", "8 912 345-67-89", "+79123456789" },
		{ "RU", "8123456789", "+78123456789" }, /* ten digits: area code 812, no prefix */
		{ "KZ", "8 701 234 5678", "+77012345678" },
		{ "HU", "06 20 123 4567", "+36201234567" },
		{ "JP", "090-1234-5678", "+819012345678" },
		{ "JP", "010 86 13800138000", "+8613800138000" },
		{ "HK", "9123 4567", "+85291234567" },
		{ "SG", "8123 4567", "+6581234567" },
		{ "TW", "0912 345 678", "+886912345678" },
		{ "KR", "010-1234-5678", "+821012345678" },
		{ "AU", "0412 345 678", "+61412345678" },
		{ "AU", "0011 64 21 123456", "+6421123456" },
		{ "IN", "098765 43210", "+919876543210" },
		{ "BR", "(011) 91234-5678", "+5511912345678" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		IS(rows[i].typed, rows[i].country, rows[i].e164);
	CU_ASSERT_TRUE(phone_country_known(""));
	CU_ASSERT_TRUE(phone_country_known("AE"));
	CU_ASSERT_TRUE(phone_country_known("ZA"));
	CU_ASSERT_FALSE(phone_country_known("XX"));
	CU_ASSERT_FALSE(phone_country_known("CHN"));
}

/* What is E.164 stays what it is, whatever the country. */
static void
test_table(void)
{
	static const char *const codes[] = {
#define COUNTRY(code, calling, international, trunk, digits) #code,
#include "base/phones.def"
#undef COUNTRY
	};
	const char *before = "";

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		CU_ASSERT_EQUAL(strlen(codes[i]), 2);
		CU_ASSERT(strcmp(before, codes[i]) < 0);
		before = codes[i];
		IS("+8613800138000", codes[i], "+8613800138000");
		CU_ASSERT_STRING_NOT_EQUAL(e164("2125552671", codes[i]), "-");
	}
}

static void
test_spellings(void)
{
	const char *s[PHONE_SPELLINGS_MAX];

	CU_ASSERT_EQUAL_FATAL(phone_spellings(arena, "138 0013 8000", "CN", s), 5);
	CU_ASSERT_STRING_EQUAL(s[0], "+8613800138000");
	CU_ASSERT_STRING_EQUAL(s[1], "8613800138000");
	CU_ASSERT_STRING_EQUAL(s[2], "13800138000");
	CU_ASSERT_STRING_EQUAL(s[3], "013800138000");
	CU_ASSERT_STRING_EQUAL(s[4], "13800138000");
	CU_ASSERT_EQUAL_FATAL(phone_spellings(arena, "+14155552671", "CN", s), 3);
	CU_ASSERT_STRING_EQUAL(s[2], "+14155552671");
	CU_ASSERT_EQUAL_FATAL(phone_spellings(arena, "138-0013", "", s), 1);
	CU_ASSERT_STRING_EQUAL(s[0], "1380013");
	CU_ASSERT_EQUAL(phone_spellings(arena, "' OR 1=1 --", "CN", s), 0);
	CU_ASSERT_EQUAL(phone_spellings(arena, "13,14}{15", "CN", s), 0);
}

static void
test_nfc(void)
{
	const char *plain = "plain", *composed = "caf\u00e9", *name = "\u5c0f\u660e";

	CU_ASSERT_PTR_EQUAL(utf8_nfc(arena, plain), plain);
	CU_ASSERT_STRING_EQUAL(utf8_nfc(arena, ""), "");
	CU_ASSERT_PTR_EQUAL(utf8_nfc(arena, composed), composed);
	CU_ASSERT_PTR_EQUAL(utf8_nfc(arena, name), name);
	CU_ASSERT_STRING_EQUAL(utf8_nfc(arena, "cafe\u0301"), composed);
	CU_ASSERT_STRING_EQUAL(utf8_nfc(arena, "\u1112\u1161\u11ab"), "\ud55c");
	CU_ASSERT_STRING_EQUAL(utf8_nfc(arena, "\u212b"), "\u00c5");
	CU_ASSERT_STRING_EQUAL(utf8_nfc(arena, "a\u0323\u0307"), utf8_nfc(arena, "a\u0307\u0323"));
	CU_ASSERT_STRING_EQUAL(utf8_nfc(arena, "\ufb01"), "\ufb01"); /* a ligature is not taken apart */
}

static CU_TestInfo tests[] = {
	{ "with +, whatever the country", test_international },
	{ "as dialled within a country", test_national },
	{ "every row of the table", test_table },
	{ "the spellings of old", test_spellings },
	{ "NFC", test_nfc },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "phone", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
