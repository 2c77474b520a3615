/* wire/kie: what is asked, and what each answer means. */
#include <string.h>

#include "tap.h"
#include "wire/media.h"
#include "wire_test.h"

static struct arena *arena;
static const struct media_wire *kie;

static void
set_up(void)
{
	arena = arena_new(4096, 1 << 20);
	kie = media_wire_find("kie");
}

static void
tear_down(void)
{
	arena_free(arena);
}

static void
test_asks(void)
{
	const struct wire_target to = {
		.base_url = "https://api.kie.ai/", .api_key = "k", .model = "google/nano-banana"
	};
	json_t *input = json_pack("{s:s}", "prompt", "a \"weir\"");
	struct wire_request rq;

	CU_ASSERT_EQUAL(kie->submit(kie, arena, &to,
			    &(struct media_ask){ .input = input, .callback = "https://w.example/api/hooks/x" }, &rq),
	    OK);
	CU_ASSERT_STRING_EQUAL(rq.method, "POST");
	CU_ASSERT_STRING_EQUAL(rq.url, "https://api.kie.ai/api/v1/jobs/createTask");
	CU_ASSERT_TRUE(has_line(rq.headers, "Authorization: Bearer k"));
	CU_ASSERT_STRING_EQUAL(rq.body,
	    "{\"model\":\"google/nano-banana\",\"callBackUrl\":\"https://w.example/api/hooks/x\","
	    "\"input\":{\"prompt\":\"a \\\"weir\\\"\"}}");
	CU_ASSERT_EQUAL(rq.body_len, strlen(rq.body));
	CU_ASSERT_EQUAL(kie->submit(kie, arena, &to, &(struct media_ask){ .input = input, .callback = NULL }, &rq), OK);
	CU_ASSERT_PTR_NULL(strstr(rq.body, "callBackUrl"));
	CU_ASSERT_EQUAL(kie->query(kie, arena, &to, "task_1", &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.method, "GET");
	CU_ASSERT_STRING_EQUAL(rq.url, "https://api.kie.ai/api/v1/jobs/recordInfo?taskId=task_1");
	CU_ASSERT_NOT_EQUAL(kie->query(kie, arena, &to, "a&b=c", &rq), OK);
	CU_ASSERT_NOT_EQUAL(kie->query(kie, arena, &to, "", &rq), OK);
	json_decref(input);
	CU_ASSERT_PTR_NULL(media_wire_find("anthropic"));
	CU_ASSERT_PTR_NULL(media_wire_find(NULL));
}

static const struct {
	int http;
	const char *body;
	enum media_submit what;
	bool next_channel;
} submits[] = {
	{ 200, "{\"code\":200,\"data\":{\"taskId\":\"task_1\"}}", MEDIA_ACCEPTED, false },
	{ 200, "{\"code\":402,\"msg\":\"no credits\",\"data\":null}", MEDIA_REFUSED, true },
	{ 200, "{\"code\":422,\"message\":\"no such model\"}", MEDIA_REFUSED, true },
	{ 200, "{\"code\":451}", MEDIA_REFUSED, false },
	{ 200, "{\"code\":429}", MEDIA_LATER, true },
	{ 429, "", MEDIA_LATER, true },
	{ 401, "<html>", MEDIA_REFUSED, true },
	/* it may have been made */
	{ 0, "", MEDIA_UNKNOWN, false },
	{ 200, "", MEDIA_UNKNOWN, false },
	{ 200, "{\"code\":200,\"data\":{}}", MEDIA_UNKNOWN, false },
	{ 200, "{\"code\":200,\"data\":{\"taskId\":\"a b\"}}", MEDIA_UNKNOWN, false },
	{ 200, "{\"code\":200,\"data\":{\"taskId\":7}}", MEDIA_UNKNOWN, false },
	{ 200, "{\"code\":500,\"msg\":\"oops\"}", MEDIA_UNKNOWN, false },
	{ 200, "{\"code\":408}", MEDIA_UNKNOWN, false },
	{ 502, "<html>", MEDIA_UNKNOWN, false },
	{ 500, "{\"code\":200,\"data\":{\"taskId\":\"task_1\"}}", MEDIA_UNKNOWN, false },
	{ 200, "[1,2", MEDIA_UNKNOWN, false },
	{ 200, "{\"code\":\"200\"}", MEDIA_UNKNOWN, false },
};

static void
test_submitted(void)
{
	for (size_t i = 0; i < sizeof(submits) / sizeof(submits[0]); i++) {
		struct media_submitted s;

		kie->submitted(kie, arena, submits[i].http, submits[i].body, strlen(submits[i].body), &s);
		CU_ASSERT_EQUAL(s.what, submits[i].what);
		CU_ASSERT_EQUAL(s.next_channel, submits[i].next_channel);
		if (s.what == MEDIA_ACCEPTED)
			CU_ASSERT_STRING_EQUAL(s.id, "task_1");
	}
}

#define RECORD(more) "{\"code\":200,\"data\":{" more "}}"
static const struct {
	const char *body;
	enum media_state state;
	int progress;
	size_t n_urls;
} records[] = {
	{ RECORD("\"state\":\"waiting\""), MEDIA_WAITING, -1, 0 },
	{ RECORD("\"state\":\"queuing\""), MEDIA_WAITING, -1, 0 },
	{ RECORD("\"state\":\"generating\",\"progress\":42"), MEDIA_RUNNING, 42, 0 },
	{ RECORD("\"state\":\"generating\",\"progress\":420"), MEDIA_RUNNING, -1, 0 },
	{ RECORD("\"state\":\"marinating\""), MEDIA_RUNNING, -1, 0 },
	{ RECORD("\"state\":\"fail\",\"failCode\":\"501\",\"failMsg\":\"no\""), MEDIA_FAILED, -1, 0 },
	{ RECORD("\"state\":\"success\",\"resultJson\":\"{\\\"resultUrls\\\":[\\\"https://a/b\\\",7]}\""), MEDIA_DONE,
	    -1, 1 },
	{ RECORD("\"state\":\"success\",\"resultJson\":\"nonsense\""), MEDIA_DONE, -1, 0 },
	{ RECORD("\"state\":\"success\",\"resultJson\":{}"), MEDIA_DONE, -1, 0 },
	{ RECORD(""), MEDIA_UNTOLD, -1, 0 },
	{ "{\"code\":422,\"msg\":\"recordInfo is null\"}", MEDIA_UNTOLD, -1, 0 },
	{ "<html>", MEDIA_UNTOLD, -1, 0 },
	{ "", MEDIA_UNTOLD, -1, 0 },
};

static void
test_told(void)
{
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		struct media_told t;

		kie->told(kie, arena, 200, records[i].body, strlen(records[i].body), &t);
		CU_ASSERT_EQUAL(t.state, records[i].state);
		CU_ASSERT_EQUAL(t.progress, records[i].progress);
		CU_ASSERT_EQUAL(t.n_urls, records[i].n_urls);
	}
}

static void
test_called(void)
{
	static const char *const bodies[] = { "{\"data\":{\"taskId\":\"task_1\"}}",
		"{\"data\":{\"task_id\":\"task_1\"}}", "{\"taskId\":\"task_1\"}" };
	static const char *const others[] = { "", "{}", "[]", "{\"taskId\":7}", "{\"taskId\":\"a b\"}" };

	for (size_t i = 0; i < 3; i++)
		CU_ASSERT_STRING_EQUAL(kie->called(kie, arena, bodies[i], strlen(bodies[i])), "task_1");
	for (size_t i = 0; i < 5; i++)
		CU_ASSERT_PTR_NULL(kie->called(kie, arena, others[i], strlen(others[i])));
}

static CU_TestInfo tests[] = {
	{ "what is asked", test_asks },
	{ "what became of a request", test_submitted },
	{ "what is told of a task", test_told },
	{ "whom a callback names", test_called },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "kie", NULL, NULL, set_up, tear_down, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
