/* The form of an API key: what is whole, what a typo makes of it, what is shown. */
#include "account/key_text.h"

#include <string.h>

#include "tap.h"

static const unsigned char zeros[KEY_RANDOM_BYTES], ones[KEY_RANDOM_BYTES] = { [0 ... KEY_RANDOM_BYTES - 1] = 0xFF };

static void
test_form(void)
{
	char text[KEY_TEXT_LEN];

	/* the checksums are zlib's crc32() of what stands before them */
	key_text_write(zeros, text);
	CU_ASSERT_STRING_EQUAL(text, "wk-0000000000000000000000000000skq46");
	key_text_write(ones, text);
	CU_ASSERT_STRING_EQUAL(text, "wk-aWgEPTl1tmebfsQzFP4bxwgy80V0e73H9");
}

static void
test_whole(void)
{
	unsigned char random[KEY_RANDOM_BYTES];
	char text[KEY_TEXT_LEN];

	for (int i = 0; i < 1000; i++) {
		crypto_random(random, sizeof(random));
		key_text_write(random, text);
		CU_ASSERT_EQUAL_FATAL(strlen(text), KEY_TEXT_LEN - 1);
		CU_ASSERT_TRUE_FATAL(key_text_is_whole(text));
	}
}

static void
test_typos(void)
{
	char text[KEY_TEXT_LEN], wrong[KEY_TEXT_LEN + 1];

	key_text_write(ones, text);
	for (size_t i = 0; i < KEY_TEXT_LEN - 1; i++) {
		memcpy(wrong, text, KEY_TEXT_LEN);
		wrong[i] = wrong[i] == 'x' ? 'y' : 'x';
		CU_ASSERT_FALSE(key_text_is_whole(wrong)); /* one wrong */
		memcpy(wrong, text, KEY_TEXT_LEN);
		memmove(wrong + i, wrong + i + 1, KEY_TEXT_LEN - i - 1);
		CU_ASSERT_FALSE(key_text_is_whole(wrong)); /* one missing */
	}
	strcpy(wrong, text);
	strcat(wrong, "0");
	CU_ASSERT_FALSE(key_text_is_whole(wrong));
	strcpy(wrong, text);
	wrong[10] = '-';
	CU_ASSERT_FALSE(key_text_is_whole(wrong));
	CU_ASSERT_FALSE(key_text_is_whole(""));
	CU_ASSERT_FALSE(key_text_is_whole(NULL));
	CU_ASSERT_FALSE(key_text_is_whole("sk-0000000000000000000000000000skq46"));
}

static void
test_begins(void)
{
	CU_ASSERT_TRUE(key_text_begins("wk-"));
	CU_ASSERT_TRUE(key_text_begins("wk-anything"));
	CU_ASSERT_FALSE(key_text_begins("WK-anything"));
	CU_ASSERT_FALSE(key_text_begins("wk"));
	CU_ASSERT_FALSE(key_text_begins(NULL));
}

static void
test_shown(void)
{
	char text[KEY_TEXT_LEN], shown[KEY_SHOWN_LEN];

	key_text_write(ones, text);
	key_text_shown(text, shown);
	CU_ASSERT_STRING_EQUAL(shown, "wk-aWgEPTl");
	key_text_shown("wk-", shown);
	CU_ASSERT_STRING_EQUAL(shown, "wk-");
}

static CU_TestInfo tests[] = {
	{ "what a key looks like", test_form },
	{ "every key that is made is whole", test_whole },
	{ "a typo is found", test_typos },
	{ "what begins like one", test_begins },
	{ "what may be shown", test_shown },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "keys", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
