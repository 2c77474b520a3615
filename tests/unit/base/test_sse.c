/* The reader of server-sent events: each stream in every slicing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sse.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CAP 64

/* Events are written down as "type|data|id;" so that one string says all. */
struct notes {
	char text[4096];
	size_t len;
	unsigned stop_after; /* 0: never */
	unsigned events;
};

static bool
note(void *arg, const struct sse_event *e)
{
	struct notes *n = arg;

	CU_ASSERT_EQUAL(e->type[e->type_len] | e->data[e->data_len] | e->id[e->id_len], 0);
	n->len += (size_t)snprintf(n->text + n->len, sizeof(n->text) - n->len, "%.*s|%.*s|%.*s;", (int)e->type_len,
	    e->type, (int)e->data_len, e->data, (int)e->id_len, e->id);
	return ++n->events != n->stop_after;
}

/* Feed `in` in slices of `slice` bytes; each slice lies in memory of exactly
 * its size, so that a read past its end is seen by the sanitizer. */
static enum sse_result
feed(struct sse *s, const char *in, size_t len, size_t slice, struct notes *n)
{
	enum sse_result result = SSE_OK;

	for (size_t at = 0; at < len; at += slice) {
		size_t n_bytes = len - at < slice ? len - at : slice;
		char *piece = malloc(n_bytes);

		memcpy(piece, in + at, n_bytes);
		result = sse_feed(s, piece, n_bytes, note, n);
		free(piece);
	}
	return result;
}

struct sample {
	const char *in, *events;
};

/* The standard's own examples are among these (9.2.6). */
static const struct sample samples[] = {
	{ "", "" },
	{ "data: hello\n\n", "|hello|;" },
	{ "data:hello\n\n", "|hello|;" },
	{ "data:  two spaces\n\n", "| two spaces|;" },
	{ "data: a\ndata: b\ndata\ndata:\n\n", "|a\nb\n\n|;" },
	{ "data: YHOO\ndata: +2\ndata: 10\n\n", "|YHOO\n+2\n10|;" },
	{ ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
	    "|first event|1;|second event|;| third event|;" },
	{ "data\n\ndata\ndata\n\ndata:", "||;|\n|;" },
	{ "data:test\n\ndata: test\n\n", "|test|;|test|;" },
	{ "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n", "add|73857293|;remove|2153|;" },
	{ "event: lonely\n\ndata: x\n\n", "|x|;" },
	{ "event: a\nevent: b\ndata: x\n\n", "b|x|;" },
	{ "id: 7\ndata: x\n\ndata: y\n\n", "|x|7;|y|7;" },
	{ "data: cut off", "" },
	{ "data: cut off\n", "" },
	{ "\n\n\n\n", "" },
	{ ":\n:x\n:: y\n\n", "" },
	{ "Data: no\nxdata: no\ndat: no\ndata no\n\n", "" },
	{ "data: x: y:\n\n", "|x: y:|;" },
	{ "data: crlf\r\n\r\ndata: again\r\n\r\n", "|crlf|;|again|;" },
	{ "data: cr\r\rdata: again\r\r", "|cr|;|again|;" },
	{ "data: a\rdata: b\ndata: c\r\n\n", "|a\nb\nc|;" },
	{ "data: mixed\r\n\n", "|mixed|;" },
	{ "data: mixed\n\r\n", "|mixed|;" },
	{ "data: mixed\n\rdata: next\n\n", "|mixed|;|next|;" },
	{ "\xEF\xBB\xBF"
	  "data: after the mark\n\n",
	    "|after the mark|;" },
	{ "\xEF\xBB\xBF\xEF\xBB\xBF"
	  "data: two marks\n\ndata: x\n\n",
	    "|x|;" },
	{ "\xEF\xBB"
	  "data: half a mark\n\ndata: x\n\n",
	    "|x|;" },
	{ "data: \xEF\xBB\xBF\xE4\xBD\xA0\n\n", "|\xEF\xBB\xBF\xE4\xBD\xA0|;" },
	{ "data: {\"a\":1}\n\ndata: [DONE]\n\n", "|{\"a\":1}|;|[DONE]|;" },
};

static void
test_samples_in_every_slicing(void)
{
	for (size_t i = 0; i < COUNT(samples); i++) {
		size_t len = strlen(samples[i].in);

		for (size_t slice = 1; slice <= len + 1; slice++) {
			struct notes n = { .len = 0 };
			struct sse s;

			sse_init(&s, CAP);
			CU_ASSERT_EQUAL(feed(&s, samples[i].in, len, slice, &n), SSE_OK);
			CU_ASSERT_STRING_EQUAL(n.text, samples[i].events);
			sse_free(&s);
		}
	}
}

static void
test_nul_in_id_and_data(void)
{
	static const char in[] = "id: 1\nid: 2\0z\ndata: a\0b\n\n";
	struct notes n = { .len = 0 };
	struct sse s;

	sse_init(&s, CAP);
	CU_ASSERT_EQUAL(feed(&s, in, sizeof(in) - 1, 3, &n), SSE_OK);
	CU_ASSERT_EQUAL(n.events, 1);
	CU_ASSERT_STRING_EQUAL(n.text, "|a|1;"); /* %.*s stops at the NUL; the id with one is ignored */
	sse_free(&s);
}

static void
test_retry(void)
{
	static const struct {
		const char *in;
		int64_t retry_ms;
	} rows[] = {
		{ "data: x\n\n", -1 },
		{ "retry: 1500\n", 1500 },
		{ "retry: 0\n", 0 },
		{ "retry: 10\nretry: 12a\nretry:\nretry: -1\n", 10 },
		{ "retry: 9999999999999\n", -1 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct notes n = { .len = 0 };
		struct sse s;

		sse_init(&s, CAP);
		CU_ASSERT_EQUAL(feed(&s, rows[i].in, strlen(rows[i].in), 100, &n), SSE_OK);
		CU_ASSERT_EQUAL(s.retry_ms, rows[i].retry_ms);
		sse_free(&s);
	}
}

/* `n` times c between before and after, fed in slices; the result. */
static enum sse_result
feed_long(const char *before, size_t n_bytes, const char *after, size_t slice, struct notes *n)
{
	struct buf in = BUF_INIT(0);
	enum sse_result result;
	struct sse s;

	buf_puts(&in, before);
	for (size_t i = 0; i < n_bytes; i++)
		buf_add(&in, "x", 1);
	buf_puts(&in, after);
	sse_init(&s, CAP);
	result = feed(&s, in.data, in.len, slice, n);
	CU_ASSERT_TRUE(s.line.len <= CAP && s.data.len <= CAP);
	/* An error stays: what follows is not read. */
	if (result != SSE_OK)
		CU_ASSERT_EQUAL(sse_feed(&s, "data: y\n\n", 9, note, n), result);
	sse_free(&s);
	buf_free(&in);
	return result;
}

static void
test_cap(void)
{
	for (size_t slice = 1; slice < 300; slice += 7) {
		struct notes n = { .len = 0 };

		CU_ASSERT_EQUAL(feed_long("data: ", CAP - 6, "\n\n", slice, &n), SSE_OK);
		CU_ASSERT_EQUAL(n.events, 1);
		CU_ASSERT_EQUAL(feed_long("data: ", CAP - 5, "\n\n", slice, &n), SSE_TOO_LONG);
		CU_ASSERT_EQUAL(feed_long(":", 200, "", slice, &n), SSE_TOO_LONG);
		CU_ASSERT_EQUAL(feed_long("data: ok\n\ndata: ", 200, "", slice, &n), SSE_TOO_LONG);
		CU_ASSERT_EQUAL(n.events, 2);
	}
}

static void
test_cap_over_lines(void)
{
	struct notes n = { .len = 0 };
	enum sse_result result = SSE_OK;
	struct sse s;

	sse_init(&s, CAP);
	for (int i = 0; i < 100 && result == SSE_OK; i++)
		result = sse_feed(&s, "data: 12345678\n", 15, note, &n);
	CU_ASSERT_EQUAL(result, SSE_TOO_LONG);
	CU_ASSERT_TRUE(s.data.len <= CAP);
	CU_ASSERT_EQUAL(n.events, 0);
	sse_free(&s);
}

static void
test_stop(void)
{
	static const char in[] = "data: 1\n\ndata: 2\n\ndata: 3\n\n";

	for (size_t slice = 1; slice <= sizeof(in); slice++) {
		struct notes n = { .stop_after = 2 };
		struct sse s;

		sse_init(&s, CAP);
		CU_ASSERT_EQUAL(feed(&s, in, sizeof(in) - 1, slice, &n), SSE_STOPPED);
		CU_ASSERT_STRING_EQUAL(n.text, "|1|;|2|;");
		sse_free(&s);
	}
}

/* What no empty line, and maybe no line end, has finished. */
static void
test_end(void)
{
	static const struct sample rows[] = {
		{ "data: a", "|a|;" },
		{ "data: a\n", "|a|;" },
		{ "data: a\r", "|a|;" },
		{ "data: a\n\n", "|a|;" },
		{ "event: e\ndata: a\ndata: b", "e|a\nb|;" },
		{ "data: a\n\n: b", "|a|;" },
		{ "event: e", "" },
		{ "\xEF", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t slice = 1; slice <= strlen(rows[i].in) + 1; slice++) {
			struct notes n = { .len = 0 };
			struct sse s;

			sse_init(&s, CAP);
			CU_ASSERT_EQUAL(feed(&s, rows[i].in, strlen(rows[i].in), slice, &n), SSE_OK);
			CU_ASSERT_EQUAL(sse_end(&s, note, &n), SSE_OK);
			CU_ASSERT_EQUAL(sse_end(&s, note, &n), SSE_OK);
			CU_ASSERT_STRING_EQUAL(n.text, rows[i].events);
			sse_free(&s);
		}
	}
}

static void
test_memory_is_given_back(void)
{
	struct notes n = { .len = 0 };
	struct buf in = BUF_INIT(0);
	struct sse s;

	buf_puts(&in, "data: ");
	for (int i = 0; i < 100000; i++)
		buf_add(&in, "x", 1);
	buf_puts(&in, "\n\n");
	sse_init(&s, 1 << 20);
	CU_ASSERT_EQUAL(sse_feed(&s, in.data, 50000, note, &n), SSE_OK);
	CU_ASSERT_EQUAL(sse_feed(&s, in.data + 50000, in.len - 50000, note, &n), SSE_OK);
	CU_ASSERT_EQUAL(n.events, 1);
	CU_ASSERT_TRUE(s.line.cap + s.data.cap + s.type.cap + s.id.cap < 20000);
	sse_free(&s);
	buf_free(&in);
}

static CU_TestInfo sse_tests[] = {
	{ "reads every sample in every slicing", test_samples_in_every_slicing },
	{ "ignores an id with a NUL", test_nul_in_id_and_data },
	{ "takes retry only from digits", test_retry },
	{ "refuses a line over the cap", test_cap },
	{ "refuses an event over the cap", test_cap_over_lines },
	{ "stops when it is told to", test_stop },
	{ "reads what the end left unfinished", test_end },
	{ "gives memory back after a large event", test_memory_is_given_back },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "sse", NULL, NULL, NULL, NULL, sse_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
