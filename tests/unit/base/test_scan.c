/* Reading JSON without a tree: what is JSON, what a text stands for. */
#include <stdlib.h>
#include <string.h>

#include "base/scan.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A copy of exactly that size, so that a read past it is seen by the sanitizer. */
static char *
exactly(const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len > 0 ? len : 1);

	memcpy(copy, text, len);
	return copy;
}

static bool
is_json(const char *text)
{
	char *copy = exactly(text);
	struct scan s;
	bool ok;

	scan_init(&s, copy, strlen(text));
	scan_skip(&s);
	ok = scan_end(&s);
	free(copy);
	return ok;
}

static void
test_json(void)
{
	static const char *const good[] = { "{}", "[]", "\"\"", "0", "-0", "12", "-1.5e+10", "2e-7", "1E5", "0.0",
		"true", "false", "null", " [ 1 , 2 ] ",
		"{\"a\":{\"b\":[{},[],\"\\u00e9\\\"\\\\\\/\\b\\f\\n\\r\\t\"]},\"a\":1}\n", "\"\xE4\xBD\xA0\"",
		"[[[[]]]]", "\t\r\n {\"\":null}" };
	static const char *const bad[] = { "", " ", "{", "}", "[", "]", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}",
		"{\"a\":1,}", "{a:1}", "{'a':1}", "{\"a\":1 \"b\":2}", "\"", "\"\\", "\"\\x\"", "\"\\u12\"",
		"\"\\u12g4\"", "\"a\nb\"", "01", "-", "1.", ".5", "1e", "1e+", "+1", "tru", "True", "nul", "nan",
		"[1]2", "{}{}", "1 1", "\"\x01\"", "[1}", "{\"a\":1]", "[\"a\":1]", "{1:2}", "[[]", "{\"a\":[}",
		"\"\\u12", "trux", "falsy", "nulx", "1e-", "-x" };

	for (size_t i = 0; i < COUNT(good); i++)
		CU_ASSERT_TRUE(is_json(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		CU_ASSERT_FALSE(is_json(bad[i]));
}

/* Strings are read eight bytes at a time: what ends one counts wherever it stands. */
static void
test_every_byte_everywhere(void)
{
	char text[32];

	for (int byte = 1; byte < 256; byte++)
		for (size_t at = 0; at < 20; at++) {
			size_t len = at + 2 + (size_t)byte % 9;
			bool is_plain = byte >= ' ' && byte != '"' && byte != '\\';

			memset(text, 'a', sizeof(text));
			text[0] = '"';
			text[at + 1] = (char)byte;
			text[len] = '"';
			text[len + 1] = '\0';
			CU_ASSERT_EQUAL(is_json(text), is_plain);
			text[len] = '\0'; /* never closed, but by that byte at its end */
			CU_ASSERT_EQUAL(is_json(text), byte == '"' && len == at + 2);
		}
}

static void
test_depth(void)
{
	char text[4 * SCAN_DEPTH_MAX + 8];

	for (size_t depth = SCAN_DEPTH_MAX - 1; depth <= SCAN_DEPTH_MAX + 1; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		text[2 * depth] = '\0';
		CU_ASSERT_EQUAL(is_json(text), depth <= SCAN_DEPTH_MAX);
	}
	memset(text, '[', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CU_ASSERT_FALSE(is_json(text));
	for (size_t depth = SCAN_DEPTH_MAX; depth <= SCAN_DEPTH_MAX + 1; depth++) { /* the innermost is an object */
		memset(text, '[', depth - 1);
		memcpy(text + depth - 1, "{}", 2);
		memset(text + depth + 1, ']', depth - 1);
		text[2 * depth] = '\0';
		CU_ASSERT_EQUAL(is_json(text), depth <= SCAN_DEPTH_MAX);
	}
}

/* Nothing was wrong, and something is still open. */
static void
test_end_inside(void)
{
	struct scan s;

	scan_init(&s, "[", 1);
	CU_ASSERT_TRUE(scan_array(&s));
	CU_ASSERT_FALSE(scan_end(&s));
	scan_init(&s, "1 2", 3);
	scan_skip(&s);
	CU_ASSERT_FALSE(scan_end(&s));
}

static void
test_nul_is_no_end(void)
{
	struct scan s;

	scan_init(&s, "{}\0", 3);
	scan_skip(&s);
	CU_ASSERT_FALSE(scan_end(&s));
	scan_init(&s, "\0", 1);
	scan_skip(&s);
	CU_ASSERT_FALSE(scan_end(&s));
}

static void
test_integers(void)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t n;
	} rows[] = {
		{ "0", true, 0 },
		{ "-0", true, 0 },
		{ " 42 ", true, 42 },
		{ "-7", true, -7 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "-9223372036854775808", true, INT64_MIN },
		{ "9223372036854775808", false, 0 },
		{ "-9223372036854775809", false, 0 },
		{ "99999999999999999999999", false, 0 },
		{ "1.0", false, 0 },
		{ "1e3", false, 0 },
		{ "\"1\"", false, 0 },
		{ "null", false, 0 },
		{ "[1]", false, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t n = 0;
		struct scan s;

		scan_init(&s, rows[i].text, strlen(rows[i].text));
		CU_ASSERT_EQUAL(scan_integer(&s, &n), rows[i].ok);
		CU_ASSERT_EQUAL(n, rows[i].n);
		if (!rows[i].ok)
			scan_skip(&s); /* nothing was consumed */
		CU_ASSERT_TRUE(scan_end(&s));
	}
	for (size_t i = 0; i < 2; i++) { /* what begins like a number and is none */
		static const char *const none[] = { "-", "1." };
		int64_t n = 7;
		struct scan s;

		scan_init(&s, none[i], strlen(none[i]));
		CU_ASSERT_FALSE(scan_integer(&s, &n));
		CU_ASSERT_EQUAL(n, 7);
		CU_ASSERT_FALSE(scan_end(&s));
	}
}

static void
test_walk(void)
{
	static const char in[] = "{\"skip\":[1,{\"x\":[]}],\"n\":[10,\"no\",20],\"t\":\"a\\tb\",\"o\":{\"in\":true}}";
	struct scan_text name, text = { .at = NULL };
	int64_t n, sum = 0;
	unsigned members = 0;
	struct scan s;

	scan_init(&s, in, sizeof(in) - 1);
	CU_ASSERT_FALSE(scan_array(&s));
	CU_ASSERT_FALSE(scan_string(&s, &text));
	CU_ASSERT_TRUE_FATAL(scan_object(&s));
	for (; scan_member(&s, &name); members++) {
		if (scan_is(&name, "n") && scan_array(&s)) {
			while (scan_element(&s)) {
				if (scan_integer(&s, &n))
					sum += n;
				else
					scan_skip(&s);
			}
		} else if (!scan_is(&name, "t") || !scan_string(&s, &text)) {
			scan_skip(&s);
		}
	}
	CU_ASSERT_TRUE(scan_end(&s));
	CU_ASSERT_EQUAL(members, 4);
	CU_ASSERT_EQUAL(sum, 30);
	CU_ASSERT_TRUE(text.has_escapes && text.len == 4 && memcmp(text.at, "a\\tb", 4) == 0);
}

static void
test_decode(void)
{
	static const struct {
		const char *json, *text;
	} rows[] = {
		{ "\"\"", "" },
		{ "\"plain \xE4\xBD\xA0\"", "plain \xE4\xBD\xA0" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
		{ "\"\\u0041\\u00e9\\u4f60\\u4F60\"", "A\xC3\xA9\xE4\xBD\xA0\xE4\xBD\xA0" },
		{ "\"\\ud83d\\ude00\"", "\xF0\x9F\x98\x80" },
		{ "\"\\udbff\\udfff\"", "\xF4\x8F\xBF\xBF" },
		{ "\"a\\u0000b\"", "ab" },
		{ "\"\\ud83d\"", "\xEF\xBF\xBD" },
		{ "\"\\ude00x\"", "\xEF\xBF\xBDx" },
		{ "\"\\ud83d\\u0041\"",
		    "\xEF\xBF\xBD"
		    "A" },
		{ "\"\\ud83d\\ud83d\\ude00\"", "\xEF\xBF\xBD\xF0\x9F\x98\x80" },
		{ "\"\\ud83d\\n\"", "\xEF\xBF\xBD\n" },
		{ "\"\\ud83d\\nabcdef\"", "\xEF\xBF\xBD\nabcdef" },
		{ "\"\\ud83dude00xy\"", "\xEF\xBF\xBDude00xy" },
		{ "\"\\ud83d\\uff01\"", "\xEF\xBF\xBD\xEF\xBC\x81" },
		{ "\"\\ue000\\uFFFF\"", "\xEE\x80\x80\xEF\xBF\xBF" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct scan_text text;
		struct scan s;
		char *out;
		size_t len;

		scan_init(&s, rows[i].json, strlen(rows[i].json));
		CU_ASSERT_TRUE_FATAL(scan_string(&s, &text));
		out = malloc(text.len + 1);
		len = scan_decode(&text, out);
		CU_ASSERT_TRUE(len <= text.len);
		CU_ASSERT_TRUE(len == strlen(rows[i].text) && memcmp(out, rows[i].text, len) == 0);
		CU_ASSERT_EQUAL(text.has_escapes, strchr(rows[i].json, '\\') != NULL);
		free(out);
	}
}

static CU_TestInfo scan_tests[] = {
	{ "tells JSON from what is not", test_json },
	{ "finds each byte of a string wherever it stands", test_every_byte_everywhere },
	{ "bounds the depth", test_depth },
	{ "takes a NUL for no end", test_nul_is_no_end },
	{ "ends only when everything is closed", test_end_inside },
	{ "reads integers", test_integers },
	{ "walks objects and arrays", test_walk },
	{ "decodes escapes", test_decode },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "scan", NULL, NULL, NULL, NULL, scan_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
