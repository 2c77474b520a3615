/*
 * What is the same in all wires: statuses without words, how long to wait, and what
 * stands around an answer.
 */
#include <stdio.h>
#include <string.h>

#include "tap.h"
#include "wire/anthropic/anthropic.h"
#include "wire/encoder.h"
#include "wire/failure.h"
#include "wire/gemini/gemini.h"
#include "wire/openai/openai.h"
#include "wire/url.h"

#define CAP (1u << 16) /* of an answer */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct wire *const wires[] = { &wire_openai, &wire_anthropic, &wire_gemini };

/* ---- failures ---------------------------------------------------------------- */

static void
test_statuses(void)
{
	static const struct {
		int http_status;
		enum status status;
		bool retryable, next_channel;
	} rows[] = {
		{ 302, E_UPSTREAM_FAILED, false, true },
		{ 400, E_INVALID_REQUEST, false, false },
		{ 401, E_UPSTREAM_FAILED, false, true },
		{ 404, E_UPSTREAM_FAILED, false, true },
		{ 408, E_UPSTREAM_TIMEOUT, true, true },
		{ 409, E_UPSTREAM_FAILED, true, true },
		{ 413, E_TOO_LARGE, false, false },
		{ 422, E_INVALID_REQUEST, false, false },
		{ 425, E_UPSTREAM_FAILED, true, true },
		{ 429, E_UPSTREAM_FAILED, true, true },
		{ 499, E_UPSTREAM_FAILED, true, true },
		{ 501, E_UPSTREAM_FAILED, false, true },
		{ 504, E_UPSTREAM_TIMEOUT, true, true },
		{ 529, E_UPSTREAM_FAILED, true, true },
		{ 600, E_UPSTREAM_FAILED, false, true },
	};
	struct wire_failure f;

	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t w = 0; w < COUNT(wires); w++) {
			wires[w]->failure(rows[i].http_status, "1.5", "<html>", 6, &f);
			CU_ASSERT_EQUAL(f.status, rows[i].status);
			CU_ASSERT_EQUAL(f.retryable, rows[i].retryable);
			CU_ASSERT_EQUAL(f.next_channel, rows[i].next_channel);
			CU_ASSERT_EQUAL(f.retry_after_ms, 1500);
		}
}

static void
test_waits(void)
{
	CU_ASSERT_EQUAL(failure_wait_ms(NULL, ""), 0);
	CU_ASSERT_EQUAL(failure_wait_ms("7 ", ""), 7000);
	CU_ASSERT_EQUAL(failure_wait_ms("0.25s", "s"), 250);
	CU_ASSERT_EQUAL(failure_wait_ms("7", "s"), 0);
	CU_ASSERT_EQUAL(failure_wait_ms("-7", ""), 0);
	CU_ASSERT_EQUAL(failure_wait_ms("Wed, 21 Oct 2026 07:28:00 GMT", ""), 0);
	CU_ASSERT_EQUAL(failure_wait_ms("1e300", ""), 86400000);
}

/* ---- answers ----------------------------------------------------------------- */

static void
note(void *arg, const struct wire_event *event)
{
	struct buf *told = arg;

	switch (event->kind) {
	case WIRE_FAILURE: buf_printf(told, "X(%d,%s)", event->failure.retryable, event->failure.detail); break;
	case WIRE_FINISH: buf_puts(told, "F"); break;
	default: break;
	}
}

/* What one wire tells of a stream. */
static void
tell(const struct wire *w, const char *bytes, struct buf *told)
{
	const struct parser_ops *ops = wire_endpoint(w, OP_CHAT)->parser;
	void *parser = ops->start(true, CAP);

	buf_clear(told);
	if (ops->feed(parser, bytes, strlen(bytes), note, told))
		buf_puts(told, ops->end(parser, note, told) ? "." : "|");
	ops->free(parser);
}

static void
test_frames(void)
{
	static const struct {
		const char *bytes, *told;
	} rows[] = {
		{ "", "|" },
		{ ": quiet\n\ndata:\n\ndata: null\n\ndata: :\n\n", "|" },
		{ "dat", "|" },
		{ "event: error\ndata: Busy.\n\n", "X(1,HTTP 500: Busy.)" },
		{ "data: {\"a\":\n\n", "X(0,the answer has an event that is no JSON object)" },
		{ "<html>\r\n", "X(0,no answer, but: <html>)" },
		{ "\xEF\xBB\xBF Unavailable\x01\nat all", "X(0,no answer, but: Unavailable )|" },
		{ " {\"a\": \"}", "X(1,the answer is no whole JSON value)|" },
		{ "{\"a\": \"}\"} and more", "X(0,no answer, but: {\"a\": \"}\"})" },
	};
	struct buf told = BUF_INIT(0);

	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t w = 0; w < COUNT(wires); w++) {
			tell(wires[w], rows[i].bytes, &told);
			CU_ASSERT_STRING_EQUAL(buf_str(&told), rows[i].told);
		}
	buf_free(&told);
}

/* ---- what they stand on ------------------------------------------------------ */

static void
test_urls(void)
{
	static const struct {
		const char *text, *joined; /* NULL: no URL */
		bool has_version, ends_in_version;
	} rows[] = {
		{ "https://h", "https://h/x", false, false },
		{ "HTTP://h:1/v1//", "HTTP://h:1/v1/x", true, true },
		{ "https://h/v1beta/openai?k=/v2", "https://h/v1beta/openai/x?k=/v2", true, false },
		{ "https://v1/vx/v", "https://v1/vx/v/x", false, false },
		{ NULL, NULL, false, false },
		{ "https://", NULL, false, false },
		{ "http:///v1", NULL, false, false },
		{ "ftp://h", NULL, false, false },
		{ "https://h/#a", NULL, false, false },
		{ "https://h /", NULL, false, false },
	};
	struct arena *a = arena_new(1024, 1 << 20);
	struct url url;

	for (size_t i = 0; i < COUNT(rows); i++) {
		CU_ASSERT_EQUAL(url_read(rows[i].text, &url), rows[i].joined != NULL);
		if (rows[i].joined == NULL)
			continue;
		CU_ASSERT_STRING_EQUAL(url_join(a, &url, "/x"), rows[i].joined);
		CU_ASSERT_EQUAL(url_has_version(&url), rows[i].has_version);
		CU_ASSERT_EQUAL(url_ends_in_version(&url), rows[i].ends_in_version);
	}
	arena_free(a);
}

static void
test_ends(void)
{
	static const struct {
		const char *json;
		enum status status;
	} rows[] = {
		{ "{\"type\":\"done\",\"data\":{}}", OK },
		{ "{\"type\":\"cancelled\",\"data\":{}}", E_CANCELLED },
		{ "{\"type\":\"error\",\"data\":{\"code\":\"upstream_failed\"}}", E_UPSTREAM_FAILED },
		{ "{\"type\":\"error\",\"data\":{}}", E_INTERNAL },
		{ "", E_INTERNAL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct encoder_end end = encoder_read_end(rows[i].json, LANG_EN);

		CU_ASSERT_EQUAL(end.status, rows[i].status);
		CU_ASSERT_PTR_NOT_NULL(end.message);
		json_decref(end.event);
	}
}

static CU_TestInfo tests[] = {
	{ "take a status for the same", test_statuses },
	{ "wait as long as they are told", test_waits },
	{ "tell events, values and pages apart", test_frames },
	{ "join base URLs as people write them", test_urls },
	{ "know how an answer ended", test_ends },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "all wires", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
