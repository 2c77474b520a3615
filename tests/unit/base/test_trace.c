/* core/trace: traceparent by the W3C's rules; core/ops: what counts as loopback. */
#include <string.h>

#include "account/ops.h"
#include "base/trace.h"
#include "tap.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static void
test_parse_accepts(void)
{
	static const struct {
		const char *header;
		unsigned flags;
	} good[] = {
		{ "00-" TRACE "-" SPAN "-01", 1 }, { "00-" TRACE "-" SPAN "-00", 0 },
		{ "00-" TRACE "-" SPAN "-ff", 1 },	      /* unknown flags are dropped */
		{ "cc-" TRACE "-" SPAN "-01", 1 },	      /* a later version */
		{ "cc-" TRACE "-" SPAN "-01-what-comes", 1 }, /* with more behind */
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct trace t;

		CU_ASSERT_TRUE_FATAL(trace_parse(good[i].header, &t));
		CU_ASSERT_STRING_EQUAL(t.trace_id, TRACE);
		CU_ASSERT_STRING_EQUAL(t.span_id, SPAN);
		CU_ASSERT_STRING_EQUAL(t.parent_id, "");
		CU_ASSERT_EQUAL(t.flags, good[i].flags);
		CU_ASSERT_STRING_EQUAL(
		    t.header, good[i].flags ? "00-" TRACE "-" SPAN "-01" : "00-" TRACE "-" SPAN "-00");
	}
}

static void
test_parse_refuses(void)
{
	static const char *const wrong[] = {
		NULL,
		"",
		"00",
		"00-" TRACE "-" SPAN "-0",	 /* short */
		"00-" TRACE "-" SPAN "-011",	 /* long */
		"00-" TRACE "-" SPAN "-01-more", /* version 00 ends */
		"cc-" TRACE "-" SPAN "-01more",	 /* no dash */
		"ff-" TRACE "-" SPAN "-01",	 /* forbidden version */
		"0x-" TRACE "-" SPAN "-01",
		"00_" TRACE "-" SPAN "-01",
		"00-" TRACE "_" SPAN "-01",
		"00-" TRACE "-" SPAN "_01",
		"00-" TRACE "-" SPAN "-0g",
		"00-" TRACE "-" SPAN "-g0",
		"0 -" TRACE "-" SPAN "-01",
		"-0-" TRACE "-" SPAN "-01",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", /* upper case */
		"00-4bf92f3577b34da6a3ce929d0e0e473g-" SPAN "-01",
		"00-00000000000000000000000000000000-" SPAN "-01", /* all zero */
		"00-" TRACE "-0000000000000000-01",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct trace t = { .trace_id = "untouched" };

		CU_ASSERT_FALSE(trace_parse(wrong[i], &t));
		CU_ASSERT_STRING_EQUAL(t.trace_id, "untouched");
	}
}

static void
test_child(void)
{
	struct trace parent, child;

	CU_ASSERT_TRUE_FATAL(trace_parse("00-" TRACE "-" SPAN "-00", &parent));
	trace_child(&parent, &child);
	CU_ASSERT_STRING_EQUAL(child.trace_id, TRACE);
	CU_ASSERT_STRING_EQUAL(child.parent_id, SPAN);
	CU_ASSERT_STRING_NOT_EQUAL(child.span_id, SPAN);
	CU_ASSERT_EQUAL(child.flags, 0);
	CU_ASSERT_EQUAL(strlen(child.header), 55);
	CU_ASSERT_PTR_NOT_NULL(strstr(child.header, child.span_id));
	trace_child(&child, &child); /* in place */
	CU_ASSERT_STRING_NOT_EQUAL(child.parent_id, SPAN);
}

static void
test_start(void)
{
	struct trace a, b, again;

	trace_start(NULL, &a);
	trace_start("nonsense", &b);
	CU_ASSERT_STRING_NOT_EQUAL(a.trace_id, b.trace_id);
	CU_ASSERT_STRING_EQUAL(a.parent_id, "");
	CU_ASSERT_EQUAL(a.flags, 1);
	CU_ASSERT_TRUE(trace_parse(a.header, &again)); /* what we make is valid */
	trace_start("00-" TRACE "-" SPAN "-01", &a);
	CU_ASSERT_STRING_EQUAL(a.trace_id, TRACE);
	CU_ASSERT_STRING_EQUAL(a.parent_id, SPAN);
}

static void
test_loopback(void)
{
	static const struct {
		const char *address;
		bool is;
	} rows[] = {
		{ "127.0.0.1", true },
		{ "127.255.0.9", true },
		{ "::1", true },
		{ "::ffff:127.0.0.1", true },
		{ "10.0.0.1", false },
		{ "128.0.0.1", false },
		{ "::ffff:10.0.0.1", false },
		{ "::2", false },
		{ "127.0.0.1x", false },
		{ "localhost", false },
		{ "unix:", false },
		{ "", false },
		{ NULL, false },
		{ "::127.0.0.1", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(ops_is_loopback(rows[i].address), rows[i].is);
}

static CU_TestInfo tests[] = {
	{ "accepts what the specification allows", test_parse_accepts },
	{ "refuses everything else", test_parse_refuses },
	{ "a child keeps the trace and gets a span", test_child },
	{ "a request starts or continues a trace", test_start },
	{ "loopback addresses", test_loopback },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "trace", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
