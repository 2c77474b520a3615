/*
 * Anthropic's wire: requests byte for byte, transcripts in every slicing, and what
 * each error means to the engine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "house/wires.h"
#include "wire/anthropic/anthropic.h"
#define NOTE_DONE "D"
#include "wire_test.h"

/* ---- requests ---------------------------------------------------------------- */

/* clang-format off */
#define SEALED(said, seal) \
	{ .kind = ASK_THINKING, .text = (said), .signature = (seal) }
#define CALLS(which, what, with) \
	{ .kind = ASK_CALL, .id = (which), .name = (what), .text = (with) }
#define ANSWERS(which, said) \
	{ .kind = ASK_RESULT, .id = (which), .text = (said) }
/* clang-format on */

static const struct ask_message hello[] = { SAYS("user", SAID("Hi")) };

static struct ask
ask_of(const struct ask_message *messages, size_t n)
{
	return (struct ask){ .op = OP_CHAT, .chat = { ASK_CHAT_PLAIN, .messages = messages, .n_messages = n } };
}

static struct wire_target
target(const char *model, int64_t max_tokens)
{
	return (struct wire_target){ .base_url = "http://h", .model = model, .max_output_tokens = max_tokens };
}

static enum status
build(struct arena *a, const struct ask *ask, const struct wire_target *to, struct wire_request *rq)
{
	const struct endpoint *e = wire_endpoint(&wire_anthropic, OP_CHAT);
	struct wire_body body;
	enum status st = e->body(a, ask, to->stream, &body);

	return st == OK ? e->head(a, to, &body, rq) : st;
}

static void
test_url(void)
{
	static const struct {
		const char *base, *url;
	} rows[] = {
		{ "https://api.anthropic.com", "https://api.anthropic.com/v1/messages" },
		{ "https://api.anthropic.com/", "https://api.anthropic.com/v1/messages" },
		{ "https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages" },
		{ "https://api.anthropic.com/v1//", "https://api.anthropic.com/v1/messages" },
		{ "https://api.anthropic.com/v1/messages", "https://api.anthropic.com/v1/messages" },
		{ "https://api.anthropic.com/v1/messages/?beta=true",
		    "https://api.anthropic.com/v1/messages?beta=true" },
		{ "https://api.deepseek.com/anthropic", "https://api.deepseek.com/anthropic/v1/messages" },
		{ "https://host/api/v2/apps/code", "https://host/api/v2/apps/code/v1/messages" },
		{ "https://host/api/v2", "https://host/api/v2/messages" },
		{ "HTTP://[::1]:80//", "HTTP://[::1]:80/v1/messages" },
		{ "https://v1host", "https://v1host/v1/messages" },
		{ "https://messages", "https://messages/v1/messages" },
		{ "https://host/vision", "https://host/vision/v1/messages" },
		{ "https://host/v", "https://host/v/v1/messages" },
		{ "ftp://host/v1", NULL },
		{ "host/v1", NULL },
		{ "https://", NULL },
		{ "https:///v1", NULL },
		{ "https://?x", NULL },
		{ "https://host/\x7f", NULL },
		{ "https://host/v1#part", NULL },
		{ "https://host/v1\r\nX: y", NULL },
		{ "", NULL },
		{ NULL, NULL },
	};
	struct ask ask = ask_of(hello, 1);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1024, 1 << 20);
		struct wire_target to = target("m", 1);
		struct wire_request rq;
		enum status st;

		to.base_url = rows[i].base;
		st = build(a, &ask, &to, &rq);
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
	struct ask ask = ask_of(hello, 1);
	struct wire_target to = target("m", 1);
	struct wire_request rq;

	CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.method, "POST");
	CU_ASSERT_STRING_EQUAL(rq.headers[0], "Content-Type: application/json");
	CU_ASSERT_STRING_EQUAL(rq.headers[1], "Accept: application/json");
	CU_ASSERT_STRING_EQUAL(rq.headers[2], "anthropic-version: 2023-06-01");
	CU_ASSERT_PTR_NULL(rq.headers[3]);
	to.stream = true;
	to.api_key = "sk-1";
	to.traceparent = "00-a-b-01";
	to.task_id = "t-1";
	CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.headers[1], "Accept: text/event-stream");
	CU_ASSERT_STRING_EQUAL(rq.headers[3], "x-api-key: sk-1");
	CU_ASSERT_STRING_EQUAL(rq.headers[4], "traceparent: 00-a-b-01");
	CU_ASSERT_STRING_EQUAL(rq.headers[5], "X-Weir-Task: t-1");
	CU_ASSERT_PTR_NULL(rq.headers[6]);
	for (int i = 0; i < 3; i++) {
		static const char *const evil[] = { "sk\r\nX-Evil: 1", "\x7f", "a\tb" };

		to = target("m", 1);
		to.api_key = evil[i];
		CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), E_INVALID_REQUEST);
		to.api_key = "";
		to.traceparent = evil[i];
		CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), E_INVALID_REQUEST);
		to.traceparent = NULL;
		to.task_id = evil[i];
		CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), E_INVALID_REQUEST);
	}
	arena_free(a);
}

static void
check_to(const struct ask *ask, const struct wire_target *to, const char *body)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct wire_request rq;
	json_t *root;

	CU_ASSERT_EQUAL_FATAL(build(a, ask, to, &rq), OK);
	if (strcmp(rq.body, body) != 0)
		printf("# have %s\n# want %s\n", rq.body, body);
	CU_ASSERT_STRING_EQUAL(rq.body, body);
	CU_ASSERT_EQUAL(rq.body_len, strlen(rq.body));
	root = json_loadb(rq.body, rq.body_len, JSON_REJECT_DUPLICATES, NULL);
	CU_ASSERT_PTR_NOT_NULL(root);
	json_decref(root);
	arena_free(a);
}

#define HEAD "{\"model\":\"m\",\"max_tokens\":4096,"
#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]}]"

static void
check_messages(const struct ask_message *messages, size_t n, const char *rest)
{
	struct ask ask = ask_of(messages, n);
	struct wire_target to = target("m", 0);
	char body[4096];

	snprintf(body, sizeof(body), "%s%s", HEAD, rest);
	check_to(&ask, &to, body);
}

static void
test_turns(void)
{
	const struct ask_message turns[] = {
		SAYS("system", SAID("Be \"brief\"\n"), SAID(" \t")),
		SAYS("user", SAID("\xE4\xBD\xA0"), SAID("")),
		{ .role = "user" },
		SAYS("assistant", SAID(" ")),
		SAYS("user", SAID("b")),
		SAYS("assistant", SAID("c"), { .kind = ASK_THINKING, .text = "unsealed" }),
		SAYS("system", SAID("And kind.")),
		SAYS("assistant", SEALED("hm", "s1"), SEALED("", "redacted:xyz"), SAID("d")),
		SAYS("user", SAID("e")),
	};
	const struct ask_message started[] = { SAYS("assistant", SAID("Well?")), SAYS("user", SAID("a")) };
	const struct ask_message only_system[] = { SAYS("system", SAID("Go.")) };

	check_messages(turns, COUNT(turns),
	    "\"messages\":["
	    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"\xE4\xBD\xA0\"},"
	    "{\"type\":\"text\",\"text\":\"b\"}]},"
	    "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"c\"},"
	    "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s1\"},"
	    "{\"type\":\"redacted_thinking\",\"data\":\"xyz\"},"
	    "{\"type\":\"text\",\"text\":\"d\"}]},"
	    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"e\"}]}],"
	    "\"system\":[{\"type\":\"text\",\"text\":\"Be \\\"brief\\\"\\n\"},"
	    "{\"type\":\"text\",\"text\":\"And kind.\"}]}");
	check_messages(started, COUNT(started),
	    "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\".\"}]},"
	    "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"Well?\"}]},"
	    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}]}");
	check_messages(only_system, COUNT(only_system),
	    "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\".\"}]}],"
	    "\"system\":[{\"type\":\"text\",\"text\":\"Go.\"}]}");
}

static void
test_calls(void)
{
	const struct ask_message turns[] = {
		SAYS("user", SAID("a")),
		SAYS("assistant", SAID("b"), CALLS("toolu_1", "f", "{\"x\": 1}"), CALLS("call.2/", "g", "{\"x\""),
		    CALLS(NULL, "h", ""), CALLS("4", "i", "[1]"), CALLS("5", "j", NULL)),
		SAYS("user", SAID("see"), ANSWERS("call.2/", "r2")),
		SAYS("user", ANSWERS("toolu_1", ""), AT(ASK_IMAGE, "https://x/1")),
		SAYS("tool", { .kind = ASK_RESULT, .text = "no", .is_error = true }),
	};

	check_messages(turns, COUNT(turns),
	    "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]},"
	    "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"b\"},"
	    "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{\"x\": 1}},"
	    "{\"type\":\"tool_use\",\"id\":\"call_2_\",\"name\":\"g\",\"input\":{\"arguments\":\"{\\\"x\\\"\"}},"
	    "{\"type\":\"tool_use\",\"id\":\"toolu_2\",\"name\":\"h\",\"input\":{}},"
	    "{\"type\":\"tool_use\",\"id\":\"4\",\"name\":\"i\",\"input\":{\"arguments\":\"[1]\"}},"
	    "{\"type\":\"tool_use\",\"id\":\"5\",\"name\":\"j\",\"input\":{}}]},"
	    "{\"role\":\"user\",\"content\":["
	    "{\"type\":\"tool_result\",\"tool_use_id\":\"call_2_\",\"content\":\"r2\"},"
	    "{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_1\"},"
	    "{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_2\",\"content\":\"no\",\"is_error\":true},"
	    "{\"type\":\"text\",\"text\":\"see\"},"
	    "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/1\"}}]}]}");
}

static void
test_files(void)
{
	const struct ask_message turns[] = {
		SAYS("user", AT(ASK_IMAGE, "http://x/a?\"b"), AT(ASK_IMAGE, "data:image/png;base64,iVBO+/8="),
		    AT(ASK_IMAGE, "data:image/\"p;base64,"), AT(ASK_FILE, "data:application/pdf;base64,JVBE"),
		    { .kind = ASK_FILE, .url = "https://x/f.pdf", .name = "f \"1\"" }),
	};
	const struct ask_message unsayable[] = {
		SAYS("user", AT(ASK_VIDEO, "https://x/v")),
		SAYS("user", AT(ASK_AUDIO, "https://x/a")),
		SAYS("user", AT(ASK_IMAGE, "data:image/png,%89PNG")),
		SAYS("user", AT(ASK_IMAGE, "data:image/png;base64,iV\"},{\"")),
		SAYS("user", AT(ASK_IMAGE, "file:///etc/passwd")),
		SAYS("user", AT(ASK_IMAGE, "data:;base64")),
		SAYS("user", AT(ASK_IMAGE, NULL)),
		SAYS("user", AT(ASK_FILE, "data:text/plain;base64,aGk=")),
		SAYS("user", AT(ASK_FILE, NULL)),
		SAYS("system", AT(ASK_IMAGE, "https://x/a")),
	};

	check_messages(turns, COUNT(turns),
	    "\"messages\":[{\"role\":\"user\",\"content\":["
	    "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"http://x/a?\\\"b\"}},"
	    "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"iVBO+/8=\"}},"
	    "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/\\\"p\",\"data\":\"\"}},"
	    "{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"media_type\":\"application/pdf\","
	    "\"data\":\"JVBE\"}},"
	    "{\"type\":\"document\",\"title\":\"f \\\"1\\\"\",\"source\":{\"type\":\"url\","
	    "\"url\":\"https://x/f.pdf\"}}]}]}");
	for (size_t i = 0; i < COUNT(unsayable); i++) {
		struct arena *a = arena_new(1024, 1 << 20);
		struct ask ask = ask_of(&unsayable[i], 1);
		struct wire_target to = target("m", 0);
		struct wire_request rq;

		CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), E_INVALID_REQUEST);
		arena_free(a);
	}
}

static void
test_tools(void)
{
	const struct ask_tool tools[] = {
		{ .name = "f", .description = "does f", .parameters = "{\"type\":\"object\"}", .strict = true },
		{ .name = "g", .description = " " },
		{ .name = "h", .parameters = " {\"properties\":{}} " },
	};
	const struct ask_tool wrong = { .name = "f", .parameters = "[]" };
	struct wire_target to = target("m", 0);
	struct ask ask = ask_of(hello, 1);
	struct arena *a = arena_new(1024, 1 << 20);
	struct wire_request rq;

#define TOOLS \
	",\"tools\":[{\"name\":\"f\",\"description\":\"does f\",\"strict\":true,\"input_schema\":{\"type\":\"object\"}}," \
	"{\"name\":\"g\",\"input_schema\":{\"type\":\"object\"}}," \
	"{\"name\":\"h\",\"input_schema\":{\"type\":\"object\",\"properties\":{}} }]"
	ask.chat.choice = CHOICE_ANY;
	check_to(&ask, &to, HEAD HELLO "}"); /* without tools there is no choice */
	ask.chat.choice = CHOICE_AUTO;
	ask.chat.tools = tools;
	ask.chat.n_tools = COUNT(tools);
	check_to(&ask, &to, HEAD HELLO TOOLS "}");
	ask.chat.one_call = true;
	check_to(
	    &ask, &to, HEAD HELLO TOOLS ",\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true}}");
	ask.chat.choice = CHOICE_NONE;
	check_to(&ask, &to, HEAD HELLO TOOLS ",\"tool_choice\":{\"type\":\"none\"}}");
	ask.chat.one_call = false;
	ask.chat.choice = CHOICE_ANY;
	check_to(&ask, &to, HEAD HELLO TOOLS ",\"tool_choice\":{\"type\":\"any\"}}");
	ask.chat.choice = CHOICE_NAMED;
	ask.chat.choice_name = "g";
	check_to(&ask, &to, HEAD HELLO TOOLS ",\"tool_choice\":{\"type\":\"tool\",\"name\":\"g\"}}");
	ask.chat.tools = &wrong;
	ask.chat.n_tools = 1;
	CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), E_INVALID_REQUEST);
	arena_free(a);
}

static void
test_manner(void)
{
	static const char *const stop[] = { "a\"", "b" };
	struct wire_target to = target("m", 2000);
	struct ask ask = ask_of(hello, 1);

#define HEAD2 "{\"model\":\"m\",\"max_tokens\":2000,"
	ask.chat.temperature = 1.7;
	ask.chat.top_p = 0.5;
	ask.chat.top_k = 7;
	ask.chat.seed = 3;
	ask.chat.stop = stop;
	ask.chat.n_stop = 2;
	ask.chat.user = "u\"";
	to.stream = true;
	check_to(&ask, &to,
	    "{\"model\":\"m\",\"max_tokens\":2000,\"temperature\":1.000,\"top_p\":0.500,\"top_k\":7," HELLO
	    ",\"stop_sequences\":[\"a\\\"\",\"b\"],\"metadata\":{\"user_id\":\"u\\\"\"},\"stream\":true}");
	ask = ask_of(hello, 1);
	to.stream = false;
	ask.chat.temperature = 0;
	ask.chat.top_p = 1.5;
	check_to(&ask, &to, "{\"model\":\"m\",\"max_tokens\":2000,\"temperature\":0.000,\"top_p\":1.000," HELLO "}");
	ask = ask_of(hello, 1);
	ask.chat.format = FORMAT_JSON;
	check_to(&ask, &to,
	    HEAD2 HELLO
	    ",\"system\":[{\"type\":\"text\",\"text\":\"Answer with one JSON object and nothing else.\"}]}");
	ask.chat.format = FORMAT_SCHEMA;
	ask.chat.schema = "{\"type\":\"object\"}";
	check_to(&ask, &to,
	    HEAD2 "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}}," HELLO
		  "}");
}

/* Thought is a budget for some models and an effort for others. */
static void
test_thinking(void)
{
	static const struct {
		const char *model;
		int64_t max_tokens, thinking_tokens;
		enum ask_effort effort;
		const char *says;
	} rows[] = {
		{ "m", 8000, 0, EFFORT_UNSAID, ",\"temperature\":0.200,\"top_p\":0.960,\"top_k\":7," },
		{ "m", 8000, 2000, EFFORT_UNSAID,
		    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000},\"top_p\":0.960," },
		{ "m", 8000, 2000, EFFORT_LOW,
		    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000},\"top_p\":0.960," },
		{ "m", 8000, 1, EFFORT_UNSAID,
		    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024},\"top_p\":0.960," },
		{ "m", 8000, 8000, EFFORT_UNSAID,
		    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":7200},\"top_p\":0.960," },
		{ "m", 1025, 9000, EFFORT_UNSAID,
		    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024},\"top_p\":0.960," },
		{ "m", 1024, 9000, EFFORT_UNSAID, ",\"temperature\":0.200,\"top_p\":0.960,\"top_k\":7," },
		{ "m", 8000, 0, EFFORT_MINIMAL,
		    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024},\"top_p\":0.960," },
		{ "m", 8000, 0, EFFORT_LOW,
		    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1600},\"top_p\":0.960," },
		{ "m", 8000, 0, EFFORT_MEDIUM,
		    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4000},\"top_p\":0.960," },
		{ "m", 8010, 0, EFFORT_HIGH,
		    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":6007},\"top_p\":0.960," },
		{ "m", 0, 0, EFFORT_MAX,
		    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":3686},\"top_p\":0.960," },
		{ "m", 8000, 2000, EFFORT_NONE,
		    ",\"thinking\":{\"type\":\"disabled\"},\"temperature\":0.200,\"top_p\":0.960,\"top_k\":7," },
		{ "claude-opus-4-6", 8000, 2000, EFFORT_UNSAID,
		    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000},\"top_p\":0.960," },
		{ "claude-opus-4-20250514", 8000, 2000, EFFORT_UNSAID,
		    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000},\"top_p\":0.960," },
		{ "claude-3-7-sonnet-20250219", 8000, 2000, EFFORT_UNSAID,
		    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000},\"top_p\":0.960," },
		{ "claude-next", 8000, 2000, EFFORT_UNSAID,
		    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000},\"top_p\":0.960," },
		{ "claude-opus-20250101", 8000, 2000, EFFORT_UNSAID,
		    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000},\"top_p\":0.960," },
		{ "claude-opus-4-7", 8000, 2000, EFFORT_UNSAID,
		    ",\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"}," },
		{ "claude-opus-4-7", 8000, 0, EFFORT_UNSAID, "," },
		{ "claude-opus-4-7", 8000, 9, EFFORT_NONE, "," },
		{ "anthropic.claude-sonnet-5-20260901", 8000, 0, EFFORT_MINIMAL,
		    ",\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
		    "\"output_config\":{\"effort\":\"low\"}," },
		{ "claude-sonnet-5.1", 8000, 0, EFFORT_MEDIUM,
		    ",\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
		    "\"output_config\":{\"effort\":\"medium\"}," },
		{ "claude-opus-4-7", 1000, 0, EFFORT_MAX,
		    ",\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
		    "\"output_config\":{\"effort\":\"max\"}," },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ask ask = ask_of(hello, 1);
		struct wire_target to = target(rows[i].model, rows[i].max_tokens);
		char body[1024];

		ask.chat.temperature = 0.2;
		ask.chat.top_p = 0.96;
		ask.chat.top_k = 7;
		ask.chat.thinking_tokens = rows[i].thinking_tokens;
		ask.chat.effort = rows[i].effort;
		snprintf(body, sizeof(body), "{\"model\":\"%s\",\"max_tokens\":%d%s%s}", rows[i].model,
		    (int)(rows[i].max_tokens > 0 ? rows[i].max_tokens : 4096), rows[i].says, HELLO);
		check_to(&ask, &to, body);
	}
}

/* An effort and a format share their object, whichever of them there is. */
static void
test_effort_and_format(void)
{
	struct ask ask = ask_of(hello, 1);
	struct wire_target to = target("claude-opus-5", 100);

	ask.chat.format = FORMAT_SCHEMA;
	ask.chat.schema = "{}";
	ask.chat.effort = EFFORT_HIGH;
	check_to(&ask, &to,
	    "{\"model\":\"claude-opus-5\",\"max_tokens\":100,"
	    "\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
	    "\"output_config\":{\"effort\":\"high\",\"format\":{\"type\":\"json_schema\",\"schema\":{}}}," HELLO "}");
	ask.chat.effort = EFFORT_UNSAID;
	check_to(&ask, &to,
	    "{\"model\":\"claude-opus-5\",\"max_tokens\":100,"
	    "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{}}}," HELLO "}");
}

static bool
thinks(const struct ask *ask)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct wire_target to = target("m", 8000);
	struct wire_request rq;
	bool found;

	CU_ASSERT_EQUAL_FATAL(build(a, ask, &to, &rq), OK);
	found = strstr(rq.body, "budget_tokens") != NULL;
	arena_free(a);
	return found;
}

/* Where thought is refused, it is not asked for. */
static void
test_may_think(void)
{
	const struct ask_tool tool = { .name = "f" };
	const struct ask_message unsealed[] = { SAYS("user", SAID("a")), SAYS("assistant", CALLS("1", "f", "{}")),
		SAYS("user", ANSWERS("1", "r")) };
	const struct ask_message sealed[] = { SAYS("user", SAID("a")), SAYS("system", SAID("s")),
		SAYS("assistant", SAID(" "), SEALED("", "s"), CALLS("1", "f", "{}")), SAYS("user", ANSWERS("1", "r")) };
	const struct ask_message begun[] = { SAYS("user", SAID("a")), SAYS("assistant", SAID("b")) };
	const struct ask_message plain[] = { SAYS("user", SAID("a")), SAYS("assistant", SAID("b")),
		SAYS("user", SAID("c")) };
	struct ask ask = ask_of(hello, 1);

	ask.chat.effort = EFFORT_HIGH;
	ask.chat.choice = CHOICE_ANY;
	CU_ASSERT_TRUE(thinks(&ask));
	ask.chat.tools = &tool;
	ask.chat.n_tools = 1;
	CU_ASSERT_FALSE(thinks(&ask));
	ask.chat.choice = CHOICE_AUTO;
	CU_ASSERT_TRUE(thinks(&ask));
	ask.chat.messages = unsealed;
	ask.chat.n_messages = COUNT(unsealed);
	CU_ASSERT_FALSE(thinks(&ask));
	ask.chat.messages = sealed;
	ask.chat.n_messages = COUNT(sealed);
	CU_ASSERT_TRUE(thinks(&ask));
	ask.chat.messages = begun;
	ask.chat.n_messages = COUNT(begun);
	CU_ASSERT_FALSE(thinks(&ask));
	ask.chat.messages = plain;
	ask.chat.n_messages = COUNT(plain);
	CU_ASSERT_TRUE(thinks(&ask));
}

static void
test_nothing_to_say(void)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct ask ask = ask_of(hello, 0);
	struct wire_target to = target("m", 0);
	struct wire_request rq;
	char name[WIRE_GAP_BYTES];

	CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), E_INVALID_REQUEST);
	ask = ask_of(hello, 1);
	to.model = NULL;
	CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), E_INVALID_REQUEST);
	memset(name, 'm', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	to.model = name;
	CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), E_INVALID_REQUEST);
	to.model = "m";
	ask.chat.format = FORMAT_SCHEMA;
	CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), E_INVALID_REQUEST);
	ask.chat.schema = "7";
	CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), E_INVALID_REQUEST);
	arena_free(a);
}

/* A body is completed again for each try. */
static void
test_two_candidates(void)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct ask ask = ask_of(hello, 1);
	struct wire_target first = target("a-longer-name-than-the-second-has", 8000),
			   second = target("claude-opus-5", 0);
	struct wire_request rq;
	struct wire_body body;

	ask.chat.effort = EFFORT_MEDIUM;
	CU_ASSERT_EQUAL_FATAL(anthropic_body(a, &ask, false, &body), OK);
	CU_ASSERT_EQUAL_FATAL(anthropic_head(a, &first, &body, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.body,
	    "{\"model\":\"a-longer-name-than-the-second-has\",\"max_tokens\":8000,"
	    "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4000}," HELLO "}");
	CU_ASSERT_EQUAL_FATAL(anthropic_head(a, &second, &body, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.body,
	    "{\"model\":\"claude-opus-5\",\"max_tokens\":4096,"
	    "\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
	    "\"output_config\":{\"effort\":\"medium\"}," HELLO "}");
	arena_free(a);
}

/* ---- answers ----------------------------------------------------------------- */

struct sample {
	const char *what, *in, *events;
};

static void
check_samples(bool stream, const struct sample *samples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(samples[i].in);

		for (size_t slice = 1; slice <= len + 1; slice++) {
			struct buf out = BUF_INIT(0);

			note_answer(&anthropic_parser, stream, samples[i].in, len, slice, &out);
			if (strcmp(buf_str(&out), samples[i].events) != 0) {
				printf("# %s, in slices of %zu: %s\n", samples[i].what, slice, buf_str(&out));
				CU_FAIL("another answer");
				slice = len + 1;
			}
			buf_free(&out);
		}
	}
}

#define EVENT(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define START(usage) \
	EVENT("message_start", \
	    ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[]," \
	    "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":" usage "}")
#define BEGIN(index, block) EVENT("content_block_start", ",\"index\":" index ",\"content_block\":" block)
#define DELTA(index, delta) EVENT("content_block_delta", ",\"index\":" index ",\"delta\":" delta)
#define CLOSE(index) EVENT("content_block_stop", ",\"index\":" index)
#define FINISH(reason, usage) \
	EVENT("message_delta", ",\"delta\":{\"stop_reason\":" reason ",\"stop_sequence\":null},\"usage\":" usage)
#define STOP EVENT("message_stop", "")
#define PING EVENT("ping", "")
#define TEXT_BLOCK(index) BEGIN(index, "{\"type\":\"text\",\"text\":\"\"}")
#define TEXT(index, text) DELTA(index, "{\"type\":\"text_delta\",\"text\":\"" text "\"}")
#define THOUGHT_BLOCK(index) BEGIN(index, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")
#define THOUGHT(index, text) DELTA(index, "{\"type\":\"thinking_delta\",\"thinking\":\"" text "\"}")
#define SEAL(index, text) DELTA(index, "{\"type\":\"signature_delta\",\"signature\":\"" text "\"}")
#define CALL_BLOCK(index, id, name) \
	BEGIN(index, "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name "\",\"input\":{}}")
#define ARGUMENTS(index, text) DELTA(index, "{\"type\":\"input_json_delta\",\"partial_json\":\"" text "\"}")
#define USED "{\"input_tokens\":9,\"output_tokens\":1}"
#define SHORT TEXT_BLOCK("0") TEXT("0", "a")
#define ENDED FINISH("\"end_turn\"", "{\"output_tokens\":2}")

static const struct sample streams[] = {
	{ "a regular answer",
	    START(
		"{\"input_tokens\":9,\"cache_creation_input_tokens\":3,\"cache_read_input_tokens\":5,"
		"\"cache_creation\":{\"ephemeral_5m_input_tokens\":3},\"output_tokens\":1,\"service_tier\":\"standard\"}")
		TEXT_BLOCK("0") PING TEXT("0", "Hel") TEXT("0", "lo") CLOSE("0")
		    FINISH("\"end_turn\"", "{\"output_tokens\":12}") STOP,
	    "U(17,-1,cached 5,written 3)T(Hel)T(lo)F(stop)U(17,12,cached 5,written 3)D." },
	{ "thought under seal",
	    START(USED) THOUGHT_BLOCK("0") THOUGHT("0", "hm") THOUGHT("0", ", so") SEAL("0", "EqQB") SEAL("0", "==")
		CLOSE("0") TEXT_BLOCK("1") TEXT("1", "a") CLOSE("1") FINISH(
		    "\"end_turn\"", "{\"output_tokens\":7,\"output_tokens_details\":{\"thinking_tokens\":5}}") STOP,
	    "U(9,-1)R(hm)R(, so)S(EqQB==)T(a)F(stop)U(9,7,thought 5)D." },
	{ "thought that is not shown",
	    THOUGHT_BLOCK("0") SEAL("0", "Eq") CLOSE("0")
		BEGIN("1", "{\"type\":\"redacted_thinking\",\"data\":\"abc\"}") CLOSE("1") SHORT ENDED STOP,
	    "S(Eq)S(redacted:abc)T(a)F(stop)U(-1,2)D." },
	{ "calls",
	    SHORT CLOSE("0") CALL_BLOCK("1", "toolu_1", "f") ARGUMENTS("1", "") ARGUMENTS("1", "{\\\"x\\\": ")
		ARGUMENTS("1", "1}") CLOSE("1") CALL_BLOCK("2", "toolu_2", "g") ARGUMENTS("2", "") CLOSE("2")
		    FINISH("\"tool_use\"", "{\"output_tokens\":2}") STOP,
	    "T(a)C(0,toolu_1,f,)C(0,-,-,{\"x\": )C(0,-,-,1})C(1,toolu_2,g,)C(1,-,-,{})F(calls)U(-1,2)D." },
	{ "a call with its arguments at once",
	    BEGIN("0", "{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\",\"input\":{\"x\":\"\\u00e9\"}}")
		FINISH("\"tool_use\"", "{}") STOP,
	    "C(0,1,f,)C(0,-,-,{\"x\":\"\\u00e9\"})F(calls)D." },
	{ "a call without an end", CALL_BLOCK("0", "1", "f") STOP, "C(0,1,f,)C(0,-,-,{})D." },
	{ "a call that is cut", CALL_BLOCK("0", "1", "f") ARGUMENTS("0", "{\\\"x"), "C(0,1,f,)C(0,-,-,{\"x)!" },
	{ "a call of nothing", BEGIN("0", "{\"type\":\"tool_use\"}") ENDED, "C(0,,,)C(0,-,-,{})F(stop)U(-1,2)." },
	{ "what the provider calls itself",
	    BEGIN("0", "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}}")
		ARGUMENTS("0", "{}") CLOSE("0") BEGIN("1", "{\"type\":\"web_search_tool_result\",\"content\":[]}")
		    CLOSE("1") TEXT_BLOCK("2") TEXT("2", "a") DELTA("2",
			"{\"type\":\"citations_delta\",\"citation\":{\"type\":\"x\",\"cited_text\":\"y\"}}") ENDED STOP,
	    "T(a)F(stop)U(-1,2)D." },
	{ "usage of gateways",
	    START("{\"input_tokens\":0,\"output_tokens\":0}")
		SHORT FINISH("\"end_turn\"", "{\"input_tokens\":9,\"output_tokens\":2,\"cache_read_input_tokens\":4}"),
	    "U(0,-1)T(a)F(stop)U(13,2,cached 4)." },
	{ "usage that forgets", START(USED) SHORT FINISH("\"end_turn\"", "{\"input_tokens\":0,\"output_tokens\":2}"),
	    "U(9,-1)T(a)F(stop)U(9,2)." },
	{ "usage of no numbers", FINISH("\"end_turn\"", "{\"input_tokens\":-1,\"output_tokens\":\"2\"}"), "F(stop)." },
	{ "usage of much too much", FINISH("\"end_turn\"", "{\"output_tokens\":99999999999}"), "F(stop)." },

	/* why it stopped */
	{ "max_tokens", SHORT FINISH("\"max_tokens\"", "{}") STOP, "T(a)F(length)D." },
	{ "the window", SHORT FINISH("\"model_context_window_exceeded\"", "{}") STOP, "T(a)F(length)D." },
	{ "a stop sequence", SHORT FINISH("\"stop_sequence\"", "{}") STOP, "T(a)F(stop)D." },
	{ "a refusal", SHORT FINISH("\"refusal\"", "{}") STOP, "T(a)F(filtered)D." },
	{ "a pause", SHORT FINISH("\"pause_turn\"", "{}") STOP, "T(a)F(other)D." },
	{ "a word of another wire", SHORT FINISH("\"LENGTH\"", "{}") STOP, "T(a)F(length)D." },
	{ "an unknown word", SHORT FINISH("\"tired\"", "{}") STOP, "T(a)X(upstream_failed,1,1)!" },
	{ "no reason", SHORT FINISH("null", "{}") FINISH("\"\"", "{}"), "T(a)!" },
	{ "two reasons", SHORT FINISH("\"end_turn\"", "{}") FINISH("\"max_tokens\"", "{}") STOP, "T(a)F(stop)D." },
	{ "a refusal after all", SHORT FINISH("\"end_turn\"", "{}") FINISH("\"refusal\"", "{}") STOP,
	    "T(a)F(stop)F(filtered)D." },

	/* complete when it says so */
	{ "no message_stop", SHORT ENDED, "T(a)F(stop)U(-1,2)." },
	{ "no reason, but message_stop", SHORT STOP, "T(a)D." },
	{ "message_stop without a blank line", SHORT "event: message_stop\ndata: {\"type\":\"message_stop\"}",
	    "T(a)D." },
	{ "names of events, and no types", SHORT "event: message_stop\ndata: {}\n\n", "T(a)D." },
	{ "types, and no names of events",
	    "data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"text\",\"text\":\"a\"}}\n\n"
	    "data: {\"type\":\"message_stop\"}\n\n",
	    "T(a)D." },
	{ "what follows the end", SHORT STOP "data: {broken\n\n<html>", "T(a)D." },
	{ "cut after a delta", START(USED) SHORT, "U(9,-1)T(a)!" },
	{ "cut in an event", SHORT "event: message_stop\ndata: {\"ty", "T(a)!" },
	{ "cut in the first word", "eve", "!" },
	{ "nothing at all", "", "!" },
	{ "blanks", " \n\n", "!" },
	{ "garbage after the finish", SHORT ENDED "data: {]\n\n\xff\n\n" TEXT("0", "\xff"), "T(a)F(stop)U(-1,2)." },
	{ "an error after the finish", SHORT ENDED "event: error\ndata: late\n\n", "T(a)F(stop)U(-1,2)." },
	{ "an error after a finish of nothing", FINISH("\"end_turn\"", "{}") "event: error\ndata: late\n\n",
	    "F(stop)X(upstream_failed,1,1)!" },
	{ "the filter after the finish",
	    SHORT ENDED EVENT("error",
		",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"blocked by content filtering policy\"}"),
	    "T(a)F(stop)U(-1,2)X(content_violation,0,0)!" },
	{ "the end of another wire", SHORT "data: [DONE]\n\n", "T(a)!" },
	{ "the message again",
	    SHORT EVENT("message_stop", ",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}"), "T(a)D." },

	/* failed when it says so */
	{ "overloaded",
	    START(USED) EVENT("error", ",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}"),
	    "U(9,-1)X(upstream_failed,1,1)!" },
	{ "an error without a name",
	    SHORT "data: {\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"no\"}}\n\n",
	    "T(a)X(invalid_request,0,0)!" },
	{ "an error without a type", "data: {\"error\":{\"type\":\"timeout_error\"}}\n\n", "X(upstream_timeout,1,1)!" },
	{ "an error of words", "event: error\ndata: try later\n\n", "X(upstream_failed,1,1)!" },
	{ "an error of nothing", "event: error\ndata:\n\n", "X(upstream_failed,1,1)!" },
	{ "an error that is none", "data: {\"error\":null,\"delta\":{\"text\":\"a\"}}\n\n" STOP, "T(a)D." },
	{ "an event that is no JSON", SHORT "data: [1]\n\n", "T(a)X(upstream_failed,0,1)!" },
	{ "half an event", SHORT "data: {\"type\":\n\n", "T(a)X(upstream_failed,0,1)!" },
	{ "text that is not UTF-8", TEXT("0", "a\xff"), "X(upstream_failed,0,1)!" },
	{ "a seal that is not UTF-8", SEAL("0", "a\xff"), "X(upstream_failed,0,1)!" },
	{ "a name that is not UTF-8", CALL_BLOCK("0", "1", "\xff"), "X(upstream_failed,0,1)!" },
	{ "arguments that are not UTF-8",
	    BEGIN("0", "{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\",\"input\":{\"x\":\"\xff\"}}"),
	    "X(upstream_failed,0,1)!" },

	/* text in all its shapes */
	{ "escapes, Chinese, an emoji", TEXT("0", "\\u4f60\xE5\xA5\xBD\\n\\\"\\ud83d\\ude00") STOP,
	    "T(\xE4\xBD\xA0\xE5\xA5\xBD\n\"\xF0\x9F\x98\x80)D." },
	{ "a NUL is left out", TEXT("0", "a\\u0000b") STOP, "T(ab)D." },
	{ "an emoji over two deltas", TEXT("0", "a\\ud83d") TEXT("0", "\\ude00b") STOP,
	    "T(a)T(\xF0\x9F\x98\x80"
	    "b)D." },
	{ "UTF-8 over three deltas", TEXT("0", "\xE4") TEXT("0", "\xBD") TEXT("0", "\xA0") STOP, "T(\xE4\xBD\xA0)D." },
	{ "UTF-8 of thought", THOUGHT("0", "\xE4\xBD") THOUGHT("0", "\xA0") STOP, "R(\xE4\xBD\xA0)D." },
	{ "UTF-8 of arguments", CALL_BLOCK("0", "1", "f") ARGUMENTS("0", "\xE4\xBD") ARGUMENTS("0", "\xA0") STOP,
	    "C(0,1,f,)C(0,-,-,\xE4\xBD\xA0)D." },
	{ "half of UTF-8 at the end of its block",
	    TEXT_BLOCK("0") TEXT("0", "\xE4\xBD") CLOSE("0") TEXT_BLOCK("1") TEXT("1", "\xA0") STOP,
	    "T(\xEF\xBF\xBD)X(upstream_failed,0,1)!" },
	{ "half an emoji", TEXT("0", "\\ud83d") ENDED, "T(\xEF\xBF\xBD)F(stop)U(-1,2)." },
	{ "escapes at the end that are whole", TEXT("0", "a\\u00e9") TEXT("0", "\\ud7ff") TEXT("0", "\\nude00") STOP,
	    "T(a\xC3\xA9)T(\xED\x9F\xBF)T(\nude00)D." },
	{ "half an emoji behind a backslash", TEXT("0", "\\\\\\ud83d") TEXT("0", "\\ude00") STOP,
	    "T(\\)T(\xF0\x9F\x98\x80)D." },
	{ "bytes that begin nothing", TEXT("0", "\xC0"), "X(upstream_failed,0,1)!" },
	{ "what only looks like half an emoji", TEXT("0", "\\\\ud83d") STOP, "T(\\ud83d)D." },
	{ "thought in a block of text", TEXT_BLOCK("0") THOUGHT("0", "hm") TEXT("0", "a") STOP, "R(hm)T(a)D." },
	{ "text as the block begins", BEGIN("0", "{\"type\":\"text\",\"text\":\"a\"}") STOP, "T(a)D." },
	{ "a block that nobody closed", THOUGHT_BLOCK("0") SEAL("0", "s") TEXT_BLOCK("1") TEXT("1", "a") STOP,
	    "S(s)T(a)D." },
	{ "message_start twice", START(USED) START(USED) SHORT STOP, "U(9,-1)U(9,-1)T(a)D." },

	/* what means nothing */
	{ "keep-alives", ": x\n\ndata:\n\ndata: null\n\ndata: : y\n\n" PING SHORT STOP, "T(a)D." },
	{ "CRLF and no space", "event:content_block_delta\r\ndata:{\"delta\":{\"text\":\"a\"}}\r\n\r\n", "T(a)!" },
	{ "events to come", EVENT("weather", ",\"rain\":true") SHORT STOP, "T(a)D." },
	{ "strange types",
	    "data: {\"type\":7,\"delta\":[],\"content_block\":7,\"message\":\"m\",\"usage\":7,\"content\":{},"
	    "\"stop_reason\":{}}\n\ndata: {\"delta\":{\"text\":7,\"input\":7}}\n\n"
	    "data: {\"usage\":{\"input_tokens\":1,\"output_tokens_details\":7}}\n\n" STOP,
	    "U(1,-1)D." },

	/* something else than a stream */
	{ "a whole message",
	    "\n {\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}],\"stop_reason\":\"end_turn\","
	    "\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}\n",
	    "T(a)F(stop)U(1,2)D." },
	{ "half a message", "{\"content\":[{\"type\":\"te", "X(upstream_failed,1,1)!" },
	{ "an error instead", "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":\"no\"}}",
	    "X(upstream_failed,0,1)!" },
	{ "something else", "{\"detail\":\"no\"}", "X(upstream_failed,0,1)!" },
	{ "a page", "<html>\n<body>Busy</body>", "X(upstream_failed,0,1)!" },
	{ "a page of another system", "<html>\r\n", "X(upstream_failed,0,1)!" },
	{ "a page without an end", "\xEF\xBB\xBF\n<html", "X(upstream_failed,0,1)!" },
	{ "words instead", "Service Unavailable\nTry again\n", "X(upstream_failed,0,1)!" },
};

static void
test_streams(void)
{
	check_samples(true, streams, COUNT(streams));
}

#define BODY(content, reason, usage) \
	"{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":" content \
	",\"stop_reason\":" reason ",\"stop_sequence\":null,\"usage\":" usage "}"

static const struct sample bodies[] = {
	{ "a regular answer",
	    BODY("[{\"type\":\"text\",\"text\":\"Hello\",\"citations\":null}]", "\"end_turn\"",
		"{\"input_tokens\":9,\"cache_read_input_tokens\":1,\"output_tokens\":2}"),
	    "T(Hello)F(stop)U(10,2,cached 1)D." },
	{ "everything",
	    BODY("[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"},"
		 "{\"type\":\"redacted_thinking\",\"data\":\"d\"},{\"type\":\"text\",\"text\":\"a\"},"
		 "{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\",\"input\":{\"x\": [1]}},"
		 "{\"type\":\"tool_use\",\"id\":\"2\",\"name\":\"g\",\"input\":{}},7]",
		"\"tool_use\"", "{\"input_tokens\":9,\"output_tokens\":2}"),
	    "R(hm)S(s)S(redacted:d)T(a)C(0,1,f,)C(0,-,-,{\"x\": [1]})C(1,2,g,)C(1,-,-,{})F(calls)U(9,2)D." },
	{ "nothing said", BODY("[]", "\"end_turn\"", "{}"), "F(stop)D." },
	{ "without a reason", BODY("[{\"type\":\"text\",\"text\":\"a\"}]", "null", "null"), "T(a)!" },
	{ "an unknown reason", BODY("[{\"type\":\"text\",\"text\":\"a\"}]", "\"tired\"", "null"),
	    "T(a)X(upstream_failed,1,1)!" },
	{ "bytes after it", BODY("[{\"type\":\"text\",\"text\":\"a\"}]", "\"refusal\"", "{}") "\n<html>",
	    "T(a)F(filtered)D." },
	{ "text that is not UTF-8", BODY("[{\"type\":\"text\",\"text\":\"a\xff\"}]", "\"end_turn\"", "{}"),
	    "X(upstream_failed,0,1)!" },
	{ "cut", "{\"content\":[{\"te", "X(upstream_failed,1,1)!" },
	{ "empty", "", "X(upstream_failed,1,1)!" },
	{ "a page", "<!doctype html>\n<html>", "X(upstream_failed,0,1)!" },
	{ "a number", "7", "X(upstream_failed,0,1)!" },
	{ "a list", "[]", "X(upstream_failed,1,1)!" },
	{ "an error with status 200", "{\"type\":\"error\",\"error\":{\"type\":\"billing_error\",\"message\":\"no\"}}",
	    "X(upstream_failed,0,1)!" },
	{ "an error of words", "{\"error\":\"busy\"}", "X(upstream_failed,1,1)!" },
};

static void
test_bodies(void)
{
	check_samples(false, bodies, COUNT(bodies));
}

/* A text larger than the parser keeps room for, after which it goes on as before. */
static void
test_large(void)
{
	struct buf in = BUF_INIT(0), out = BUF_INIT(0), want = BUF_INIT(0);

	buf_puts(&in, "data: {\"delta\":{\"text\":\"");
	buf_puts(&want, "T(");
	for (int i = 0; i < 5000; i++) {
		buf_puts(&in, "\\n");
		buf_puts(&want, "\n");
	}
	buf_puts(&in, "\"}}\n\n" TEXT("0", "\\t") STOP);
	buf_puts(&want, ")T(\t)D.");
	note_answer(&anthropic_parser, true, in.data, in.len, 1000, &out);
	CU_ASSERT_STRING_EQUAL(buf_str(&out), buf_str(&want));
	buf_free(&in);
	buf_free(&out);
	buf_free(&want);
}

/* Fed the same again and again: it must end, and hold little. */
static void
check_endless(const char *first, const char *again, const char *end)
{
	void *parser = anthropic_parser.start(true, 4096);
	struct buf out = BUF_INIT(0);
	bool ok = anthropic_parser.feed(parser, first, strlen(first), note, &out);

	for (int i = 0; i < 100000 && ok; i++)
		ok = anthropic_parser.feed(parser, again, strlen(again), note, &out);
	CU_ASSERT_FALSE(ok);
	CU_ASSERT_FALSE(anthropic_parser.end(parser, note, &out));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out), end));
	buf_free(&out);
	anthropic_parser.free(parser);
}

static void
test_endless(void)
{
	check_endless("data: {\"delta\":", " ", "X(upstream_failed,0,1)");
	check_endless("{\"content\":", " ", "X(upstream_failed,0,1)");
	check_endless(THOUGHT_BLOCK("0"), SEAL("0", "a long seal, again and again"), "X(upstream_failed,0,1)");
	check_endless("<", "html", "X(upstream_failed,0,1)");
	anthropic_parser.free(NULL);
}

/* ---- failures ---------------------------------------------------------------- */

static void
test_failures(void)
{
	static const struct {
		int http_status;
		const char *retry_after, *body;
		enum status status;
		bool retryable, next_channel;
		int64_t retry_after_ms;
		const char *detail;
	} rows[] = {
#define ERROR_BODY(type, message) \
	"{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" message "\"},\"request_id\":\"req_1\"}"
		{ 400, NULL, ERROR_BODY("invalid_request_error", "messages: roles must alternate"), E_INVALID_REQUEST,
		    false, false, 0, "HTTP 400 invalid_request_error: messages: roles must alternate" },
		{ 400, NULL, ERROR_BODY("invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"),
		    E_TOO_LARGE, false, false, 0,
		    "HTTP 400 invalid_request_error: prompt is too long: 208310 tokens > 200000 maximum" },
		{ 400, NULL,
		    ERROR_BODY("invalid_request_error",
			"input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000"),
		    E_TOO_LARGE, false, false, 0, NULL },
		{ 400, NULL,
		    ERROR_BODY("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
		    E_UPSTREAM_FAILED, false, true, 0, NULL },
		{ 400, NULL, ERROR_BODY("invalid_request_error", "You have reached your specified API usage limits."),
		    E_UPSTREAM_FAILED, false, true, 0, NULL },
		{ 400, NULL, ERROR_BODY("invalid_request_error", "Output blocked by content filtering policy"),
		    E_CONTENT_VIOLATION, false, false, 0, NULL },
		{ 401, NULL, ERROR_BODY("authentication_error", "invalid x-api-key sk-ant-1"), E_UPSTREAM_FAILED, false,
		    true, 0, "HTTP 401 authentication_error" },
		{ 402, NULL, ERROR_BODY("billing_error", "pay"), E_UPSTREAM_FAILED, false, true, 0,
		    "HTTP 402 billing_error: pay" },
		{ 403, NULL, ERROR_BODY("permission_error", "no"), E_UPSTREAM_FAILED, false, true, 0,
		    "HTTP 403 permission_error" },
		{ 404, NULL, ERROR_BODY("not_found_error", "model: m"), E_UPSTREAM_FAILED, false, true, 0, NULL },
		{ 408, NULL, "", E_UPSTREAM_TIMEOUT, true, true, 0, "HTTP 408" },
		{ 409, NULL, "", E_UPSTREAM_FAILED, true, true, 0, NULL },
		{ 413, NULL, "<html>413 Request Entity Too Large</html>", E_TOO_LARGE, false, false, 0, "HTTP 413" },
		{ 425, NULL, "", E_UPSTREAM_FAILED, true, true, 0, NULL },
		{ 422, NULL, "{\"detail\":[]}", E_INVALID_REQUEST, false, false, 0, "HTTP 422" },
		{ 429, "7", ERROR_BODY("rate_limit_error", "slow down"), E_UPSTREAM_FAILED, true, true, 7000, NULL },
		{ 429, NULL,
		    "{\"error\":{\"type\":\"rate_limit_error\",\"message\":\"no\","
		    "\"details\":{\"error_code\":\"enforced_spend_limit_reached\"}}}",
		    E_UPSTREAM_FAILED, false, true, 0, NULL },
		{ 500, "0.5 ", ERROR_BODY("api_error", "usage limits of ours"), E_UPSTREAM_FAILED, true, true, 500,
		    NULL },
		{ 501, NULL, "", E_UPSTREAM_FAILED, false, true, 0, NULL },
		{ 503, "9999999", "busy", E_UPSTREAM_FAILED, true, true, 86400000, "HTTP 503" },
		{ 504, "soon", ERROR_BODY("timeout_error", ""), E_UPSTREAM_TIMEOUT, true, true, 0,
		    "HTTP 504 timeout_error" },
		{ 529, "1 week", ERROR_BODY("overloaded_error", "Overloaded"), E_UPSTREAM_FAILED, true, true, 0,
		    "HTTP 529 overloaded_error: Overloaded" },
		{ 301, NULL, "", E_UPSTREAM_FAILED, false, true, 0, NULL },
		{ 700, NULL, "", E_UPSTREAM_FAILED, false, true, 0, NULL },
		{ 400, NULL, "{\"error\":\"a\\n\xE4\xBD\xA0\"}", E_INVALID_REQUEST, false, false, 0,
		    "HTTP 400: a \xE4\xBD\xA0" },
		{ 400, NULL, "{\"message\":\"top\"}", E_INVALID_REQUEST, false, false, 0, "HTTP 400: top" },
		{ 400, NULL, NULL, E_INVALID_REQUEST, false, false, 0, "HTTP 400" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wire_failure f;

		wire_anthropic.failure(rows[i].http_status, rows[i].retry_after, rows[i].body,
		    rows[i].body == NULL ? 0 : strlen(rows[i].body), &f);
		CU_ASSERT_EQUAL(f.status, rows[i].status);
		CU_ASSERT_EQUAL(f.retryable, rows[i].retryable);
		CU_ASSERT_EQUAL(f.next_channel, rows[i].next_channel);
		CU_ASSERT_EQUAL(f.retry_after_ms, rows[i].retry_after_ms);
		if (rows[i].detail != NULL)
			CU_ASSERT_STRING_EQUAL(f.detail, rows[i].detail);
	}
}

static void
keep_detail(void *arg, const struct wire_event *e)
{
	if (e->kind == WIRE_FAILURE)
		memcpy(arg, e->failure.detail, sizeof(e->failure.detail));
}

/* What the log says of an answer that is none. */
static void
test_words(void)
{
	static const struct {
		const char *in, *detail;
	} rows[] = {
		{ "\n<html><head>\tBusy\n</head>", "no answer, but: <html><head> Busy" },
		{ "Bad \xff gateway\r\n\r\n", "no answer, but: Bad ? gateway" },
		{ FINISH("\"network_error\"", "{}"), "stop_reason network_error" },
		{ "event: error\ndata: try later\n\n", "HTTP 500: try later" },
		{ "data: {\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}\n\n",
		    "HTTP 529 overloaded_error: m" },
		{ "{\"type\":\"error\",\"error\":{\"type\":\"permission_error\",\"message\":\"secret\"}}",
		    "HTTP 403 permission_error" },
		{ "{\"detail\":\"no\"}", "no answer, but: {\"detail\":\"no\"}" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		void *parser = anthropic_parser.start(true, CAP);
		char detail[sizeof((struct wire_failure){ 0 }.detail)] = "";

		if (anthropic_parser.feed(parser, rows[i].in, strlen(rows[i].in), keep_detail, detail))
			CU_ASSERT_FALSE(anthropic_parser.end(parser, keep_detail, detail));
		CU_ASSERT_STRING_EQUAL(detail, rows[i].detail);
		anthropic_parser.free(parser);
	}
}

static void
test_registry(void)
{
	wires_register(wires_all());
	CU_ASSERT_PTR_EQUAL(wire_find("anthropic"), &wire_anthropic);
}

static CU_TestInfo request_tests[] = {
	{ "joins the URL", test_url },
	{ "sends the headers, and none that breaks its line", test_headers },
	{ "merges turns and gathers system texts", test_turns },
	{ "writes calls and their results", test_calls },
	{ "writes images and documents, and refuses what it cannot say", test_files },
	{ "writes tools and the choice among them", test_tools },
	{ "writes how to answer", test_manner },
	{ "asks each model for thought in its way", test_thinking },
	{ "joins effort and format", test_effort_and_format },
	{ "asks for no thought where it is refused", test_may_think },
	{ "refuses to say nothing", test_nothing_to_say },
	{ "completes a body for one candidate after the other", test_two_candidates },
	CU_TEST_INFO_NULL,
};

static CU_TestInfo answer_tests[] = {
	{ "reads streams in every slicing", test_streams },
	{ "reads whole answers in every slicing", test_bodies },
	{ "reads a large text", test_large },
	{ "gives up on an endless answer", test_endless },
	CU_TEST_INFO_NULL,
};

static CU_TestInfo failure_tests[] = {
	{ "understands statuses and error bodies", test_failures },
	{ "repeats the provider's words", test_words },
	{ "is found by its name", test_registry },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "request", NULL, NULL, NULL, NULL, request_tests },
	{ "answer", NULL, NULL, NULL, NULL, answer_tests },
	{ "failure", NULL, NULL, NULL, NULL, failure_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
