/* Field tables: every type, every bound, every way to break it. */
#include "base/fields.h"

#include <stdio.h>
#include <string.h>

#include "base/money.h"
#include "tap.h"

static struct arena *arena;

static int
set_up(void)
{
	arena = arena_new(4096, 16 << 20);
	return 0;
}

static int
tear_down(void)
{
	arena_free(arena);
	return 0;
}

/* The problem with {"x": <json>} under `f`; NULL when there is none. */
static const char *
problem_with(struct field f, const char *json)
{
	struct field table[] = { f, { NULL } };
	struct field_problem p = { 0 };
	json_t *object;
	bool ok;

	table[0].name = "x";
	object = json_loads(json == NULL ? "{}" : arena_printf(arena, "{\"x\":%s}", json), JSON_ALLOW_NUL, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(object);
	ok = fields_check(arena, table, object, &p);
	json_decref(object);
	CU_ASSERT_TRUE(ok || (p.message != NULL && strcmp(p.field, "x") == 0));
	return ok ? NULL : p.message;
}

#define FITS(field, json) CU_ASSERT_PTR_NULL(problem_with(field, json))
#define BREAKS(field, json, what) \
	do { \
		const char *problem_ = problem_with(field, json); \
		CU_ASSERT_PTR_NOT_NULL_FATAL(problem_); \
		CU_ASSERT_PTR_NOT_NULL(strstr(problem_, what)); \
	} while (0)
#define F(...) ((struct field){ NULL, __VA_ARGS__ })

static void
test_presence(void)
{
	FITS(F(F_TEXT), NULL);
	FITS(F(F_TEXT), "null");
	BREAKS(F(F_TEXT, F_REQUIRED), NULL, "is required");
	BREAKS(F(F_TEXT, F_REQUIRED), "null", "is required");
	FITS(F(F_TEXT, F_REQUIRED | F_NULLABLE), "null");
	BREAKS(F(F_TEXT, F_REQUIRED | F_NULLABLE), NULL, "is required");
	FITS(F(F_TEXT, F_NULLABLE), NULL);
}

static void
test_text(void)
{
	FITS(F(F_TEXT, 0, 1, 3), "\"\\u4f60\\u597d\\u5440\"");
	FITS(F(F_TEXT, 0, 1, 3), "\"a\\n\\t\"");
	FITS(F(F_TEXT), "\"any length\\r\\n\"");
	FITS(F(F_TEXT), "\"\"");
	BREAKS(F(F_TEXT, 0, 1, 3), "\"\"", "must not be empty");
	BREAKS(F(F_TEXT, 0, 2, 3), "\"a\"", "at least 2 characters");
	BREAKS(F(F_TEXT, 0, 1, 3), "\"\\u4f60\\u597d\\u5440!\"", "at most 3 characters");
	BREAKS(F(F_TEXT), "\"a\\u0000b\"", "control characters");
	BREAKS(F(F_TEXT), "\"a\\u001bb\"", "control characters");
	BREAKS(F(F_TEXT), "\"a\\u007fb\"", "control characters");
	BREAKS(F(F_TEXT), "1", "must be a string");
	BREAKS(F(F_TEXT), "[\"a\"]", "must be a string");
	BREAKS(F(F_TEXT), "{}", "must be a string");
	BREAKS(F(F_TEXT), "true", "must be a string");
}

/* What is kept of {"x": <json>} under F_PROSE, NULL when it is refused. */
static const char *
kept_of(int64_t min, int64_t max, const char *json)
{
	struct field table[] = { { "x", F_PROSE, 0, min, max }, { NULL } };
	struct field_problem p = { 0 };
	json_t *object = json_loads(arena_printf(arena, "{\"x\":%s}", json), JSON_ALLOW_NUL, NULL);
	const char *kept = NULL;

	CU_ASSERT_PTR_NOT_NULL_FATAL(object);
	if (fields_check(arena, table, object, &p))
		kept = arena_strdup(arena, field_text(object, "x"));
	json_decref(object);
	return kept;
}

static void
test_prose(void)
{
	CU_ASSERT_STRING_EQUAL(kept_of(1, 9, "\"a\\fb\\u001b[1mc\\u0000\\u007f\\b\""), "ab[1mc");
	CU_ASSERT_STRING_EQUAL(kept_of(1, 9, "\"\\ta\\r\\n\\u4f60\\u000b\\u597d\""), "\ta\r\n\u4f60\u597d");
	CU_ASSERT_STRING_EQUAL(kept_of(0, 0, "\"\\u0001\""), "");
	CU_ASSERT_STRING_EQUAL(kept_of(0, 0, "\"plain\""), "plain");
	/* what is left is what counts */
	CU_ASSERT_STRING_EQUAL(kept_of(1, 3, "\"\\u0001\\u0002abc\""), "abc");
	BREAKS(F(F_PROSE, 0, 1, 3), "\"\\u0001\\f\"", "must not be empty");
	BREAKS(F(F_PROSE, 0, 1, 3), "\"\\fabcd\"", "at most 3 characters");
	BREAKS(F(F_PROSE), "1", "must be a string");
	BREAKS(F(F_PROSE, F_REQUIRED), NULL, "is required");
}

static void
test_text_utf8(void)
{
	static const struct field table[] = { { "x", F_TEXT }, { NULL } };
	struct field_problem p;
	json_t *object = json_object();

	json_object_set_new(object, "x", json_string_nocheck("\xc0\xaf"));
	CU_ASSERT_FALSE(fields_check(arena, table, object, &p));
	CU_ASSERT_STRING_EQUAL(p.message, "must be well-formed UTF-8");
	json_decref(object);
}

/* Where a form would let the bytes pass: the host of a URL ends at its path. */
static void
test_form_utf8(void)
{
	static const struct field table[] = { { "x", F_URL }, { NULL } };
	struct field_problem p;
	json_t *object = json_object();

	json_object_set_new(object, "x", json_string_nocheck("http://a/\xc0\xaf"));
	CU_ASSERT_FALSE(fields_check(arena, table, object, &p));
	json_object_set_new(object, "x", json_string("http://a/\xc3\xa4"));
	CU_ASSERT_TRUE(fields_check(arena, table, object, &p));
	json_decref(object);
}

static void
test_line(void)
{
	FITS(F(F_LINE, 0, 1, 5), "\"  hello  \"");
	BREAKS(F(F_LINE, 0, 1, 5), "\"    \"", "must not be empty");
	BREAKS(F(F_LINE, 0, 1, 5), "\" hello! \"", "at most 5 characters");
	BREAKS(F(F_LINE, 0, 1, 5), "\"a\\nb\"", "one line");
	BREAKS(F(F_LINE, 0, 1, 5), "\"a\\rb\"", "one line");
	BREAKS(F(F_LINE, 0, 1, 5), "\"a\\u0000\"", "one line");
	BREAKS(F(F_LINE), "7", "must be a string");
}

static void
test_int(void)
{
	FITS(F(F_INT, 0, 1, 10), "1");
	FITS(F(F_INT, 0, 1, 10), "10");
	FITS(F(F_INT), "-9223372036854775808");
	BREAKS(F(F_INT, 0, 1, 10), "0", "between 1 and 10");
	BREAKS(F(F_INT, 0, 1, 10), "11", "between 1 and 10");
	BREAKS(F(F_INT, 0, -5, 0), "1", "between -5 and 0");
	BREAKS(F(F_INT), "1.0", "whole number");
	BREAKS(F(F_INT), "1e3", "whole number");
	BREAKS(F(F_INT), "\"1\"", "whole number");
	BREAKS(F(F_INT), "true", "whole number");
}

static void
test_bool(void)
{
	FITS(F(F_BOOL), "true");
	FITS(F(F_BOOL), "false");
	BREAKS(F(F_BOOL), "0", "true or false");
	BREAKS(F(F_BOOL), "\"true\"", "true or false");
}

static void
test_credits(void)
{
	FITS(F(F_CREDITS), "1");
	FITS(F(F_CREDITS), "-1.25");
	FITS(F(F_CREDITS), "0.000001");
	FITS(F(F_CREDITS), "0.1");
	FITS(F(F_CREDITS), "123456789.123456");
	FITS(F(F_CREDITS), "\"12.5\"");
	FITS(F(F_CREDITS), "1e2");
	FITS(F(F_CREDITS, 0, 0, 5 * UCR_PER_CREDIT), "5");
	BREAKS(F(F_CREDITS, 0, 0, 5 * UCR_PER_CREDIT), "5.000001", "between 0 and 5");
	BREAKS(F(F_CREDITS, 0, 0, 5 * UCR_PER_CREDIT), "-0.000001", "between 0 and 5");
	BREAKS(F(F_CREDITS), "0.0000001", "at most 6 decimals");
	BREAKS(F(F_CREDITS), "1.1234567", "at most 6 decimals");
	BREAKS(F(F_CREDITS), "1e300", "decimal number");
	BREAKS(F(F_CREDITS), "9223372036854775807", "decimal number");
	BREAKS(F(F_CREDITS), "\"1e2\"", "decimal number");
	BREAKS(F(F_CREDITS), "\"\"", "decimal number");
	BREAKS(F(F_CREDITS), "\"1\\u00002\"", "decimal number");
	BREAKS(F(F_CREDITS), "true", "decimal number");
	BREAKS(F(F_CREDITS), "[]", "decimal number");
}

static void
test_number(void)
{
	FITS(F(F_NUMBER), "1");
	FITS(F(F_NUMBER), "-1e10");
	FITS(F(F_NUMBER, 0, 0, 2), "0.7");
	BREAKS(F(F_NUMBER, 0, 0, 2), "2.1", "between 0 and 2");
	BREAKS(F(F_NUMBER, 0, 0, 2), "-0.1", "between 0 and 2");
	BREAKS(F(F_NUMBER), "\"1\"", "must be a number");
}

static void
test_uuid(void)
{
	FITS(F(F_UUID), "\"01890f5e-7b1c-7cc3-98c4-dc0c0c07398f\"");
	FITS(F(F_UUID), "\"01890F5E-7B1C-7CC3-98C4-DC0C0C07398F\"");
	BREAKS(F(F_UUID), "\"01890f5e-7b1c-7cc3-98c4-dc0c0c07398\"", "must be a UUID");
	BREAKS(F(F_UUID), "\"01890f5e-7b1c-7cc3-98c4-dc0c0c07398g\"", "must be a UUID");
	BREAKS(F(F_UUID), "\"01890f5e-7b1c-7cc3-98c4-dc0c0c07398f\\u0000\"", "control");
	BREAKS(F(F_UUID), "\"\"", "must be a UUID");
	BREAKS(F(F_UUID), "1", "must be a string");
}

static void
test_url(void)
{
	static const char *const good[] = {
		"http://a",
		"https://example.com/x?y=z#f",
		"HTTP://EXAMPLE.COM",
		"http://example.com:8080/",
		"https://a.b.c./",
		"http://1.2.3.4:65535",
		"http://[::1]:80/x",
		"http://[2001:db8::1]",
		"https://example.com?x",
		"https://ex_a-mple.com/\xe5\x9b\xbe.png",
		"https://e.com/@user",
		"https://e.com/a%20b",
	};
	static const char *const wrong[] = {
		"",
		"http",
		"http:",
		"http:/",
		"http://",
		"http:///x",
		"//example.com",
		"/x",
		"example.com",
		"ftp://example.com",
		"javascript:alert(1)",
		"file:///etc/passwd",
		"data:text/plain,x",
		" http://a",
		"http://a b",
		"http://a\tb",
		"http://a\nHost: b",
		"http://a/\x7f",
		"http://user@host/",
		"http://user:pw@host/",
		"http://host@",
		"http://a:",
		"http://a:0",
		"http://a:65536",
		"http://a:8o",
		"http://a:999999",
		"http://:80",
		"http://.a",
		"http://a..b",
		"http://%61/",
		"http://\xe4\xbe\x8b.cn/",
		"http://a\\b",
		"http://a/\\b",
		"http://[::1",
		"http://[]",
		"http://[2001:db8:51]",
		"http://[:::]",
		"http://[::1%25eth0]",
		"http://[x::1]",
		"http://[::1]x",
		"http://[::1]:",
		"http://?x",
		"http://#x",
		"http:\\\\a",
		"http://a,b",
		"http://[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]",
	};
	char big[2100];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!field_is_url(good[i], 2048))
			CU_FAIL(good[i]);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (field_is_url(wrong[i], 2048))
			CU_FAIL(wrong[i]);
	snprintf(big, sizeof(big), "http://a/%02039d", 0);
	CU_ASSERT_TRUE(field_is_url(big, 2048));
	memcpy(big + strlen(big), "x", 2);
	CU_ASSERT_FALSE(field_is_url(big, 2048));
	CU_ASSERT_TRUE(field_is_url(big, 0));
	snprintf(big, sizeof(big), "http://%0254d", 0);
	CU_ASSERT_FALSE(field_is_url(big, 2048));

	FITS(F(F_URL, 0, 0, 2048), "\"https://example.com/a.png\"");
	BREAKS(F(F_URL, 0, 0, 2048), "\"ftp://example.com\"", "http or https URL");
	BREAKS(F(F_URL, 0, 0, 20), "\"https://example.com/aaaaaaaa\"", "at most 20 bytes");
	BREAKS(F(F_URL, 0, 0, 2048), "\"http://a\\u0000.evil\"", "control");
	BREAKS(F(F_URL), "7", "must be a string");
}

static void
test_email(void)
{
	static const char *const good[] = { "a@b", "user.name+tag@example.com", "x@localhost", "o'neil@example.co.uk" };
	static const char *const wrong[] = {
		"",
		"a",
		"@",
		"a@",
		"@b",
		"a@b@c",
		"a b@c",
		"a@b c",
		"a\n@b",
		"a@b\r\nBcc: c",
		"<a@b>",
		"a@b,c@d",
		"a@.b",
		"a@b..c",
		"a@b.",
		"\"a b\"@c",
		"a\x7f@b",
		"\xc3\xa4@b",
		"a;b@c",
	};
	char big[300];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!field_is_email(good[i]))
			CU_FAIL(good[i]);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (field_is_email(wrong[i]))
			CU_FAIL(wrong[i]);
	snprintf(big, sizeof(big), "a@%0252d", 0);
	CU_ASSERT_TRUE(field_is_email(big));
	snprintf(big, sizeof(big), "a@%0253d", 0);
	CU_ASSERT_FALSE(field_is_email(big));
	FITS(F(F_EMAIL), "\"a@b.example\"");
	BREAKS(F(F_EMAIL), "\"a@b@c\"", "e-mail address");
}

static void
test_phone(void)
{
	FITS(F(F_PHONE), "\"+8613800138000\"");
	FITS(F(F_PHONE), "\"13800\"");
	FITS(F(F_PHONE), "\"12345678901234567890\"");
	BREAKS(F(F_PHONE), "\"1380\"", "phone number");
	BREAKS(F(F_PHONE), "\"123456789012345678901\"", "phone number");
	BREAKS(F(F_PHONE), "\"+\"", "phone number");
	BREAKS(F(F_PHONE), "\"++13800\"", "phone number");
	FITS(F(F_PHONE), "\"138 0013\"");
	FITS(F(F_PHONE), "\"(0)20/7946-0018\"");
	BREAKS(F(F_PHONE), "\"138x0013\"", "phone number");
	BREAKS(F(F_PHONE), "\"138+0013\"", "phone number");
	BREAKS(F(F_PHONE), "\"\"", "phone number");
}

static void
test_choice(void)
{
	FITS(F(F_CHOICE, .choices = "user admin"), "\"user\"");
	FITS(F(F_CHOICE, .choices = " user  admin "), "\"admin\"");
	BREAKS(F(F_CHOICE, .choices = "user admin"), "\"use\"", "must be one of: user admin");
	BREAKS(F(F_CHOICE, .choices = "user admin"), "\"user admin\"", "must be one of");
	BREAKS(F(F_CHOICE, .choices = "user admin"), "\"\"", "must be one of");
	BREAKS(F(F_CHOICE, .choices = "user admin"), "\" \"", "must be one of");
	BREAKS(F(F_CHOICE, .choices = "user admin"), "1", "must be a string");
}

static void
test_containers(void)
{
	FITS(F(F_OBJECT), "{}");
	BREAKS(F(F_OBJECT), "[]", "must be an object");
	FITS(F(F_ARRAY, 0, 1, 2), "[1,{}]");
	FITS(F(F_ARRAY), "[]");
	BREAKS(F(F_ARRAY, 0, 1, 2), "[]", "must not be empty");
	BREAKS(F(F_ARRAY, 0, 2, 2), "[1]", "at least 2 elements");
	BREAKS(F(F_ARRAY, 0, 1, 2), "[1,2,3]", "at most 2 elements");
	BREAKS(F(F_ARRAY), "{}", "must be an array");
	FITS(F(F_TEXTS, 0, 0, 2), "[\"a\",\"b\"]");
	BREAKS(F(F_TEXTS, 0, 0, 2), "[\"a\",\"b\",\"c\"]", "at most 2 elements");
	BREAKS(F(F_TEXTS, 0, 0, 2), "[\"a\",1]", "element 1 must be a string");
	BREAKS(F(F_TEXTS, 0, 0, 2), "[\"a\\nb\"]", "element 0 must be one line");
	BREAKS(F(F_TEXTS), "\"a\"", "array of strings");
	BREAKS(F(F_TEXTS), arena_printf(arena, "[\"%0256d\"]", 0), "element 0 must have at most 255");
}

static void
test_table_order(void)
{
	static const struct field table[] = {
		{ "a", F_INT, F_REQUIRED, 1, 5 },
		{ "b", F_LINE, 0, 1, 5 },
		{ "c", F_BOOL, F_REQUIRED },
		{ NULL },
	};
	struct field_problem p = { 0 };
	json_t *object = json_loads("{\"a\":3,\"b\":\"\",\"zz\":[]}", 0, NULL);

	CU_ASSERT_FALSE(fields_check(arena, table, object, &p));
	CU_ASSERT_STRING_EQUAL(p.field, "b"); /* the first of two */
	json_object_set_new(object, "b", json_string("x"));
	CU_ASSERT_FALSE(fields_check(arena, table, object, &p));
	CU_ASSERT_STRING_EQUAL(p.field, "c");
	json_object_set_new(object, "c", json_false());
	CU_ASSERT_TRUE(fields_check(arena, table, object, &p)); /* zz is ignored */
	json_decref(object);
}

static void
test_members(void)
{
	json_t *o = json_loads(
	    "{\"t\":\"x\",\"i\":7,\"b\":true,\"off\":false,\"c\":1.5,\"cs\":\"2.25\",\"n\":null}", 0, NULL);

	CU_ASSERT_STRING_EQUAL(field_text(o, "t"), "x");
	CU_ASSERT_PTR_NULL(field_text(o, "i"));
	CU_ASSERT_PTR_NULL(field_text(o, "none"));
	CU_ASSERT_EQUAL(field_int(o, "i", 1), 7);
	CU_ASSERT_EQUAL(field_int(o, "none", 1), 1);
	CU_ASSERT_TRUE(field_bool(o, "b", false));
	CU_ASSERT_TRUE(field_bool(o, "none", true));
	CU_ASSERT_FALSE(field_bool(o, "off", true));
	CU_ASSERT_TRUE(field_bool(o, "i", true));
	CU_ASSERT_EQUAL(field_ucr(o, "c", 0), 1500000);
	CU_ASSERT_EQUAL(field_ucr(o, "cs", 0), 2250000);
	CU_ASSERT_EQUAL(field_ucr(o, "i", 0), 7000000);
	CU_ASSERT_EQUAL(field_ucr(o, "none", 42), 42);
	CU_ASSERT_EQUAL(field_ucr(o, "t", 42), 42);
	CU_ASSERT_TRUE(field_present(o, "n"));
	CU_ASSERT_FALSE(field_present(o, "none"));
	json_decref(o);
}

static void
test_schema(void)
{
	static const struct field table[] = {
		{ "content", F_PROSE, F_REQUIRED, 1, 32000, .help = "What to say" },
		{ "image_url", F_URL, F_NULLABLE, .max = 2048 },
		{ "role", F_CHOICE, F_NULLABLE, .choices = "user admin" },
		{ "amount", F_CREDITS, F_REQUIRED, 1, 2500000 },
		{ "n", F_INT, 0, 1, 9 },
		{ "tags", F_TEXTS, 0, 0, 5 },
		{ "mail", F_EMAIL },
		{ "phone", F_PHONE },
		{ "free", F_NUMBER },
		{ "whole", F_CREDITS, 0, -UCR_PER_CREDIT, 7 * UCR_PER_CREDIT },
		{ "kind", F_CHOICE, .choices = " a  b " },
		{ "list", F_ARRAY, 0, 1 },
		{ NULL },
	};
	json_t *schema = fields_schema(table);
	json_t *expected = json_loads(
	    "{\"type\":\"object\",\"required\":[\"content\",\"amount\"],\"properties\":{"
	    "\"content\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":32000,\"description\":\"What to say\"},"
	    "\"image_url\":{\"type\":[\"string\",\"null\"],\"format\":\"uri\",\"maxLength\":2048},"
	    "\"role\":{\"type\":[\"string\",\"null\"],\"enum\":[\"user\",\"admin\",null]},"
	    "\"amount\":{\"type\":\"number\",\"minimum\":0.000001,\"maximum\":2.5},"
	    "\"n\":{\"type\":\"integer\",\"format\":\"int64\",\"minimum\":1,\"maximum\":9},"
	    "\"tags\":{\"type\":\"array\",\"maxItems\":5,\"items\":{\"type\":\"string\",\"maxLength\":255}},"
	    "\"mail\":{\"type\":\"string\",\"format\":\"email\",\"maxLength\":254},"
	    "\"phone\":{\"type\":\"string\",\"pattern\":\"^\\\\+?[-0-9 ./()]{5,38}$\"},"
	    "\"free\":{\"type\":\"number\"},"
	    "\"whole\":{\"type\":\"number\",\"minimum\":-1,\"maximum\":7},"
	    "\"kind\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"]},"
	    "\"list\":{\"type\":\"array\",\"minItems\":1}}}",
	    0, NULL);
	static const struct field none[] = { { NULL } };

	CU_ASSERT_PTR_NOT_NULL_FATAL(expected);
	CU_ASSERT_TRUE(json_equal(schema, expected));
	json_decref(schema);
	json_decref(expected);
	schema = fields_schema(none);
	expected = json_pack("{s:s, s:{}}", "type", "object", "properties");
	CU_ASSERT_TRUE(json_equal(schema, expected));
	json_decref(schema);
	json_decref(expected);
}

static CU_TestInfo tests[] = {
	{ "required, absent, null", test_presence },
	{ "text", test_text },
	{ "prose loses its control characters", test_prose },
	{ "text must be UTF-8", test_text_utf8 },
	{ "so must what has a form", test_form_utf8 },
	{ "one line", test_line },
	{ "whole numbers", test_int },
	{ "booleans", test_bool },
	{ "credits", test_credits },
	{ "numbers", test_number },
	{ "UUIDs", test_uuid },
	{ "URLs", test_url },
	{ "e-mail addresses", test_email },
	{ "phone numbers", test_phone },
	{ "choices", test_choice },
	{ "objects and arrays", test_containers },
	{ "the first problem in table order", test_table_order },
	{ "members of a checked object", test_members },
	{ "JSON schema", test_schema },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "fields", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
