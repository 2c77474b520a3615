/* wire/override: what a channel says otherwise. */
#include <string.h>

#include "tap.h"
#include "wire/override.h"

static json_t *
parse(const char *text)
{
	return json_loads(text, 0, NULL);
}

static const char *
refused(const char *headers, const char *members)
{
	json_t *h = parse(headers), *m = parse(members);
	const char *why = override_refuse(h, m);

	json_decref(h);
	json_decref(m);
	return why;
}

static void
test_refuse(void)
{
	static const char *const headers[] = { "{\"Host\":\"x\"}", "{\"authorization\":\"x\"}", "{\"X-Api-Key\":null}",
		"{\"x y\":\"a\"}", "{\"\":\"a\"}", "{\"x\":\"a\\r\\nb: c\"}", "{\"x\":1}",
		"{\"content-length\":\"1\"}" };
	static const char *const members[] = { "{\"model\":\"x\"}", "{\"Stream\":true}", "{\"stream_options\":null}",
		"{\"messages\":[]}", "{\"INPUT\":\"x\"}", "{\"prompt\":null}", "{\"contents\":[]}", "{\"\":1}" };

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		CU_ASSERT_PTR_NOT_NULL(refused(headers[i], "{}"));
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		CU_ASSERT_PTR_NOT_NULL(refused("{}", members[i]));
	CU_ASSERT_PTR_NULL(
	    refused("{\"X-Tier\":\"a b\",\"User-Agent\":null}", "{\"service_tier\":\"flex\",\"x\":null}"));
	CU_ASSERT_PTR_NULL(override_refuse(NULL, NULL));
}

static const struct override *
read_it(struct arena *a, const char *headers, const char *members)
{
	json_t *h = parse(headers), *m = parse(members);
	const struct override *o = override_read(a, h, m);

	json_decref(h);
	json_decref(m);
	return o;
}

static void
test_headers(void)
{
	static const char *const lines[] = { "Content-Type: application/json", "anthropic-beta: a", "X-Weir-Task: t",
		NULL };
	struct arena *a = arena_new(1024, 65536);
	const char *const *out = override_headers(
	    a, read_it(a, "{\"Anthropic-Beta\":\"b\",\"x-weir-task\":null,\"X-New\":\"1\"}", "{}"), lines);

	CU_ASSERT_STRING_EQUAL(out[0], "Content-Type: application/json");
	CU_ASSERT_STRING_EQUAL(out[1], "Anthropic-Beta: b");
	CU_ASSERT_STRING_EQUAL(out[2], "X-New: 1");
	CU_ASSERT_PTR_NULL(out[3]);
	CU_ASSERT_PTR_EQUAL(override_headers(a, NULL, lines), lines);
	CU_ASSERT_PTR_EQUAL(override_headers(a, read_it(a, "{}", "{\"a\":1}"), lines), lines);
	arena_free(a);
}

static void
check_body(const char *members, const char *body, const char *wanted)
{
	struct arena *a = arena_new(1024, 65536);
	const char *out = body;
	size_t len = strlen(body);

	CU_ASSERT_TRUE(override_body(a, read_it(a, "{}", members), &out, &len));
	CU_ASSERT_EQUAL(len, strlen(wanted));
	CU_ASSERT_TRUE(len == strlen(wanted) && memcmp(out, wanted, len) == 0);
	arena_free(a);
}

static void
test_body(void)
{
	struct arena *a = arena_new(1024, 65536);
	const char *broken = "{\"a\":";
	size_t len = strlen(broken);

	check_body("{\"temperature\":0.5,\"seed\":null}", "{\"model\":\"m\",\"seed\":1,\"Temperature\":2,\"x\":[1]}",
	    "{\"model\":\"m\",\"x\":[1],\"temperature\":0.5}");
	check_body("{\"a\":{\"b\":\"\\u00e9\"}}", "{\"a\":1}", "{\"a\":{\"b\":\"\xc3\xa9\"}}");
	check_body("{\"a\":null}", "{\"a\":1}", "{}");
	check_body("{\"a\":null}", "{\"b\":1}", "{\"b\":1}");
	check_body("{}", "{\"b\": 1}", "{\"b\": 1}");
	CU_ASSERT_FALSE(override_body(a, read_it(a, "{}", "{\"a\":1}"), &broken, &len));
	arena_free(a);
}

static CU_TestInfo tests[] = {
	{ "what operators may not say", test_refuse },
	{ "headers are set and taken out", test_headers },
	{ "members are set and taken out", test_body },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "override", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
