/* Gemini's wire: requests byte for byte, transcripts in every slicing, and what each error means. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "house/wires.h"
#include "wire/gemini/gemini.h"
#include "wire_test.h"

/* ---- requests ---------------------------------------------------------------- */

static const struct ask_message hello[] = { SAYS("user", SAID("Hi")) };

static struct ask
ask_of(const struct ask_message *messages, size_t n)
{
	return (struct ask){ .op = OP_CHAT, .chat = { ASK_CHAT_PLAIN, .messages = messages, .n_messages = n } };
}

static struct wire_target
target_of(const char *base_url, const char *model)
{
	return (struct wire_target){ .base_url = base_url, .model = model, .stream = true };
}

static enum status
build(struct arena *a, const struct ask *ask, const struct wire_target *to, struct wire_request *rq)
{
	const struct endpoint *e = wire_endpoint(&wire_gemini, OP_CHAT);
	struct wire_body body;
	enum status st = e->body(a, ask, to->stream, &body);

	return st == OK ? e->head(a, to, &body, rq) : st;
}

static void
test_url(void)
{
	static const struct {
		const char *base, *model, *url;
	} rows[] = {
		{ "https://h", "m", "https://h/v1beta/models/m:streamGenerateContent?alt=sse" },
		{ "https://h///", "m", "https://h/v1beta/models/m:streamGenerateContent?alt=sse" },
		{ "https://h/v1beta", "m", "https://h/v1beta/models/m:streamGenerateContent?alt=sse" },
		{ "https://h/v1beta/", "models/m", "https://h/v1beta/models/m:streamGenerateContent?alt=sse" },
		{ "https://h/v1", "m", "https://h/v1/models/m:streamGenerateContent?alt=sse" },
		{ "HTTP://[::1]:80/gemini/", "m",
		    "HTTP://[::1]:80/gemini/v1beta/models/m:streamGenerateContent?alt=sse" },
		{ "https://h/v1/projects/p/locations/l/publishers/google", "m",
		    "https://h/v1/projects/p/locations/l/publishers/google/models/m:streamGenerateContent?alt=sse" },
		{ "https://h/?key=k", "m", "https://h/v1beta/models/m:streamGenerateContent?alt=sse&key=k" },
		{ "https://h?", "m", "https://h/v1beta/models/m:streamGenerateContent?alt=sse" },
		{ "https://v1host", "a/b ?#%\xE4:x",
		    "https://v1host/v1beta/models/a%2Fb%20%3F%23%25%E4%3Ax:streamGenerateContent?alt=sse" },
		{ "https://h", "tunedModels/t-1", "https://h/v1beta/tunedModels/t-1:streamGenerateContent?alt=sse" },
		{ "https://h", "", NULL },
		{ "https://h", NULL, NULL },
		{ "ftp://h", "m", NULL },
		{ "https://", "m", NULL },
		{ "https:///v1", "m", NULL },
		{ "https://?x", "m", NULL },
		{ "https://h/v1#part", "m", NULL },
		{ "https://h\r\nX: y", "m", NULL },
		{ "", "m", NULL },
		{ NULL, "m", NULL },
	};
	struct ask ask = ask_of(hello, 1);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1024, 1 << 20);
		struct wire_target to = target_of(rows[i].base, rows[i].model);
		struct wire_request rq = { .url = NULL };

		CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), rows[i].url == NULL ? E_INVALID_REQUEST : OK);
		if (rows[i].url != NULL && rq.url != NULL)
			CU_ASSERT_STRING_EQUAL(rq.url, rows[i].url);
		arena_free(a);
	}
}

static void
test_headers(void)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct ask ask = ask_of(hello, 1);
	struct wire_target to = target_of("http://h?a=b", "m");
	struct wire_request rq;

	CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.method, "POST");
	CU_ASSERT_STRING_EQUAL(rq.headers[0], "Content-Type: application/json");
	CU_ASSERT_STRING_EQUAL(rq.headers[1], "Accept: text/event-stream");
	CU_ASSERT_PTR_NULL(rq.headers[2]);
	to.stream = false;
	to.api_key = "AIza1";
	to.traceparent = "00-a-b-01";
	to.task_id = "t-1";
	CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.url, "http://h/v1beta/models/m:generateContent?a=b");
	CU_ASSERT_STRING_EQUAL(rq.headers[1], "Accept: application/json");
	CU_ASSERT_STRING_EQUAL(rq.headers[2], "x-goog-api-key: AIza1");
	CU_ASSERT_STRING_EQUAL(rq.headers[3], "traceparent: 00-a-b-01");
	CU_ASSERT_STRING_EQUAL(rq.headers[4], "X-Weir-Task: t-1");
	CU_ASSERT_PTR_NULL(rq.headers[5]);
	to.task_id = "a\r\nX-Evil: 1";
	CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), E_INVALID_REQUEST);
	to.task_id = NULL;
	to.traceparent = "\x7f";
	CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), E_INVALID_REQUEST);
	to.traceparent = NULL;
	to.api_key = "a\nb";
	CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), E_INVALID_REQUEST);
	arena_free(a);
}

static void
check_ask(const struct ask *ask, const struct wire_target *to, const char *body)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct wire_request rq;
	json_t *root;

	CU_ASSERT_EQUAL_FATAL(build(a, ask, to, &rq), OK);
	CU_ASSERT_EQUAL(rq.body_len, strlen(rq.body));
	root = json_loadb(rq.body, rq.body_len, JSON_REJECT_DUPLICATES, NULL);
	CU_ASSERT_PTR_NOT_NULL(root);
	json_decref(root);
	if (strcmp(rq.body, body) != 0)
		printf("# %s\n# %s\n", rq.body, body);
	CU_ASSERT_STRING_EQUAL(rq.body, body);
	arena_free(a);
}

#define CONFIG(config) "{\"generationConfig\":{" config "},"
#define HELLO "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Hi\"}]}]}"

static void
test_config(void)
{
	static const char *const stop[] = { "END", "\"" };
	struct wire_target to = target_of("http://h", "m");
	struct ask ask = ask_of(hello, 1);

	check_ask(&ask, &to, CONFIG("") HELLO);
	to.max_output_tokens = 100;
	check_ask(&ask, &to, CONFIG("\"maxOutputTokens\":100") HELLO);
	ask.chat.temperature = 0;
	check_ask(&ask, &to, CONFIG("\"maxOutputTokens\":100,\"temperature\":0") HELLO);
	to.max_output_tokens = 0;
	ask.chat.temperature = 0.7;
	ask.chat.top_p = 0.95;
	ask.chat.top_k = 40;
	ask.chat.seed = 0x100000001;
	ask.chat.stop = stop;
	ask.chat.n_stop = 2;
	ask.chat.format = FORMAT_SCHEMA;
	ask.chat.schema = "{\"type\":\"object\"}";
	check_ask(&ask, &to,
	    CONFIG("\"temperature\":0.7,\"topP\":0.95,\"topK\":40,\"seed\":1,\"stopSequences\":[\"END\",\"\\\"\"],"
		   "\"responseMimeType\":\"application/json\",\"responseJsonSchema\":{\"type\":\"object\"}") HELLO);
	ask = ask_of(hello, 1);
	ask.chat.format = FORMAT_JSON;
	check_ask(&ask, &to, CONFIG("\"responseMimeType\":\"application/json\"") HELLO);
}

/* The same body for candidates one after the other, as the engine tries them. */
static void
test_candidates(void)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct ask ask = ask_of(hello, 1);
	struct wire_target to = target_of("http://h", "gemini-2.5-flash");
	struct wire_request rq;
	struct wire_body body;

	ask.chat.effort = EFFORT_HIGH;
	CU_ASSERT_EQUAL(gemini_chat_body(a, &ask, true, &body), OK);
	to.max_output_tokens = 1000000;
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(gemini_chat_head(a, &to, &body, &rq), OK);
		CU_ASSERT_STRING_EQUAL(rq.body,
		    CONFIG("\"maxOutputTokens\":1000000,\"thinkingConfig\":{\"includeThoughts\":true,"
			   "\"thinkingBudget\":24576}") HELLO);
	}
	to.model = "gemini-2.0-flash";
	to.max_output_tokens = 0;
	CU_ASSERT_EQUAL(gemini_chat_head(a, &to, &body, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.body, CONFIG("") HELLO);
	arena_free(a);
}

static void
test_thinking(void)
{
	static const struct {
		const char *model;
		enum ask_effort effort;
		int64_t tokens;
		const char *config;
	} rows[] = {
		{ "gemini-2.5-flash", EFFORT_UNSAID, 0, NULL },
		{ "gemini-2.5-flash", EFFORT_NONE, 0, "\"thinkingBudget\":0" },
		{ "gemini-2.5-pro", EFFORT_NONE, 0, "\"thinkingBudget\":128" },
		{ "gemini-3-pro-preview", EFFORT_NONE, 0, "\"thinkingLevel\":\"low\"" },
		{ "gemini-3-flash", EFFORT_NONE, 5000, "\"thinkingLevel\":\"minimal\"" },
		{ "gemini-2.5-flash", EFFORT_MEDIUM, 0, "\"includeThoughts\":true,\"thinkingBudget\":8192" },
		{ "gemini-2.5-pro", EFFORT_MAX, 0, "\"includeThoughts\":true,\"thinkingBudget\":32768" },
		{ "gemini-2.5-flash-lite", EFFORT_UNSAID, 100, "\"includeThoughts\":true,\"thinkingBudget\":512" },
		{ "gemini-2.5-flash", EFFORT_LOW, 100, "\"includeThoughts\":true,\"thinkingBudget\":100" },
		{ "gemini-2.5-flash", EFFORT_UNSAID, 99999, "\"includeThoughts\":true,\"thinkingBudget\":24576" },
		{ "gemini-3-pro", EFFORT_MEDIUM, 0, "\"includeThoughts\":true,\"thinkingLevel\":\"high\"" },
		{ "gemini-3.1-pro", EFFORT_MEDIUM, 0, "\"includeThoughts\":true,\"thinkingLevel\":\"medium\"" },
		{ "gemini-3-flash", EFFORT_MINIMAL, 0, "\"includeThoughts\":true,\"thinkingLevel\":\"minimal\"" },
		{ "gemini-3-flash", EFFORT_LOW, 0, "\"includeThoughts\":true,\"thinkingLevel\":\"low\"" },
		{ "gemini-3-flash", EFFORT_MAX, 0, "\"includeThoughts\":true,\"thinkingLevel\":\"high\"" },
		{ "gemini-3-flash", EFFORT_UNSAID, 4096, "\"includeThoughts\":true,\"thinkingBudget\":4096" },
		{ "gemini-flash-latest", EFFORT_HIGH, 0, "\"includeThoughts\":true,\"thinkingBudget\":24576" },
		{ "gemini-2.0-flash", EFFORT_HIGH, 0, NULL },
		{ "gemma-3", EFFORT_NONE, 0, NULL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wire_target to = target_of("http://h", rows[i].model);
		struct ask ask = ask_of(hello, 1);
		char body[512];

		ask.chat.effort = rows[i].effort;
		ask.chat.thinking_tokens = rows[i].tokens;
		ask.chat.top_k = 1;
		snprintf(body, sizeof(body),
		    rows[i].config == NULL ? "{\"generationConfig\":{%s\"topK\":1}," HELLO
					   : "{\"generationConfig\":{\"thinkingConfig\":{%s},\"topK\":1}," HELLO,
		    rows[i].config == NULL ? "" : rows[i].config);
		check_ask(&ask, &to, body);
	}
}

static void
test_contents(void)
{
	const struct ask_message turn[] = {
		SAYS("system", SAID("Be \"brief\"\n")),
		SAYS("user", SAID("a"), SAID("")),
		{ .role = "user" },
		SAYS("user", SAID("\xE4\xBD\xA0")),
		SAYS("assistant", { .kind = ASK_THINKING, .text = "foreign" }, SAID("")),
		SAYS("assistant", { .kind = ASK_THINKING, .text = "hm", .signature = "s" }, SAID("b")),
		SAYS("system", SAID("Mind"), SAID("")),
		SAYS("user", SAID("c")),
	};
	struct wire_target to = target_of("http://h", "m");
	struct ask ask = ask_of(turn, COUNT(turn));

	check_ask(&ask, &to,
	    CONFIG("") "\"contents\":["
		       "{\"role\":\"user\",\"parts\":[{\"text\":\"a\"},{\"text\":\"\xE4\xBD\xA0\"}]},"
		       "{\"role\":\"model\",\"parts\":["
		       "{\"thought\":true,\"text\":\"hm\",\"thoughtSignature\":\"s\"},{\"text\":\"b\"}]},"
		       "{\"role\":\"user\",\"parts\":[{\"text\":\"c\"}]}],"
		       "\"systemInstruction\":{\"parts\":[{\"text\":\"Be \\\"brief\\\"\\n\"},{\"text\":\"Mind\"}]}}");
	ask.chat.n_messages = 1; /* who only instructs is taken for the user */
	check_ask(
	    &ask, &to, CONFIG("") "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Be \\\"brief\\\"\\n\"}]}]}");
}

static void
test_files(void)
{
	const struct ask_message turn[] = {
		SAYS("user", AT(ASK_IMAGE, "data:image/png;base64,iVBORw0KGgo="), AT(ASK_IMAGE, "https://x/a.JPG?b=\""),
		    AT(ASK_VIDEO, "https://youtu.be/x"), AT(ASK_AUDIO, "DATA:audio/wav;rate=1;base64,AA=="),
		    AT(ASK_FILE, "data:;base64,AA==")),
	};
	static const char *const bad[] = { NULL, "data:text/plain,hello", "data:text/plain;base64", "data:" };
	struct wire_target to = target_of("http://h", "m");
	struct ask ask = ask_of(turn, 1);

	check_ask(&ask, &to,
	    CONFIG("") "\"contents\":[{\"role\":\"user\",\"parts\":["
		       "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"iVBORw0KGgo=\"}},"
		       "{\"fileData\":{\"mimeType\":\"image/jpeg\",\"fileUri\":\"https://x/a.JPG?b=\\\"\"}},"
		       "{\"fileData\":{\"fileUri\":\"https://youtu.be/x\"}},"
		       "{\"inlineData\":{\"mimeType\":\"audio/wav\",\"data\":\"AA==\"}},"
		       "{\"inlineData\":{\"mimeType\":\"text/plain\",\"data\":\"AA==\"}}]}]}");
	for (size_t i = 0; i < COUNT(bad); i++) {
		const struct ask_message m[] = { SAYS("user", AT(ASK_FILE, bad[i])) };
		struct arena *a = arena_new(1024, 1 << 20);
		struct wire_request rq;

		ask = ask_of(m, 1);
		CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), E_INVALID_REQUEST);
		arena_free(a);
	}
}

/* clang-format off */
#define CALLS(i, n, args, seal) \
	{ .kind = ASK_CALL, .id = (i), .name = (n), .text = (args), .signature = (seal) }
#define ANSWERS(i, said) \
	{ .kind = ASK_RESULT, .id = (i), .text = (said) }
/* clang-format on */

/* Ids come again in later turns; only the first of some calls has a seal.  Results stand as
 * they were called, whatever the messages they came in, and before all else. */
static void
test_calls(void)
{
	const struct ask_message turn[] = {
		SAYS("user", SAID("go")),
		SAYS("assistant", CALLS("c1", "f", "{\"a\":1}", "s"), CALLS("c2", "g", "", NULL)),
		SAYS("user", ANSWERS("c2", "two"), AT(ASK_IMAGE, "data:image/png;base64,AA==")),
		SAYS("user", SAID("so"), { .kind = ASK_RESULT, .id = "c1", .text = "no", .is_error = true }),
		SAYS("assistant", CALLS("c1", "h", "{broken", NULL), CALLS(NULL, "f", "[1]", NULL)),
		SAYS("user", ANSWERS("c1", NULL)),
	};
	struct wire_target to = target_of("http://h", "m");
	struct ask ask = ask_of(turn, COUNT(turn));

	check_ask(&ask, &to,
	    CONFIG(
		"") "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"go\"}]},"
		    "{\"role\":\"model\",\"parts\":["
		    "{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\",\"args\":{\"a\":1}},\"thoughtSignature\":\"s\"},"
		    "{\"functionCall\":{\"id\":\"c2\",\"name\":\"g\",\"args\":{}}}]},"
		    "{\"role\":\"user\",\"parts\":["
		    "{\"functionResponse\":{\"id\":\"c1\",\"name\":\"f\",\"response\":{\"error\":\"no\"}}},"
		    "{\"functionResponse\":{\"id\":\"c2\",\"name\":\"g\",\"response\":{\"output\":\"two\"}}},"
		    "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AA==\"}},{\"text\":\"so\"}]},"
		    "{\"role\":\"model\",\"parts\":["
		    "{\"functionCall\":{\"id\":\"c1\",\"name\":\"h\",\"args\":{\"text\":\"{broken\"}},"
		    "\"thoughtSignature\":\"skip_thought_signature_validator\"},"
		    "{\"functionCall\":{\"name\":\"f\",\"args\":{\"text\":\"[1]\"}}}]},"
		    "{\"role\":\"user\",\"parts\":["
		    "{\"functionResponse\":{\"id\":\"c1\",\"name\":\"h\",\"response\":{\"output\":\"\"}}}]}]}");
}

static void
test_tools(void)
{
	static const struct ask_tool tools[] = {
		{ .name = "f", .description = "does", .parameters = "{\"type\":\"object\"}" },
		{ .name = "g" },
	};
	static const struct {
		enum ask_choice choice;
		const char *config;
	} rows[] = {
		{ CHOICE_AUTO, "\"mode\":\"AUTO\"" },
		{ CHOICE_NONE, "\"mode\":\"NONE\"" },
		{ CHOICE_ANY, "\"mode\":\"ANY\"" },
		{ CHOICE_NAMED, "\"mode\":\"ANY\",\"allowedFunctionNames\":[\"g\"]" },
	};
	struct wire_target to = target_of("http://h", "m");

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ask ask = ask_of(hello, 1);
		char body[1024];

		ask.chat.tools = tools;
		ask.chat.n_tools = 2;
		ask.chat.choice = rows[i].choice;
		ask.chat.choice_name = "g";
		snprintf(body, sizeof(body),
		    CONFIG("") "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Hi\"}]}],"
			       "\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"does\","
			       "\"parametersJsonSchema\":{\"type\":\"object\"}},{\"name\":\"g\"}]}],"
			       "\"toolConfig\":{\"functionCallingConfig\":{%s}}}",
		    rows[i].config);
		check_ask(&ask, &to, body);
	}
}

static void
test_nothing_to_say(void)
{
	const struct ask_message empty[] = { SAYS("user", SAID("")) };
	const struct ask_message orphan[] = { SAYS("user", ANSWERS("c9", "x")) };
	const struct ask_message nameless[] = { SAYS("assistant", CALLS("c", NULL, "{}", NULL)) };
	const struct ask_message *const bad[] = { empty, orphan, nameless };
	struct arena *a = arena_new(1024, 1 << 20);
	struct wire_target to = target_of("http://h", "m");
	struct wire_request rq;

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct ask ask = ask_of(bad[i], 1);

		CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), E_INVALID_REQUEST);
		ask.chat.n_messages = 0;
		CU_ASSERT_EQUAL(build(a, &ask, &to, &rq), E_INVALID_REQUEST);
	}
	arena_free(a);
}

/* ---- answers ----------------------------------------------------------------- */

struct sample {
	const char *what, *in, *events;
};

#define RESPONSE(parts, rest) \
	"{\"candidates\":[{\"content\":{\"parts\":[" parts "],\"role\":\"model\"}" rest \
	",\"index\":0}],\"modelVersion\":\"m\"," \
	"\"responseId\":\"r\"}"
#define CHUNK(parts, rest) "data: " RESPONSE(parts, rest) "\r\n\r\n"
#define TEXT(text) CHUNK("{\"text\":\"" text "\"}", "")
#define FINISH(reason) CHUNK("{\"text\":\"\"}", ",\"finishReason\":\"" reason "\"")
#define USAGE(counts) "data: {\"usageMetadata\":{" counts "}}\r\n\r\n"
#define CALL(rest) "{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\": \"b \\\" c\"}" rest "}}"

static const struct sample streams[] = {
	{ "a regular answer",
	    TEXT("Hel") TEXT("lo") FINISH("STOP")
		USAGE("\"promptTokenCount\":9,\"candidatesTokenCount\":2,\"totalTokenCount\":11"),
	    "T(Hel)T(lo)F(stop)U(9,2)." },
	{ "usage beside the finish, with all that is counted",
	    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP\"}],"
	    "\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":2,\"thoughtsTokenCount\":5,"
	    "\"cachedContentTokenCount\":4,\"toolUsePromptTokenCount\":3,\"promptTokensDetails\":[{\"x\":1}]}}\n\n",
	    "T(a)F(stop)U(12,7,cached 4,thought 5)." },
	{ "usage that grows",
	    USAGE("\"promptTokenCount\":9,\"thoughtsTokenCount\":3") TEXT("a") USAGE("\"candidatesTokenCount\":2")
		FINISH("STOP"),
	    "U(9,3,thought 3)T(a)U(9,5,thought 3)F(stop)." },
	{ "usage beyond reason", FINISH("STOP") USAGE("\"promptTokenCount\":-1,\"candidatesTokenCount\":\"2\""),
	    "F(stop)." },
	{ "thoughts and seals",
	    CHUNK("{\"text\":\"hm\",\"thought\":true}", "") CHUNK("{\"text\":\"a\",\"thought\":false}", "")
		CHUNK("{\"text\":\"\",\"thoughtSignature\":\"c2\"}", ",\"finishReason\":\"STOP\""),
	    "R(hm)T(a)S(c2)F(stop)." },
	{ "a call", CHUNK(CALL(",\"id\":\"x\\u0031\""), "") FINISH("STOP"), "C(0,x1,f,{\"a\":\"b \\\" c\"})F(calls)." },
	{ "calls without ids, and a seal",
	    CHUNK("{\"functionCall\":{\"name\":\"f\",\"args\":{}},\"thoughtSignature\":\"s\"},"
		  "{\"functionCall\":{\"name\":\"g\"}}",
		",\"finishReason\":\"STOP\""),
	    "C(0,call_0,f,{})S(s)C(1,call_1,g,{})F(calls)." },
	{ "STOP in every chunk",
	    CHUNK("{\"text\":\"a\"}", ",\"finishReason\":\"STOP\"") CHUNK(CALL(""), ",\"finishReason\":\"STOP\"")
		FINISH("STOP"),
	    "T(a)F(stop)C(0,call_0,f,{\"a\":\"b \\\" c\"})F(calls)." },
	{ "a call without a name", CHUNK("{\"functionCall\":{}}", ""), "X(upstream_failed,0,1)!" },
	{ "arguments that are none",
	    CHUNK("{\"functionCall\":{\"name\":\"f\",\"args\":null}},"
		  "{\"functionCall\":{\"name\":\"g\",\"args\":[1]}}",
		"") FINISH("STOP"),
	    "C(0,call_0,f,{})C(1,call_1,g,{\"text\":\"[1]\"})F(calls)." },
	{ "no UTF-8 after the finish", TEXT("a") FINISH("STOP") TEXT("\xff") USAGE("\"promptTokenCount\":1"),
	    "T(a)F(stop)U(1,-1)." },
	{ "escapes, Chinese, an emoji, a NUL", TEXT("\\u4f60\xE5\xA5\xBD\\n\\ud83d\\ude00\\u0000") FINISH("STOP"),
	    "T(\xE4\xBD\xA0\xE5\xA5\xBD\n\xF0\x9F\x98\x80)F(stop)." },
	{ "half an emoji", TEXT("\\ud83d") FINISH("STOP"), "T(\xEF\xBF\xBD)F(stop)." },
	{ "other parts",
	    CHUNK("{\"inlineData\":{\"data\":\"\"}},7,null,{\"executableCode\":{}},{\"text\":\"a\"}", "")
		FINISH("STOP"),
	    "T(a)F(stop)." },
	{ "members of other kinds",
	    "data: {\"candidates\":7,\"usageMetadata\":7,\"promptFeedback\":7,\"error\":false}\n\n"
	    "data: {\"candidates\":[7,{\"content\":7,\"finishReason\":7,\"safetyRatings\":[]},"
	    "{\"content\":{\"parts\":{}},\"index\":\"1\"}],\"promptFeedback\":{\"blockReason\":7}}\n\n" CHUNK(
		"{\"text\":7,\"thought\":\"true\",\"thoughtSignature\":null,\"functionCall\":7},"
		"{\"text\":\"a\",\"thought\":1}",
		"") FINISH("STOP"),
	    "T(a)F(stop)." },
	{ "a call with more to it",
	    CHUNK("{\"functionCall\":{\"id\":7,\"name\":\"f\",\"willContinue\":false},\"videoMetadata\":{}}", "")
		FINISH("STOP"),
	    "C(0,call_0,f,{})F(calls)." },
	{ "blanks and empty events", "data:\n\ndata: \t{\"candidates\":[]} \t\n\n" FINISH("STOP"), "F(stop)." },
	{ "a block that is none",
	    "data: {\"promptFeedback\":{\"blockReason\":\"BLOCK_REASON_UNSPECIFIED\"}}\n\n" FINISH("STOP"),
	    "F(stop)." },
	{ "blanks only", "\xEF\xBB\xBF \r\n\t", "!" },
	{ "blanks before an array", " \n[" RESPONSE("{\"text\":\"a\"}", ",\"finishReason\":\"STOP\"") "]",
	    "T(a)F(stop)." },
	{ "an event that is no object", "data: [1]\n\n", "X(upstream_failed,0,1)!" },
	{ "only the first candidate",
	    "data: {\"candidates\":[{\"index\":1,\"content\":{\"parts\":[{\"text\":\"b\"}]},"
	    "\"finishReason\":\"OTHER\"},{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP\"}]}\n\n",
	    "T(a)F(stop)." },

	{ "cut by length", TEXT("a") FINISH("MAX_TOKENS"), "T(a)F(length)." },
	{ "filtered", TEXT("a") FINISH("SAFETY"), "T(a)F(filtered)." },
	{ "filtered late", TEXT("a") FINISH("STOP") FINISH("RECITATION") FINISH("STOP"), "T(a)F(stop)F(filtered)." },
	{ "more filters", FINISH("PROHIBITED_CONTENT"), "F(filtered)." },
	{ "not said", TEXT("a") FINISH("FINISH_REASON_UNSPECIFIED") FINISH("STOP"), "T(a)F(stop)." },
	{ "a malformed call", TEXT("a") FINISH("MALFORMED_FUNCTION_CALL"), "T(a)X(upstream_failed,1,1)!" },
	{ "who knows why", FINISH("OTHER"), "X(upstream_failed,1,1)!" },
	{ "a finish of tomorrow", FINISH("NEW_REASON"), "X(upstream_failed,1,1)!" },
	{ "a question that is blocked",
	    "data: {\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\"},\"usageMetadata\":{}}\n\n",
	    "X(content_violation,0,0)!" },
	{ "feedback without a block", "data: {\"promptFeedback\":{\"safetyRatings\":[]}}\n\n" FINISH("STOP"),
	    "F(stop)." },
	{ "an error inside",
	    TEXT("a") "data: {\"error\":{\"code\":503,\"message\":\"busy\",\"status\":\"UNAVAILABLE\"}}\n\n",
	    "T(a)X(upstream_failed,1,1)!" },
	{ "an error after the finish", TEXT("a") FINISH("STOP") "data: {\"error\":{\"code\":500}}\n\n",
	    "T(a)F(stop)." },
	{ "an error after the finish of nothing", FINISH("STOP") "data: {\"error\":{\"code\":500}}\n\n",
	    "F(stop)X(upstream_failed,1,1)!" },
	{ "an error of none", "data: {\"error\":null}\n\n" FINISH("STOP"), "F(stop)." },
	{ "cut after a text", TEXT("a"), "T(a)!" },
	{ "cut in a frame", TEXT("a") "data: {\"candi", "T(a)!" },
	{ "a last frame without its line end", TEXT("a") "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}",
	    "T(a)F(stop)." },
	{ "[DONE] says nothing", TEXT("a") "data: [DONE]\n\n", "T(a)!" },
	{ "[DONE] after a finish", TEXT("a") FINISH("STOP") "data: [DONE]\n\ndata: {broken\n\n", "T(a)F(stop)." },
	{ "comments", ": hello\n\n" TEXT("a") FINISH("STOP"), "T(a)F(stop)." },
	{ "broken JSON", TEXT("a") "data: {]\n\n", "T(a)X(upstream_failed,0,1)!" },
	{ "no UTF-8", TEXT("\xff"), "X(upstream_failed,0,1)!" },
	{ "a seal that is no UTF-8", CHUNK("{\"thoughtSignature\":\"\xff\"}", ""), "X(upstream_failed,0,1)!" },
	{ "arguments that are no UTF-8", CHUNK("{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":\"\xff\"}}}", ""),
	    "X(upstream_failed,0,1)!" },
	{ "a name that is no UTF-8", CHUNK("{\"functionCall\":{\"name\":\"\xff\"}}", ""), "X(upstream_failed,0,1)!" },
	{ "nothing at all", "", "!" },
	{ "a page instead", "<html><body>502</body></html>\n", "X(upstream_failed,0,1)!" },
	{ "words instead", "Bad gateway", "X(upstream_failed,0,1)!" },

	{ "an array",
	    "[" RESPONSE("{\"text\":\"[{\\\"}\"}", "") "\n,\r\n" RESPONSE(
		"{\"text\":\"b\"}", ",\"finishReason\":\"STOP\"") "\n]\n",
	    "T([{\"})T(b)F(stop)." },
	{ "an array of an error", "[{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\"}}]",
	    "X(upstream_failed,1,1)!" },
	{ "a cut array", "[" RESPONSE("{\"text\":\"a\"}", "") ",", "T(a)X(upstream_failed,1,1)!" },
	{ "an array cut behind its finish", "[" RESPONSE("{\"text\":\"a\"}", ",\"finishReason\":\"STOP\""),
	    "T(a)F(stop)." },
	{ "an array of nothing", "[1, 2]", "X(upstream_failed,0,1)!" },
	{ "an array that says no finish", "[" RESPONSE("{\"text\":\"a\"}", "") "]", "T(a)!" },
	{ "an array of garbage", "[{]}]", "X(upstream_failed,0,1)!" },
};

static const struct sample bodies[] = {
	{ "a whole answer, printed prettily",
	    "{\n  \"candidates\": [\n    {\n      \"content\": {\n        \"parts\": [\n"
	    "          { \"text\": \"Hi\", \"thought\" : true },\n"
	    "          { \"functionCall\": { \"name\": \"f\", \"args\": { \"a\": [1, \"x y\"] } } }\n"
	    "        ] },\n      \"finishReason\": \"STOP\"\n    }\n  ],\n"
	    "  \"usageMetadata\": { \"promptTokenCount\": 1, \"candidatesTokenCount\": 2 }\n}\n",
	    "R(Hi)C(0,call_0,f,{\"a\":[1,\"x y\"]})F(calls)U(1,2)." },
	{ "a stream nobody asked for", TEXT("a") FINISH("STOP"), "T(a)F(stop)." },
	{ "no finish", RESPONSE("{\"text\":\"a\"}", ""), "T(a)!" },
	{ "a blocked question", "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}", "X(content_violation,0,0)!" },
	{ "an error", "{\"error\":{\"code\":400,\"message\":\"no\",\"status\":\"INVALID_ARGUMENT\"}}",
	    "X(invalid_request,0,0)!" },
	{ "another's answer", "{\"choices\":[]}", "X(upstream_failed,0,1)!" },
	{ "an empty object", "{}", "X(upstream_failed,0,1)!" },
	{ "an empty list", "[]", "X(upstream_failed,0,1)!" },
	{ "cut", "{\"candidates\":[", "X(upstream_failed,1,1)!" },
	{ "a page", "<html>", "X(upstream_failed,0,1)!" },
	{ "what follows it", RESPONSE("{\"text\":\"a\"}", ",\"finishReason\":\"STOP\"") "<html>", "T(a)F(stop)." },
};

static void
check_samples(const struct sample *samples, size_t n, bool stream)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(samples[i].in);

		for (size_t slice = 1; slice <= len + 1; slice++) {
			struct buf said = BUF_INIT(0);

			note_answer(&gemini_chat_parser, stream, samples[i].in, len, slice, &said);
			CU_ASSERT_STRING_EQUAL(buf_str(&said), samples[i].events);
			if (strcmp(buf_str(&said), samples[i].events) != 0) {
				printf("# %s, slices of %zu: %s\n", samples[i].what, slice, buf_str(&said));
				slice = len + 1;
			}
			buf_free(&said);
		}
	}
}

static void
test_streams(void)
{
	check_samples(streams, COUNT(streams), true);
}

static void
test_bodies(void)
{
	check_samples(bodies, COUNT(bodies), false);
}

static void
count_done(void *arg, const struct wire_event *e)
{
	if (e->kind == WIRE_DONE)
		++*(int *)arg;
}

/* A body is over with its last bracket; a stream when its connection is. */
static void
test_over(void)
{
	static const struct {
		const char *in;
		int done;
	} rows[] = {
		{ RESPONSE("{\"text\":\"a\"}", ",\"finishReason\":\"STOP\""), 1 },
		{ "[" RESPONSE("{\"text\":\"a\"}", ",\"finishReason\":\"STOP\"") "]", 1 },
		{ "[" RESPONSE("{\"text\":\"a\"}", ",\"finishReason\":\"STOP\"") ",", 0 },
		{ TEXT("a") FINISH("STOP"), 0 },
		{ TEXT("a") FINISH("STOP") "data: [DONE]\n\n", 1 },
		{ RESPONSE("{\"text\":\"a\"}", ""), 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		void *parser = gemini_chat_parser.start(true, CAP);
		int done = 0;

		CU_ASSERT_TRUE(gemini_chat_parser.feed(parser, rows[i].in, strlen(rows[i].in), count_done, &done));
		CU_ASSERT_EQUAL(done, rows[i].done);
		gemini_chat_parser.free(parser);
	}
	gemini_chat_parser.free(NULL);
}

static void
test_endless(void)
{
	static const char *const starts[] = { "data: {\"candidates\":\"", "{\"candidates\":\"", "[{\"x\":\"" };
	static char block[65536];

	memset(block, 'x', sizeof(block));
	for (size_t i = 0; i < COUNT(starts); i++) {
		void *parser = gemini_chat_parser.start(true, CAP);
		struct buf said = BUF_INIT(0);
		bool ok = gemini_chat_parser.feed(parser, starts[i], strlen(starts[i]), note, &said);

		for (int n = 0; n < 32 && ok; n++)
			ok = gemini_chat_parser.feed(parser, block, sizeof(block), note, &said);
		CU_ASSERT_FALSE(ok);
		CU_ASSERT_STRING_EQUAL(buf_str(&said), "X(upstream_failed,0,1)");
		CU_ASSERT_FALSE(gemini_chat_parser.end(parser, note, &said));
		gemini_chat_parser.free(parser);
		buf_free(&said);
	}
}

/* A text as long as an answer may be, with an escape in it, and one event longer than that after the end. */
static void
test_large(void)
{
	static char text[CAP];
	void *parser = gemini_chat_parser.start(true, CAP);
	struct buf in = BUF_INIT(0), said = BUF_INIT(0);

	memset(text, 'x', sizeof(text) - 1);
	buf_printf(&in, "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\\n%s\"}]},", text);
	buf_puts(&in, "\"finishReason\":\"STOP\"}]}\n\n");
	CU_ASSERT_TRUE(gemini_chat_parser.feed(parser, in.data, in.len, note, &said));
	CU_ASSERT_EQUAL(said.len, sizeof(text) + strlen("T()F(stop)"));
	buf_clear(&in);
	buf_printf(&in, "data: %s%s", text, text);
	CU_ASSERT_TRUE(gemini_chat_parser.feed(parser, in.data, in.len, note, &said));
	CU_ASSERT_TRUE(gemini_chat_parser.end(parser, note, &said));
	CU_ASSERT_EQUAL(said.len, sizeof(text) + strlen("T()F(stop)"));
	gemini_chat_parser.free(parser);
	buf_free(&in);
	buf_free(&said);
}

/* ---- failures ---------------------------------------------------------------- */

#define ERROR_BODY(code, message, status, details) \
	"{\"error\":{\"code\":" code ",\"message\":\"" message "\",\"status\":\"" status "\",\"details\":[" details \
	"]}}"
#define RETRY(delay) "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"" delay "\"}"
#define INFO(reason) "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"" reason "\"}"

static void
test_failures(void)
{
	static const struct {
		int http;
		const char *retry_after, *body;
		enum status status;
		bool retryable, next;
		int64_t retry_after_ms;
		const char *detail;
	} rows[] = {
		{ 400, NULL, ERROR_BODY("400", "Bad field", "INVALID_ARGUMENT", ""), E_INVALID_REQUEST, false, false, 0,
		    "HTTP 400 INVALID_ARGUMENT: Bad field" },
		{ 400, NULL,
		    ERROR_BODY("400", "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT",
			INFO("API_KEY_INVALID")),
		    E_UPSTREAM_FAILED, false, true, 0,
		    "HTTP 400 API_KEY_INVALID: API key not valid. Please pass a valid API key." },
		{ 400, NULL, ERROR_BODY("400", "API key expired.", "INVALID_ARGUMENT", ""), E_UPSTREAM_FAILED, false,
		    true, 0, "HTTP 400 INVALID_ARGUMENT: API key expired." },
		{ 400, NULL,
		    ERROR_BODY("400", "The input token count (9) exceeds the maximum number of tokens allowed (8).",
			"INVALID_ARGUMENT", ""),
		    E_TOO_LARGE, false, false, 0,
		    "HTTP 400 INVALID_ARGUMENT: The input token count (9) exceeds the maximum number of tokens allowed "
		    "(8)." },
		{ 400, NULL,
		    ERROR_BODY("400", "User location is not supported for the API use.", "FAILED_PRECONDITION", ""),
		    E_UPSTREAM_FAILED, false, true, 0,
		    "HTTP 400 FAILED_PRECONDITION: User location is not supported for the API use." },
		{ 401, NULL, ERROR_BODY("401", "secret", "UNAUTHENTICATED", ""), E_UPSTREAM_FAILED, false, true, 0,
		    "HTTP 401 UNAUTHENTICATED" },
		{ 403, NULL,
		    ERROR_BODY("403", "Consumer 'api_key:AIza' has been suspended.", "PERMISSION_DENIED",
			INFO("CONSUMER_SUSPENDED")),
		    E_UPSTREAM_FAILED, false, true, 0, "HTTP 403 CONSUMER_SUSPENDED" },
		{ 404, NULL, "[" ERROR_BODY("404", "no model", "NOT_FOUND", "") "]", E_UPSTREAM_FAILED, false, true, 0,
		    "HTTP 404 NOT_FOUND: no model" },
		{ 429, "7", ERROR_BODY("429", "quota", "RESOURCE_EXHAUSTED", RETRY("3.5s")), E_UPSTREAM_FAILED, true,
		    true, 3500, "HTTP 429 RESOURCE_EXHAUSTED: quota" },
		{ 429, "7", ERROR_BODY("429", "quota", "RESOURCE_EXHAUSTED", "7," RETRY("soon")), E_UPSTREAM_FAILED,
		    true, true, 7000, "HTTP 429 RESOURCE_EXHAUSTED: quota" },
		{ 429, "Fri, 31 Dec 1999 23:59:59 GMT", "", E_UPSTREAM_FAILED, true, true, 0, "HTTP 429" },
		{ 429, NULL, ERROR_BODY("429", "", "RESOURCE_EXHAUSTED", RETRY("9999999s")), E_UPSTREAM_FAILED, true,
		    true, 86400000, "HTTP 429 RESOURCE_EXHAUSTED" },
		{ 500, NULL, ERROR_BODY("500", "a\\nb", "INTERNAL", ""), E_UPSTREAM_FAILED, true, true, 0,
		    "HTTP 500 INTERNAL: a b" },
		{ 503, "1.5", ERROR_BODY("503", "overloaded", "UNAVAILABLE", ""), E_UPSTREAM_FAILED, true, true, 1500,
		    "HTTP 503 UNAVAILABLE: overloaded" },
		{ 504, NULL, ERROR_BODY("504", "", "DEADLINE_EXCEEDED", ""), E_UPSTREAM_TIMEOUT, true, true, 0,
		    "HTTP 504 DEADLINE_EXCEEDED" },
		{ 413, NULL, "<html>", E_TOO_LARGE, false, false, 0, "HTTP 413" },
		{ 302, NULL, "", E_UPSTREAM_FAILED, false, true, 0, "HTTP 302" },
		{ 408, NULL, "{}", E_UPSTREAM_TIMEOUT, true, true, 0, "HTTP 408" },
		{ 422, NULL, "{\"error\":\"words\"}", E_INVALID_REQUEST, false, false, 0, "HTTP 422: words" },
		{ 502, NULL, NULL, E_UPSTREAM_FAILED, true, true, 0, "HTTP 502" },
		{ 900, NULL, "7", E_UPSTREAM_FAILED, false, true, 0, "HTTP 900" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wire_failure f;

		memset(&f, 0x5a, sizeof(f));
		wire_gemini.failure(rows[i].http, rows[i].retry_after, rows[i].body,
		    rows[i].body == NULL ? 0 : strlen(rows[i].body), &f);
		CU_ASSERT_EQUAL(f.status, rows[i].status);
		CU_ASSERT_EQUAL(f.retryable, rows[i].retryable);
		CU_ASSERT_EQUAL(f.next_channel, rows[i].next);
		CU_ASSERT_EQUAL(f.retry_after_ms, rows[i].retry_after_ms);
		CU_ASSERT_STRING_EQUAL(f.detail, rows[i].detail);
	}
}

static void
keep_detail(void *arg, const struct wire_event *e)
{
	if (e->kind == WIRE_FAILURE)
		memcpy(arg, e->failure.detail, sizeof(e->failure.detail));
}

/* What the log says of an answer that is none, and the status of an error in a stream. */
static void
test_words(void)
{
	static const struct {
		const char *in, *detail;
	} rows[] = {
		{ "data: {\"error\":{\"status\":\"UNAVAILABLE\",\"message\":\"m\"}}\n\n", "HTTP 503 UNAVAILABLE: m" },
		{ "data: {\"error\":{\"status\":\"NEW\"}}\n\n", "HTTP 500 NEW" },
		{ "data: {\"error\":{\"code\":404}}\n\n", "HTTP 404" },
		{ "data: {\"error\":7}\n\n", "HTTP 500" },
		{ "\n<html>\tBusy\n</head>", "no answer, but: <html> Busy" },
		{ "Bad \xff gateway\r\n\r\n", "no answer, but: Bad ? gateway" },
		{ FINISH("MALFORMED_FUNCTION_CALL"), "finishReason MALFORMED_FUNCTION_CALL" },
		{ "{\"promptFeedback\":{\"blockReason\":\"BLOCKLIST\"}}", "blockReason BLOCKLIST" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		void *parser = gemini_chat_parser.start(true, CAP);
		char detail[sizeof((struct wire_failure){ 0 }.detail)] = "";

		if (gemini_chat_parser.feed(parser, rows[i].in, strlen(rows[i].in), keep_detail, detail))
			CU_ASSERT_FALSE(gemini_chat_parser.end(parser, keep_detail, detail));
		CU_ASSERT_STRING_EQUAL(detail, rows[i].detail);
		gemini_chat_parser.free(parser);
	}
}

static void
test_registry(void)
{
	wires_register(wires_all());
	CU_ASSERT_PTR_EQUAL(wire_find("gemini"), &wire_gemini);
}

static CU_TestInfo request_tests[] = {
	{ "joins the URL", test_url },
	{ "sends the headers, and none that breaks its line", test_headers },
	{ "says how to answer", test_config },
	{ "completes one body for several candidates", test_candidates },
	{ "says how much to think as the model wants to hear it", test_thinking },
	{ "writes the conversation", test_contents },
	{ "writes files", test_files },
	{ "writes calls and results", test_calls },
	{ "writes functions", test_tools },
	{ "refuses to say nothing", test_nothing_to_say },
	CU_TEST_INFO_NULL,
};

static CU_TestInfo answer_tests[] = {
	{ "reads streams in every slicing", test_streams },
	{ "reads whole answers in every slicing", test_bodies },
	{ "says when an answer is over", test_over },
	{ "gives up on an endless answer", test_endless },
	{ "reads an answer as large as may be", test_large },
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
