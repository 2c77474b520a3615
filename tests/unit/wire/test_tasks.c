/* wire/tasks: what its rows ask, and what each answer means. */
#include <string.h>

#include "tap.h"
#include "wire/media.h"
#include "wire_test.h"

static struct arena *arena;
static const struct media_wire *fal, *replicate;

static void
set_up(void)
{
	arena = arena_new(4096, 1 << 20);
	fal = media_wire_find("fal");
	replicate = media_wire_find("replicate");
}

static void
tear_down(void)
{
	arena_free(arena);
}

static void
test_asks_fal(void)
{
	struct wire_target to = { .base_url = "https://queue.fal.run/", .api_key = "k", .model = "fal-ai/flux/dev" };
	json_t *input = json_pack("{s:s}", "prompt", "a weir");
	struct media_ask ask = { .input = input, .callback = "https://w.example/x?a=b" };
	struct wire_request rq;

	CU_ASSERT_EQUAL(fal->submit(fal, arena, &to, &ask, &rq), OK);
	CU_ASSERT_STRING_EQUAL(
	    rq.url, "https://queue.fal.run/fal-ai/flux/dev?fal_webhook=https%3A%2F%2Fw.example%2Fx%3Fa%3Db");
	CU_ASSERT_TRUE(has_line(rq.headers, "Authorization: Key k"));
	CU_ASSERT_STRING_EQUAL(rq.body, "{\"prompt\":\"a weir\"}");
	CU_ASSERT_EQUAL(fal->query(fal, arena, &to, "id-1", &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.url, "https://queue.fal.run/fal-ai/flux/requests/id-1/status");
	CU_ASSERT_EQUAL(fal->query_result(fal, arena, &to, "id-1", &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.url, "https://queue.fal.run/fal-ai/flux/requests/id-1");
	CU_ASSERT_NOT_EQUAL(fal->query(fal, arena, &to, "../id", &rq), OK);
	CU_ASSERT_NOT_EQUAL(fal->query(fal, arena, &to, "..", &rq), OK);
	to.model = "a/../b";
	CU_ASSERT_NOT_EQUAL(fal->submit(fal, arena, &to, &ask, &rq), OK);
	to.model = NULL;
	CU_ASSERT_NOT_EQUAL(fal->query(fal, arena, &to, "id-1", &rq), OK);
	json_decref(input);
}

static void
test_asks_replicate(void)
{
	const struct wire_target to = {
		.base_url = "https://api.replicate.com", .api_key = "k", .model = "owner/name:0a1b"
	};
	json_t *input = json_pack("{s:s}", "prompt", "a weir");
	struct media_ask ask = { .input = input, .callback = "https://w.example/x" };
	struct wire_request rq;

	CU_ASSERT_EQUAL(replicate->submit(replicate, arena, &to, &ask, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.url, "https://api.replicate.com/v1/predictions");
	CU_ASSERT_TRUE(has_line(rq.headers, "Authorization: Bearer k"));
	CU_ASSERT_STRING_EQUAL(rq.body,
	    "{\"input\":{\"prompt\":\"a weir\"},\"version\":\"owner/name:0a1b\",\"webhook\":\"https://w.example/x\","
	    "\"webhook_events_filter\":[\"completed\"]}");
	ask.callback = NULL;
	CU_ASSERT_EQUAL(replicate->submit(replicate, arena, &to, &ask, &rq), OK);
	CU_ASSERT_PTR_NULL(strstr(rq.body, "webhook"));
	CU_ASSERT_EQUAL(replicate->query(replicate, arena, &to, "p1", &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.url, "https://api.replicate.com/v1/predictions/p1");
	json_decref(input);
}

static const struct {
	int http;
	const char *body;
	enum media_submit what;
} submits[] = {
	{ 201, "{\"id\":\"p1\",\"status\":\"starting\"}", MEDIA_ACCEPTED },
	{ 400, "{\"detail\":\"no\"}", MEDIA_REFUSED },
	{ 401, "", MEDIA_REFUSED },
	{ 402, "", MEDIA_REFUSED },
	{ 422, "{\"detail\":\"no such version\"}", MEDIA_REFUSED },
	{ 429, "", MEDIA_LATER },
	/* it may have been made */
	{ 0, "", MEDIA_UNKNOWN },
	{ 200, "", MEDIA_UNKNOWN },
	{ 201, "{\"id\":\"a/b\"}", MEDIA_UNKNOWN },
	{ 201, "{\"id\":7}", MEDIA_UNKNOWN },
	{ 409, "", MEDIA_UNKNOWN },
	{ 500, "{\"id\":\"p1\"}", MEDIA_UNKNOWN },
	{ 502, "<html>", MEDIA_UNKNOWN },
};

static void
test_understands_answers(void)
{
	for (size_t i = 0; i < sizeof(submits) / sizeof(submits[0]); i++) {
		struct media_submitted s;

		replicate->submitted(replicate, arena, submits[i].http, submits[i].body, strlen(submits[i].body), &s);
		CU_ASSERT_EQUAL(s.what, submits[i].what);
	}
}

static const struct {
	bool is_fal, is_result;
	int http;
	const char *body;
	enum media_state state;
	size_t n_urls;
} answers[] = {
	{ true, false, 202, "{\"status\":\"IN_QUEUE\"}", MEDIA_WAITING, 0 },
	{ true, false, 202, "{\"status\":\"IN_PROGRESS\"}", MEDIA_RUNNING, 0 },
	{ true, false, 202, "{\"status\":\"IN\"}", MEDIA_RUNNING, 0 },
	{ true, false, 200, "{\"status\":\"COMPLETED\"}", MEDIA_READY, 0 },
	{ true, false, 200, "{\"status\":\"COMPLETED\",\"error\":\"oops\"}", MEDIA_FAILED, 0 },
	{ true, false, 404, "{\"detail\":\"not found\"}", MEDIA_UNTOLD, 0 },
	{ true, false, 200, "[]", MEDIA_UNTOLD, 0 },
	{ true, true, 200, "{\"images\":[{\"url\":\"https://a/1\"},{\"url\":\"https://a/2\"},7]}", MEDIA_DONE, 2 },
	{ true, true, 200, "{\"video\":{\"url\":\"https://a/1\"}}", MEDIA_DONE, 1 },
	{ true, true, 200, "{}", MEDIA_DONE, 0 }, /* and without a result it fails */
	{ true, true, 422, "{\"detail\":[{\"msg\":\"bad\"}]}", MEDIA_FAILED, 0 },
	{ true, true, 500, "", MEDIA_UNTOLD, 0 },
	{ false, false, 200, "{\"status\":\"starting\"}", MEDIA_WAITING, 0 },
	{ false, false, 200, "{\"status\":\"processing\",\"output\":null,\"error\":null}", MEDIA_RUNNING, 0 },
	{ false, false, 200, "{\"status\":\"succeeded\",\"output\":\"https://a/1\"}", MEDIA_DONE, 1 },
	{ false, false, 200, "{\"status\":\"succeeded\",\"output\":[\"https://a/1\",\"https://a/2\"]}", MEDIA_DONE, 2 },
	{ false, false, 200, "{\"status\":\"aborted\"}", MEDIA_FAILED, 0 },
	{ false, false, 500, "{\"status\":\"failed\"}", MEDIA_UNTOLD, 0 },
	{ false, false, 0, "", MEDIA_UNTOLD, 0 },
};

static void
test_understands_states(void)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const struct media_wire *w = answers[i].is_fal ? fal : replicate;
		struct media_told t;

		(answers[i].is_result ? w->told_result : w->told)(
		    w, arena, answers[i].http, answers[i].body, strlen(answers[i].body), &t);
		if (t.state != answers[i].state)
			fprintf(stderr, "# %s: %d\n", answers[i].body, (int)t.state);
		CU_ASSERT_EQUAL(t.state, answers[i].state);
		CU_ASSERT_EQUAL(t.n_urls, answers[i].n_urls);
	}
}

static void
test_understands_callbacks(void)
{
	static const char body[] = "{\"request_id\":\"r1\",\"id\":\"p1\"}",
			  wrong[] = "{\"request_id\":\"a/b\",\"id\":1}";

	CU_ASSERT_STRING_EQUAL(fal->called(fal, arena, body, strlen(body)), "r1");
	CU_ASSERT_STRING_EQUAL(replicate->called(replicate, arena, body, strlen(body)), "p1");
	CU_ASSERT_PTR_NULL(fal->called(fal, arena, wrong, strlen(wrong)));
	CU_ASSERT_PTR_NULL(replicate->called(replicate, arena, wrong, strlen(wrong)));
	CU_ASSERT_PTR_NULL(fal->called(fal, arena, "x", 1));
}

static CU_TestInfo tests[] = {
	{ "asks fal", test_asks_fal },
	{ "asks Replicate", test_asks_replicate },
	{ "understands answers", test_understands_answers },
	{ "understands states", test_understands_states },
	{ "understands callbacks", test_understands_callbacks },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "tasks", NULL, NULL, set_up, tear_down, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
