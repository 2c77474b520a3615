/* What is asked over the OpenAI wire: requests byte for byte.  Who wants them otherwise: test_quirks.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "house/wires.h"
#include "wire/openai/openai.h"
#include "wire_test.h"

/* ---- requests ---------------------------------------------------------------- */

static const struct ask_message hello[] = { SAYS("user", SAID("Hi")) };

/* What the engine asks, put together from its two halves. */
struct call {
	const char *base_url, *api_key, *model;
	const struct ask_message *messages;
	size_t n_messages;
	int64_t max_output_tokens;
	double temperature;
	bool stream;
	const char *traceparent, *task_id;
};

static enum status
build(struct arena *a, const struct call *c, struct wire_request *rq)
{
	const struct endpoint *e = wire_endpoint(&wire_openai, OP_CHAT);
	struct ask ask = { .op = OP_CHAT,
		.chat = { ASK_CHAT_PLAIN, .messages = c->messages, .n_messages = c->n_messages } };
	struct wire_target to = { .base_url = c->base_url,
		.api_key = c->api_key,
		.model = c->model,
		.max_output_tokens = c->max_output_tokens,
		.stream = c->stream,
		.traceparent = c->traceparent,
		.task_id = c->task_id };
	struct wire_body body;
	enum status st;

	ask.chat.temperature = c->temperature;
	st = e->body(a, &ask, c->stream, &body);

	return st == OK ? e->head(a, &to, &body, rq) : st;
}

static struct call
call_to(const char *base_url)
{
	return (struct call){ .base_url = base_url,
		.model = "m",
		.messages = hello,
		.n_messages = 1,
		.temperature = -1,
		.stream = true };
}

static void
test_url(void)
{
	static const struct {
		const char *base, *url;
	} rows[] = {
		{ "https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions" },
		{ "https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions" },
		{ "https://api.openai.com", "https://api.openai.com/v1/chat/completions" },
		{ "https://api.openai.com/", "https://api.openai.com/v1/chat/completions" },
		{ "http://127.0.0.1:8089", "http://127.0.0.1:8089/v1/chat/completions" },
		{ "HTTP://[::1]:80//", "HTTP://[::1]:80/v1/chat/completions" },
		{ "https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1/chat/completions" },
		{ "https://host/compatible-mode/v1", "https://host/compatible-mode/v1/chat/completions" },
		{ "https://host/api/v3", "https://host/api/v3/chat/completions" },
		{ "https://host/v1beta/openai/", "https://host/v1beta/openai/chat/completions" },
		{ "https://host/gateway", "https://host/gateway/v1/chat/completions" },
		{ "https://host/x/chat/completions", "https://host/x/chat/completions" },
		{ "https://v1host", "https://v1host/v1/chat/completions" },
		{ "https://host/vision", "https://host/vision/v1/chat/completions" },
		{ "https://h///", "https://h/v1/chat/completions" },
		{ "https://host/openai/deployments/d/chat/completions?api-version=2024-10-21",
		    "https://host/openai/deployments/d/chat/completions?api-version=2024-10-21" },
		{ "https://host/v1/?a=/b/", "https://host/v1/chat/completions?a=/b/" },
		{ "ftp://host/v1", NULL },
		{ "host/v1", NULL },
		{ "https://", NULL },
		{ "https:///v1", NULL },
		{ "https://?x", NULL },
		{ "https://host/\x7f", NULL },
		{ "https://host/v1#part", NULL },
		{ "https://host/v1\r\nX: y", NULL },
		{ "https://ho st/", NULL },
		{ "", NULL },
		{ NULL, NULL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1024, 1 << 20);
		struct call call = call_to(rows[i].base);
		struct wire_request rq;
		enum status st = build(a, &call, &rq);

		CU_ASSERT_EQUAL(st, rows[i].url == NULL ? E_INVALID_REQUEST : OK);
		if (st == OK && rows[i].url != NULL)
			CU_ASSERT_STRING_EQUAL(rq.url, rows[i].url);
		arena_free(a);
	}
}

static void
test_headers(void)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct call call = call_to("http://h");
	struct wire_request rq;

	CU_ASSERT_EQUAL(build(a, &call, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.method, "POST");
	CU_ASSERT_STRING_EQUAL(rq.headers[0], "Content-Type: application/json");
	CU_ASSERT_STRING_EQUAL(rq.headers[1], "Accept: text/event-stream");
	CU_ASSERT_PTR_NULL(rq.headers[2]);
	call.stream = false;
	call.api_key = "sk-1";
	call.traceparent = "00-a-b-01";
	call.task_id = "t-1";
	CU_ASSERT_EQUAL(build(a, &call, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.headers[1], "Accept: application/json");
	CU_ASSERT_STRING_EQUAL(rq.headers[2], "Authorization: Bearer sk-1");
	CU_ASSERT_STRING_EQUAL(rq.headers[3], "traceparent: 00-a-b-01");
	CU_ASSERT_STRING_EQUAL(rq.headers[4], "X-Weir-Task: t-1");
	CU_ASSERT_PTR_NULL(rq.headers[5]);
	call.api_key = ""; /* a provider without keys */
	CU_ASSERT_EQUAL(build(a, &call, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.headers[2], "traceparent: 00-a-b-01");
	for (int i = 0; i < 4; i++) {
		static const char *const evil[] = { "sk\r\nX-Evil: 1", "\x7f", "a\tb", "\n" };

		call.api_key = evil[i];
		CU_ASSERT_EQUAL(build(a, &call, &rq), E_INVALID_REQUEST);
		call.api_key = NULL;
		call.traceparent = evil[i];
		CU_ASSERT_EQUAL(build(a, &call, &rq), E_INVALID_REQUEST);
		call.traceparent = NULL;
		call.task_id = evil[i];
		CU_ASSERT_EQUAL(build(a, &call, &rq), E_INVALID_REQUEST);
		call.task_id = NULL;
	}
	arena_free(a);
}

static void
check_body(const struct call *call, const char *body)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct wire_request rq;
	json_t *root;

	CU_ASSERT_EQUAL_FATAL(build(a, call, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.body, body);
	CU_ASSERT_EQUAL(rq.body_len, strlen(rq.body));
	root = json_loadb(rq.body, rq.body_len, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL(root);
	json_decref(root);
	arena_free(a);
}

static void
test_body(void)
{
	const struct ask_message turn[] = {
		SAYS("system", SAID("Be \"brief\"\n")),
		SAYS("user", SAID("\xE4\xBD\xA0\xE5\xA5\xBD")),
		{ .role = "assistant" },
		SAYS("user", SAID("see"), AT(ASK_IMAGE, "https://x/a?b=1&c=\"")),
		SAYS("user", SAID("all"), AT(ASK_IMAGE, "i"), AT(ASK_VIDEO, "v"), AT(ASK_AUDIO, "a")),
	};
	struct call call = call_to("http://h");

	check_body(&call,
	    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],"
	    "\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
	call.stream = false;
	call.model = "demo;fault=\"x\"";
	call.max_output_tokens = 4096;
	call.temperature = 0.7;
	check_body(&call,
	    "{\"model\":\"demo;fault=\\\"x\\\"\",\"max_tokens\":4096,\"temperature\":0.700,"
	    "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}");
	call.base_url = "https://api.openai.com/v1";
	call.model = "m";
	call.temperature = 0;
	check_body(&call,
	    "{\"model\":\"m\",\"max_completion_tokens\":4096,\"temperature\":0.000,"
	    "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}");
	call = call_to("http://h");
	call.stream = false;
	call.messages = turn;
	call.n_messages = COUNT(turn);
	check_body(&call,
	    "{\"model\":\"m\",\"messages\":["
	    "{\"role\":\"system\",\"content\":\"Be \\\"brief\\\"\\n\"},"
	    "{\"role\":\"user\",\"content\":\"\xE4\xBD\xA0\xE5\xA5\xBD\"},"
	    "{\"role\":\"assistant\",\"content\":\"\"},"
	    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"see\"},"
	    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/a?b=1&c=\\\"\"}}]},"
	    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"all\"},"
	    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"i\"}},"
	    "{\"type\":\"video_url\",\"video_url\":{\"url\":\"v\"}},"
	    "{\"type\":\"audio_url\",\"audio_url\":{\"url\":\"a\"}}]}]}");
}

/* One file of each kind alone, and a file of ours as it lies in the message. */
static void
test_body_files(void)
{
	const struct ask_message turn[] = {
		SAYS("user", SAID("v"), AT(ASK_VIDEO, "https://x/v")),
		SAYS("user", SAID("a"), AT(ASK_AUDIO, "https://x/a")),
		SAYS("user", SAID(""), AT(ASK_IMAGE, "data:image/png;base64,iVBORw0KGgo=")),
	};
	struct call call = call_to("http://h");

	call.stream = false;
	call.messages = turn;
	call.n_messages = COUNT(turn);
	check_body(&call,
	    "{\"model\":\"m\",\"messages\":["
	    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"v\"},"
	    "{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://x/v\"}}]},"
	    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
	    "{\"type\":\"audio_url\",\"audio_url\":{\"url\":\"https://x/a\"}}]},"
	    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"\"},"
	    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,iVBORw0KGgo=\"}}]}]}");
}

/* Who wants the longest answer under its new name: OpenAI, also at Azure, and nobody who is called alike. */
static void
test_max_tokens(void)
{
	static const struct {
		const char *base;
		bool is_new;
	} rows[] = {
		{ "https://api.openai.com:443/v1", true },
		{ "https://me.openai.azure.com/openai/deployments/d/chat/completions?api-version=1", true },
		{ "https://api.openai.com.example.org/v1", false },
		{ "https://example.org/api.openai.com", false },
		{ "https://azure.com/", false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1024, 1 << 20);
		struct call call = call_to(rows[i].base);
		struct wire_request rq;

		call.max_output_tokens = 7;
		CU_ASSERT_EQUAL_FATAL(build(a, &call, &rq), OK);
		CU_ASSERT_EQUAL(strstr(rq.body, "\"max_completion_tokens\":7") != NULL, rows[i].is_new);
		CU_ASSERT_EQUAL(strstr(rq.body, "\"max_tokens\":7") != NULL, !rows[i].is_new);
		arena_free(a);
	}
}

/* The body of that chat, as that host reads it. */
static void
check_chat(const struct ask_chat *chat, const char *base_url, const char *body)
{
	const struct endpoint *e = wire_endpoint(&wire_openai, OP_CHAT);
	struct arena *a = arena_new(1024, 1 << 20);
	struct ask ask = { .op = OP_CHAT, .chat = *chat };
	struct wire_target to = { .base_url = base_url, .model = "m" };
	struct wire_body made;
	struct wire_request rq;
	json_t *root;

	CU_ASSERT_EQUAL_FATAL(e->body(a, &ask, false, &made), OK);
	for (int try = 0; try < 2; try++) {
		CU_ASSERT_EQUAL_FATAL(e->head(a, &to, &made, &rq), OK);
		CU_ASSERT_STRING_EQUAL(rq.body, body);
		CU_ASSERT_EQUAL(rq.body_len, strlen(body));
		if (strcmp(rq.body, body) != 0)
			printf("# %s\n", rq.body);
	}
	root = json_loadb(rq.body, rq.body_len, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL(root);
	json_decref(root);
	arena_free(a);
}

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"

static void
test_calls_and_results(void)
{
	const struct ask_message turn[] = {
		SAYS("user", SAID("Hi")),
		SAYS("assistant", { .kind = ASK_THINKING, .text = "h", .signature = "seal" },
		    { .kind = ASK_THINKING, .text = "m\n" },
		    { .kind = ASK_CALL, .id = "c1", .name = "f", .text = "{\"a\":1}" },
		    { .kind = ASK_CALL, .id = "c2", .name = "g" }),
		SAYS("user", SAID("so"), { .kind = ASK_RESULT, .id = "c2", .name = "g", .text = "two" },
		    { .kind = ASK_RESULT, .id = "c1", .is_error = true }, AT(ASK_IMAGE, "https://x")),
		SAYS("assistant", SAID("wait"), { .kind = ASK_CALL, .id = "c3", .name = "f", .text = "{}" }),
		SAYS("user", { .kind = ASK_RESULT, .id = "c3", .text = "r" }),
		SAYS("assistant", { .kind = ASK_THINKING, .text = "x" }),
		SAYS("assistant", SAID("y")),
	};
	struct ask_chat chat = { ASK_CHAT_PLAIN, .messages = turn, .n_messages = COUNT(turn) };
	const char *const format =
	    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
	    "{\"role\":\"assistant\"%s,\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
	    "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}},{\"id\":\"c2\",\"type\":\"function\","
	    "\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]},"
	    "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":\"two\"},"
	    "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"\"},"
	    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"so\"},"
	    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x\"}}]},"
	    "{\"role\":\"assistant\"%s,\"content\":\"wait\",\"tool_calls\":[{\"id\":\"c3\",\"type\":\"function\","
	    "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
	    "{\"role\":\"tool\",\"tool_call_id\":\"c3\",\"content\":\"r\"},"
	    "{\"role\":\"assistant\"%s,\"content\":\"\"},{\"role\":\"assistant\"%s,\"content\":\"y\"}]}";
	struct buf body = BUF_INIT(0);

	buf_printf(&body, format, "", "", "", "");
	check_chat(&chat, "https://api.openai.com", buf_str(&body));
	buf_clear(&body);
	buf_printf(&body, format, ",\"reasoning_content\":\"hm\\n\"", ",\"reasoning_content\":\" \"",
	    ",\"reasoning_content\":\"x\"", ",\"reasoning_content\":\" \"");
	check_chat(&chat, "https://api.deepseek.com", buf_str(&body));
	check_chat(&chat, "https://api.moonshot.cn/v1", buf_str(&body));
	chat.n_messages = 1; /* nobody thought, nobody called */
	check_chat(&chat, "https://api.deepseek.com", "{\"model\":\"m\"," HI "}");
	buf_free(&body);
}

static void
test_tools(void)
{
	const struct ask_tool tools[] = {
		{ .name = "f", .description = "does \"it\"", .parameters = "{\"type\":\"object\"}", .strict = true },
		{ .name = "g" },
	};
	struct ask_chat chat = { ASK_CHAT_PLAIN, .messages = hello, .n_messages = 1, .tools = tools, .n_tools = 2,
		.one_call = true };
	static const struct {
		enum ask_choice choice;
		const char *says;
	} rows[] = {
		{ CHOICE_AUTO, "" },
		{ CHOICE_NONE, ",\"tool_choice\":\"none\"" },
		{ CHOICE_ANY, ",\"tool_choice\":\"required\"" },
		{ CHOICE_NAMED, ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"g\"}}" },
	};

	chat.choice_name = "g";
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf body = BUF_INIT(0);

		chat.choice = rows[i].choice;
		buf_printf(&body,
		    "{\"model\":\"m\"," HI ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
		    "\"description\":\"does \\\"it\\\"\",\"parameters\":{\"type\":\"object\"},\"strict\":true}},"
		    "{\"type\":\"function\",\"function\":{\"name\":\"g\"}}]%s,\"parallel_tool_calls\":false}",
		    rows[i].says);
		check_chat(&chat, "http://h", buf_str(&body));
		buf_free(&body);
	}
	chat.n_tools = 0;
	check_chat(&chat, "http://h", "{\"model\":\"m\"," HI "}");
}

#define XHIGH "\"reasoning_effort\":\"xhigh\","

static void
test_how(void)
{
	static const char *const stop[] = { "a", "\n" };
	struct ask_chat chat = { .messages = hello,
		.n_messages = 1,
		.temperature = 1.8,
		.top_p = 0.5,
		.top_k = 40,
		.seed = 7,
		.stop = stop,
		.n_stop = 2,
		.effort = EFFORT_MAX,
		.user = "u" };
	const char *const rest = HI ",\"stop\":[\"a\",\"\\n\"],\"user\":\"u\"}";
	static const struct {
		const char *host, *says;
	} rows[] = {
		{ "http://h", "\"temperature\":1.800,\"top_p\":0.500,\"top_k\":40,\"seed\":7," XHIGH },
		{ "https://api.openai.com", "\"temperature\":1.800,\"top_p\":0.500,\"seed\":7," XHIGH },
		{ "https://api.moonshot.ai", "\"temperature\":1.000,\"top_p\":0.500,\"top_k\":40,\"seed\":7," },
		{ "https://api.groq.com/openai/v1", "\"temperature\":1.800,\"top_p\":0.500,\"seed\":7," XHIGH },
		{ "https://api.mistral.ai", "\"temperature\":1.500,\"top_p\":0.500,\"random_seed\":7," XHIGH },
		{ "https://generativelanguage.googleapis.com/v1beta/openai",
		    "\"temperature\":1.800,\"top_p\":0.500," XHIGH },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf body = BUF_INIT(0);

		buf_printf(&body, "{\"model\":\"m\",%s%s", rows[i].says, rest);
		check_chat(&chat, rows[i].host, buf_str(&body));
		buf_free(&body);
	}
}

static void
test_format(void)
{
	struct ask_chat chat = { ASK_CHAT_PLAIN, .messages = hello, .n_messages = 1, .format = FORMAT_JSON };

	check_chat(&chat, "http://h", "{\"model\":\"m\"," HI ",\"response_format\":{\"type\":\"json_object\"}}");
	chat.format = FORMAT_SCHEMA;
	chat.schema = "{\"type\":\"object\"}";
	check_chat(&chat, "http://h",
	    "{\"model\":\"m\"," HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
	    "{\"name\":\"answer\",\"schema\":{\"type\":\"object\"}}}}");
	chat.schema_name = "X";
	chat.schema_strict = true;
	check_chat(&chat, "http://h",
	    "{\"model\":\"m\"," HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
	    "{\"name\":\"X\",\"schema\":{\"type\":\"object\"},\"strict\":true}}}");
}

/* Sound and documents within the message. */
static void
test_data(void)
{
	const struct ask_message turn[] = { SAYS("user", AT(ASK_AUDIO, "data:audio/wav;base64,AA=="),
	    AT(ASK_AUDIO, "data:audio/mpeg;base64,AA=="), AT(ASK_AUDIO, "data:audio/ogg;base64,AA=="),
	    { .kind = ASK_FILE, .url = "data:application/pdf;base64,AA==", .name = "a\".pdf" },
	    { .kind = ASK_FILE, .url = "data:a,\"b" }) };
	struct ask_chat chat = { ASK_CHAT_PLAIN, .messages = turn, .n_messages = 1 };

	check_chat(&chat, "http://h",
	    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":["
	    "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA==\",\"format\":\"wav\"}},"
	    "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA==\",\"format\":\"mp3\"}},"
	    "{\"type\":\"audio_url\",\"audio_url\":{\"url\":\"data:audio/ogg;base64,AA==\"}},"
	    "{\"type\":\"file\",\"file\":{\"filename\":\"a\\\".pdf\",\"file_data\":\"data:application/pdf;base64,AA==\"}},"
	    "{\"type\":\"file\",\"file\":{\"filename\":\"file\",\"file_data\":\"data:a,\\\"b\"}}]}]}");
}

static void
test_nothing_to_say(void)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct call call = call_to("http://h");
	struct wire_request rq;

	call.n_messages = 0;
	CU_ASSERT_EQUAL(build(a, &call, &rq), E_INVALID_REQUEST);
	call = call_to("http://h");
	call.model = NULL;
	CU_ASSERT_EQUAL(build(a, &call, &rq), E_INVALID_REQUEST);
	arena_free(a);
}

static CU_TestInfo request_tests[] = {
	{ "joins the URL", test_url },
	{ "sends the headers, and none that breaks its line", test_headers },
	{ "writes the body", test_body },
	{ "writes files", test_body_files },
	{ "names the longest answer as its reader does", test_max_tokens },
	{ "writes calls, results and thoughts", test_calls_and_results },
	{ "writes tools", test_tools },
	{ "writes what each host understands", test_how },
	{ "writes formats", test_format },
	{ "writes data", test_data },
	{ "refuses to say nothing", test_nothing_to_say },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "request", NULL, NULL, NULL, NULL, request_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
