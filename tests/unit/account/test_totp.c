/* Codes by time: the vectors of RFC 6238 and RFC 4226, and what is no code. */
#include "account/totp.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

static const unsigned char secret[] = "12345678901234567890"; /* of both RFCs */
#define SECRET_LEN 20

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

static void
test_rfc_4226(void)
{
	static const uint32_t codes[] = { 755224, 287082, 359152, 969429, 338314, 254676, 287922, 162583, 399871,
		520489 };

	for (int i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(totp_code(secret, SECRET_LEN, i), codes[i]);
}

static void
test_rfc_6238(void)
{
	/* appendix B, SHA1; of its eight digits the last six */
	static const struct {
		int64_t at_s;
		uint32_t code;
	} vectors[] = { { 59, 94287082 }, { 1111111109, 7081804 }, { 1111111111, 14050471 }, { 1234567890, 89005924 },
		{ 2000000000, 69279037 }, { 20000000000, 65353130 } };

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		CU_ASSERT_EQUAL(
		    totp_code(secret, SECRET_LEN, vectors[i].at_s / TOTP_STEP_S), vectors[i].code % 1000000);
}

static void
test_matches(void)
{
	int64_t now_s = 10 * TOTP_STEP_S + 7, step = 0;
	char text[32];

	for (int64_t at = 8; at <= 12; at++) {
		snprintf(text, sizeof(text), "%06u", totp_code(secret, SECRET_LEN, at));
		CU_ASSERT_EQUAL(totp_matches(secret, SECRET_LEN, now_s, 0, text, &step), at >= 9 && at <= 11);
		if (at >= 9 && at <= 11)
			CU_ASSERT_EQUAL(step, at);
	}
	/* once each: none of a step that was used, or before */
	snprintf(text, sizeof(text), "%06u", totp_code(secret, SECRET_LEN, 10));
	CU_ASSERT_TRUE(totp_matches(secret, SECRET_LEN, now_s, 9, text, &step));
	CU_ASSERT_FALSE(totp_matches(secret, SECRET_LEN, now_s, 10, text, &step));
	CU_ASSERT_FALSE(totp_matches(secret, SECRET_LEN, now_s, 11, text, &step));
	/* as people type it */
	snprintf(text, sizeof(text), " %03u %03u", totp_code(secret, SECRET_LEN, 10) / 1000,
	    totp_code(secret, SECRET_LEN, 10) % 1000);
	CU_ASSERT_TRUE(totp_matches(secret, SECRET_LEN, now_s, 0, text, &step));
}

static void
test_no_code(void)
{
	static const char *const texts[] = { "", "12345", "1234567", "12345a", "-12345", "12345.", "１２３４５６" };
	int64_t step;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CU_ASSERT_FALSE(totp_matches(secret, SECRET_LEN, 59, 0, texts[i], &step));
}

static void
test_base32(void)
{
	/* RFC 4648 10 */
	static const char *const vectors[][2] = { { "", "" }, { "f", "MY" }, { "fo", "MZXQ" }, { "foo", "MZXW6" },
		{ "foob", "MZXW6YQ" }, { "fooba", "MZXW6YTB" }, { "foobar", "MZXW6YTBOI" } };
	unsigned char out[SECRET_LEN];

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const char *text = vectors[i][0], *coded = vectors[i][1];

		CU_ASSERT_STRING_EQUAL(base32_encode(arena, (const unsigned char *)text, strlen(text)), coded);
		CU_ASSERT_EQUAL(base32_decode(coded, out, sizeof(out)), strlen(text));
		CU_ASSERT_EQUAL(memcmp(out, text, strlen(text)), 0);
	}
	CU_ASSERT_EQUAL(base32_decode(base32_encode(arena, secret, SECRET_LEN), out, sizeof(out)), SECRET_LEN);
	CU_ASSERT_EQUAL(memcmp(out, secret, SECRET_LEN), 0);
	CU_ASSERT_EQUAL(base32_decode("MZXW6YTBOI", out, 5), SIZE_MAX);
	CU_ASSERT_EQUAL(base32_decode("MZ1W6", out, sizeof(out)), SIZE_MAX);
	CU_ASSERT_EQUAL(base32_decode("mzxw6", out, sizeof(out)), SIZE_MAX);
}

static CU_TestInfo tests[] = {
	{ "the vectors of RFC 4226", test_rfc_4226 },
	{ "the vectors of RFC 6238", test_rfc_6238 },
	{ "a step before and behind, each once", test_matches },
	{ "what is no code", test_no_code },
	{ "base32", test_base32 },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "totp", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
