/* wire/openai/images: what is asked, and what each answer means. */
#include <string.h>

#include "tap.h"
#include "wire/media.h"

static struct arena *arena;
static const struct media_wire *wire;

static void
set_up(void)
{
	arena = arena_new(4096, 1 << 20);
	wire = media_wire_find("openai");
}

static void
tear_down(void)
{
	arena_free(arena);
}

static const struct wire_target to = {
	.base_url = "https://api.openai.com/v1", .api_key = "k", .model = "gpt-image-2"
};

static void
test_asks(void)
{
	json_t *input = json_pack("{s:s, s:s}", "prompt", "a \"weir\"", "quality", "high");
	struct wire_request rq;

	CU_ASSERT_PTR_NULL(wire->query);
	CU_ASSERT_PTR_EQUAL(media_wire_find("openai-compatible"), wire);
	CU_ASSERT_EQUAL(wire->submit(wire, arena, &to, &(struct media_ask){ .input = input }, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.url, "https://api.openai.com/v1/images/generations");
	CU_ASSERT_STRING_EQUAL(rq.headers[0], "Content-Type: application/json");
	CU_ASSERT_STRING_EQUAL(
	    rq.body, "{\"prompt\":\"a \\\"weir\\\"\",\"quality\":\"high\",\"model\":\"gpt-image-2\"}");
	json_object_set_new(input, "image", json_pack("[s]", "https://a.example/b.png"));
	CU_ASSERT_NOT_EQUAL(wire->submit(wire, arena, &to, &(struct media_ask){ .input = input }, &rq), OK);
	json_decref(input);
}

static void
test_asks_with_pictures(void)
{
	const struct media_file files[] = { { "image/png", "1.png", "\0PNG", 4 }, { "image/jpeg", "2.jpg", "JPG", 3 } };
	json_t *input = json_pack(
	    "{s:s, s:i, s:[s]}", "prompt", "brighter", "n", 1, "image", "https://a.example/b.png");
	struct wire_request rq;

	CU_ASSERT_EQUAL(
	    wire->submit(wire, arena, &to, &(struct media_ask){ .input = input, .files = files, .n_files = 2 }, &rq),
	    OK);
	CU_ASSERT_STRING_EQUAL(rq.url, "https://api.openai.com/v1/images/edits");
	CU_ASSERT_EQUAL(strncmp(rq.headers[0], "Content-Type: multipart/form-data; boundary=", 44), 0);
	CU_ASSERT_PTR_NOT_NULL(memmem(rq.body, rq.body_len, "name=\"model\"\r\n\r\ngpt-image-2\r\n", 29));
	CU_ASSERT_PTR_NOT_NULL(memmem(rq.body, rq.body_len, "name=\"n\"\r\n\r\n1\r\n", 15));
	CU_ASSERT_PTR_NOT_NULL(memmem(rq.body, rq.body_len, "name=\"image[]\"; filename=\"1.png\"", 32));
	CU_ASSERT_PTR_NOT_NULL(memmem(rq.body, rq.body_len, "\r\n\r\n\0PNG\r\n", 10));
	CU_ASSERT_PTR_NULL(memmem(rq.body, rq.body_len, "a.example", 9));
	json_decref(input);
}

static const struct {
	int http;
	const char *body;
	enum media_submit what;
	bool next_channel;
} submits[] = {
	{ 200, "{\"data\":[{\"b64_json\":\"AAAA\"}]}", MEDIA_MADE, false },
	{ 200, "{\"data\":[{\"url\":\"https://a.example/b.png\"}]}", MEDIA_MADE, false },
	{ 400, "{\"error\":{\"code\":\"moderation_blocked\"}}", MEDIA_REFUSED, false },
	{ 401, "{\"error\":{\"code\":\"invalid_api_key\"}}", MEDIA_REFUSED, true },
	{ 404, "{\"error\":{\"code\":\"model_not_found\"}}", MEDIA_REFUSED, true },
	{ 429, "{\"error\":{\"code\":\"rate_limit_exceeded\"}}", MEDIA_LATER, true },
	{ 429, "{\"error\":{\"code\":\"insufficient_quota\"}}", MEDIA_REFUSED, true },
	/* it may have been made */
	{ 0, "", MEDIA_UNKNOWN, false },
	{ 200, "", MEDIA_UNKNOWN, false },
	{ 200, "{\"data\":[]}", MEDIA_UNKNOWN, false },
	{ 200, "{\"data\":[{\"b64_json\":\"\"}]}", MEDIA_UNKNOWN, false },
	{ 200, "{\"data\":[{\"b64_json\":7}]}", MEDIA_UNKNOWN, false },
	{ 200, "{\"data\":[{\"b64_json\":\"AA", MEDIA_UNKNOWN, false },
	{ 200, "{\"error\":{\"message\":\"oops\"}}", MEDIA_UNKNOWN, false },
	{ 408, "", MEDIA_UNKNOWN, false },
	{ 500, "{\"error\":{}}", MEDIA_UNKNOWN, false },
	{ 502, "<html>", MEDIA_UNKNOWN, false },
};

static void
test_understands_answers(void)
{
	for (size_t i = 0; i < sizeof(submits) / sizeof(submits[0]); i++) {
		struct media_submitted s;

		wire->submitted(wire, arena, submits[i].http, submits[i].body, strlen(submits[i].body), &s);
		if (s.what != submits[i].what || s.next_channel != submits[i].next_channel)
			fprintf(stderr, "# %d %s: %d\n", submits[i].http, submits[i].body, (int)s.what);
		CU_ASSERT_EQUAL(s.what, submits[i].what);
		CU_ASSERT_EQUAL(s.next_channel, submits[i].next_channel);
	}
}

static void
test_takes_pictures(void)
{
	static const char body[] = "{\"data\":[{\"revised_prompt\":\"x\",\"b64_json\":\"AA\\/A\"},7,"
				   "{\"b64_json\":null,\"url\":\"https:\\/\\/a.example\\/b.png\"}],\"usage\":{}}";
	struct media_told t;

	wire->told(wire, arena, 200, body, strlen(body), &t);
	CU_ASSERT_EQUAL(t.state, MEDIA_DONE);
	CU_ASSERT_EQUAL_FATAL(t.n_made, 1);
	CU_ASSERT_TRUE(t.made[0].has_escapes);
	CU_ASSERT_EQUAL_FATAL(t.n_urls, 1);
	CU_ASSERT_STRING_EQUAL(t.urls[0], "https://a.example/b.png");
}

static CU_TestInfo tests[] = {
	{ "asks", test_asks },
	{ "asks with pictures", test_asks_with_pictures },
	{ "understands answers", test_understands_answers },
	{ "takes pictures", test_takes_pictures },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "images", NULL, NULL, set_up, tear_down, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
