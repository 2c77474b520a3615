/* Log lines: always one line of JSON, whatever is put in. */
#include "base/log.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

static FILE *captured;
static int saved_stderr;

static int
set_up(void)
{
	captured = tmpfile();
	saved_stderr = dup(STDERR_FILENO);
	log_init("test-service", LOG_INFO);
	return dup2(fileno(captured), STDERR_FILENO) < 0;
}

static int
tear_down(void)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	return fclose(captured);
}

static void
forget(void)
{
	if (ftruncate(fileno(captured), 0) != 0)
		CU_FAIL("ftruncate");
	lseek(fileno(captured), 0, SEEK_SET);
}

/* The one line written since forget(), parsed; NULL (and a failed test) when it is none. */
static json_t *
line(void)
{
	static char text[64 * 1024];
	ssize_t n = pread(fileno(captured), text, sizeof(text) - 1, 0);
	json_t *j;

	text[n < 0 ? 0 : n] = '\0';
	CU_ASSERT_TRUE(n > 0 && text[n - 1] == '\n' && strchr(text, '\n') == text + n - 1);
	j = json_loads(text, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(j);
	forget();
	return j;
}

static const char *
member(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s == NULL ? "(none)" : s;
}

static void
test_line(void)
{
	json_t *j;

	LOG(WARN, "request", LS("route", "/x"), LI("status", 200), LMS("took_ms", 1234567), LS("absent", NULL),
	    LI("n", -5), LMS("neg", -1500));
	j = line();
	CU_ASSERT_STRING_EQUAL(member(j, "level"), "warn");
	CU_ASSERT_STRING_EQUAL(member(j, "service"), "test-service");
	CU_ASSERT_STRING_EQUAL(member(j, "event"), "request");
	CU_ASSERT_STRING_EQUAL(member(j, "route"), "/x");
	CU_ASSERT_EQUAL(strlen(member(j, "time")), 24);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(j, "pid")), getpid());
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(j, "status")), 200);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(j, "n")), -5);
	CU_ASSERT_DOUBLE_EQUAL(json_real_value(json_object_get(j, "took_ms")), 1234.567, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(json_real_value(json_object_get(j, "neg")), -1.5, 1e-9);
	CU_ASSERT_PTR_NULL(json_object_get(j, "absent"));
	json_decref(j);
	LOG(ERROR, "bare");
	json_decref(line());
}

static void
test_levels(void)
{
	LOG(DEBUG, "quiet");
	CU_ASSERT_EQUAL(lseek(fileno(captured), 0, SEEK_END), 0);
	CU_ASSERT_EQUAL(log_level_parse("debug"), LOG_DEBUG);
	CU_ASSERT_EQUAL(log_level_parse("error"), LOG_ERROR);
	CU_ASSERT_EQUAL(log_level_parse("loud"), -1);
	CU_ASSERT_EQUAL(log_level_parse(NULL), -1);
	log_init("test-service", LOG_DEBUG);
	LOG(DEBUG, "heard");
	json_decref(line());
	log_init("test-service", LOG_INFO);
}

static void
test_context(void)
{
	struct log_context ctx = { .request_id = "rid-1", .user_id = "u", .trace_id = "t", .span_id = "s" };
	json_t *j;

	log_set_context(&ctx);
	LOG(INFO, "x");
	j = line();
	CU_ASSERT_STRING_EQUAL(member(j, "request_id"), "rid-1");
	CU_ASSERT_STRING_EQUAL(member(j, "user_id"), "u");
	CU_ASSERT_STRING_EQUAL(member(j, "trace_id"), "t");
	CU_ASSERT_STRING_EQUAL(member(j, "span_id"), "s");
	json_decref(j);
	log_set_context(NULL);
	LOG(INFO, "x");
	j = line();
	CU_ASSERT_PTR_NULL(json_object_get(j, "request_id"));
	json_decref(j);
}

static void
test_hostile_text(void)
{
	json_t *j;

	LOG(INFO, "x", LS("path", "/a\"b\\\n{\"level\":\"error\"}\x01"), LS("after", "y"));
	j = line();
	CU_ASSERT_STRING_EQUAL(member(j, "path"), "/a\"b\\\n{\"level\":\"error\"}\x01");
	CU_ASSERT_STRING_EQUAL(member(j, "after"), "y");
	json_decref(j);
	LOG(INFO, "x", LS("path", "/\xff\xc3\"\\\n"), LS("after", "y")); /* no UTF-8 */
	j = line();
	CU_ASSERT_STRING_EQUAL(member(j, "path"), "/\xc3\xbf\xc3\x83\"\\\n"); /* as Latin-1 */
	CU_ASSERT_STRING_EQUAL(member(j, "after"), "y");
	json_decref(j);
}

static void
test_too_long(void)
{
	static char big[40000];
	json_t *j;

	memset(big, 'x', sizeof(big) - 1);
	LOG(INFO, "x", LS("before", "1"), LS("big", big), LS("after", "2"));
	j = line();
	CU_ASSERT_STRING_EQUAL(member(j, "before"), "1");
	CU_ASSERT_STRING_EQUAL(member(j, "big"), "(none)"); /* left out whole */
	CU_ASSERT_STRING_EQUAL(member(j, "after"), "2");
	json_decref(j);
	memset(big, '\xff', sizeof(big) - 1);
	LOG(INFO, "x", LS("big", big), LS("after", "2"));
	j = line();
	CU_ASSERT_STRING_EQUAL(member(j, "after"), "2");
	json_decref(j);
}

static void
test_lost_lines_are_counted(void)
{
	uint64_t before = log_lost();
	int keep = dup(STDERR_FILENO);

	close(STDERR_FILENO);
	LOG(INFO, "x");
	dup2(keep, STDERR_FILENO);
	close(keep);
	CU_ASSERT_EQUAL(log_lost(), before + 1);
}

static CU_TestInfo tests[] = {
	{ "a line of JSON", test_line },
	{ "levels", test_levels },
	{ "the thread's context", test_context },
	{ "hostile text stays inside its string", test_hostile_text },
	{ "what is too long is left out", test_too_long },
	{ "lost lines are counted", test_lost_lines_are_counted },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "log", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
