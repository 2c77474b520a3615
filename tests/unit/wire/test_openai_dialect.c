/*
 * The dialect of OpenAI's clients: what they ask, as real ones put it; what they
 * are answered, read back by the parser of the same wire.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/openai/openai.h"
#include "tap.h"

#define CAP (1u << 20)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- in ----------------------------------------------------------------------- */

static void
put_messages(struct buf *out, const struct ask_chat *chat)
{
	static const char *const kinds[] = { "T", "I", "V", "A", "F", "Think", "Call", "Result" };

	for (size_t i = 0; i < chat->n_messages; i++) {
		const struct ask_message *m = &chat->messages[i];

		buf_printf(out, "%s%s:", i == 0 ? "" : " | ", m->role);
		for (size_t j = 0; j < m->n_parts; j++) {
			const struct ask_part *p = &m->parts[j];

			buf_printf(out, " %s(", kinds[p->kind]);
			if (p->id != NULL)
				buf_printf(out, "%s,", p->id);
			if (p->name != NULL)
				buf_printf(out, "%s,", p->name);
			buf_printf(out, "%s)", p->text != NULL ? p->text : p->url);
		}
	}
}

static void
put_how(struct buf *out, const struct ask_chat *chat)
{
	for (size_t i = 0; i < chat->n_tools; i++)
		buf_printf(out, " tool=%s,%s,%s,%d", chat->tools[i].name,
		    chat->tools[i].description == NULL ? "-" : chat->tools[i].description,
		    chat->tools[i].parameters == NULL ? "-" : chat->tools[i].parameters, chat->tools[i].strict);
	if (chat->choice != CHOICE_AUTO)
		buf_printf(out, " choice=%d%s", (int)chat->choice, chat->choice_name == NULL ? "" : chat->choice_name);
	buf_puts(out, chat->one_call ? " one" : "");
	if (chat->format != FORMAT_TEXT)
		buf_printf(out, " format=%d,%s,%s", (int)chat->format,
		    chat->schema_name == NULL ? "-" : chat->schema_name, chat->schema == NULL ? "-" : chat->schema);
	if (chat->effort != EFFORT_UNSAID)
		buf_printf(out, " effort=%d", (int)chat->effort);
	if (chat->temperature >= 0)
		buf_printf(out, " t=%g", chat->temperature);
	if (chat->top_p >= 0)
		buf_printf(out, " p=%g", chat->top_p);
	if (chat->top_k > 0)
		buf_printf(out, " k=%lld", (long long)chat->top_k);
	if (chat->seed >= 0)
		buf_printf(out, " seed=%lld", (long long)chat->seed);
	for (size_t i = 0; i < chat->n_stop; i++)
		buf_printf(out, " stop=%s", chat->stop[i]);
	if (chat->user != NULL)
		buf_printf(out, " user=%s", chat->user);
}

/* All that an ask says, as one line. */
static void
put_ask(struct buf *out, const struct dialect_ask *ask)
{
	buf_printf(out, "%s%s%s ", ask->model, ask->stream ? " stream" : "", ask->wants_usage ? " usage" : "");
	put_messages(out, &ask->ask.chat);
	put_how(out, &ask->ask.chat);
	if (ask->ask.max_output_tokens > 0)
		buf_printf(out, " max=%lld", (long long)ask->ask.max_output_tokens);
}

static void
check_read(const char *body, const char *says)
{
	struct arena *a = arena_new(1024, 1 << 20);
	json_t *root = json_loads(body, 0, NULL);
	struct dialect_problem problem = { .field = "" };
	struct buf said = BUF_INIT(0);
	struct dialect_ask ask;

	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	if (dialect_openai.read(a, root, NULL, false, &ask, &problem) == OK)
		put_ask(&said, &ask);
	else
		buf_printf(&said, "! %s: %s", problem.field, problem.text);
	if (strcmp(buf_str(&said), says) != 0)
		printf("# %s\n#   says %s\n#   not  %s\n", body, buf_str(&said), says);
	CU_ASSERT_STRING_EQUAL(buf_str(&said), says);
	buf_free(&said);
	json_decref(root);
	arena_free(a);
}

static void
test_clients(void)
{
	static const struct {
		const char *body, *says;
	} rows[] = {
		/* openai-python, openai-node, litellm, llm, the AI SDK */
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"model\":\"mock\"}", "mock user: T(hi)" },
		{ "{\"model\":\"mock\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
		  "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
		    "mock stream usage user: T(hi)" },
		/* openai-python, parse() */
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"model\":\"mock\",\"response_format\":"
		  "{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{\"properties\":{\"a\":{\"title\":\"A\","
		  "\"type\":\"integer\"}},\"required\":[\"a\"],\"title\":\"X\",\"type\":\"object\","
		  "\"additionalProperties\":false},\"name\":\"X\",\"strict\":true}},\"stream\":false}",
		    "mock user: T(hi) format=2,X,{\"properties\":{\"a\":{\"title\":\"A\",\"type\":\"integer\"}},"
		    "\"required\":[\"a\"],\"title\":\"X\",\"type\":\"object\",\"additionalProperties\":false}" },
		/* openai-node, runTools() */
		{ "{\"model\":\"mock\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{\"type\":"
		  "\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{},"
		  "\"required\":[],\"additionalProperties\":false},\"strict\":true}}]}",
		    "mock user: T(hi) tool=f,-,{\"type\":\"object\",\"properties\":{},\"required\":[],"
		    "\"additionalProperties\":false},1" },
		/* langchain */
		{ "{\"messages\":[{\"content\":\"hi\",\"role\":\"user\"}],\"model\":\"mock\",\"stream\":true}",
		    "mock stream user: T(hi)" },
		/* opencode */
		{ "{\"model\":\"mock\",\"max_tokens\":4096,\"messages\":[{\"role\":\"system\",\"content\":\"You\"},"
		  "{\"role\":\"user\",\"content\":\"Generate a title for this conversation:\\n\"},{\"role\":\"user\","
		  "\"content\":\"\\\"say hi\\\"\"}],\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
		    "mock stream usage system: T(You) | user: T(Generate a title for this conversation:\n) |"
		    " user: T(\"say hi\") max=4096" },
		{ "{\"model\":\"mock\",\"messages\":[{\"role\":\"user\",\"content\":\"\"}],\"tools\":[{\"type\":"
		  "\"function\",\"function\":{\"name\":\"read\",\"description\":\"Reads\",\"parameters\":{\"$schema\":"
		  "\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\",\"properties\":{\"offset\":"
		  "{\"minimum\":0,\"type\":\"integer\",\"maximum\":9007199254740991}}}}}],\"tool_choice\":\"auto\"}",
		    "mock user: T() tool=read,Reads,{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
		    "\"type\":\"object\",\"properties\":{\"offset\":{\"minimum\":0,\"type\":\"integer\",\"maximum\":"
		    "9007199254740991}}},0" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check_read(rows[i].body, rows[i].says);
}

/* A body with these messages, and with these members. */
#define MESSAGES(m) "{\"model\":\"m\",\"messages\":[" m "]}"
#define WITH(members) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"\"}]," members "}"

static void
test_messages(void)
{
	static const struct {
		const char *body, *says;
	} rows[] = {
		{ MESSAGES("{\"role\":\"developer\",\"content\":\"d\"},{\"role\":\"system\",\"content\":[{\"type\":"
			   "\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"\"}]},{\"role\":\"user\"},"
			   "{\"role\":\"assistant\",\"content\":null}"),
		    "m system: T(d) | system: T(a) T() | user: | assistant:" },
		{ MESSAGES(
		      "{\"role\":\"user\",\"name\":\"n\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
		      "\"https://x/i\",\"detail\":\"low\"}},{\"type\":\"image_url\",\"image_url\":\"data:image/png;base64,"
		      "AA==\"},{\"type\":\"video_url\",\"video_url\":{\"url\":\"http://v\"}},{\"type\":\"audio_url\","
		      "\"audio_url\":{\"url\":\"HTTPS://a\"}}]}"),
		    "m user: I(https://x/i) I(data:image/png;base64,AA==) V(http://v) A(HTTPS://a)" },
		{ MESSAGES(
		      "{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA==\","
		      "\"format\":\"mp3\"}},{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA==\",\"format\":"
		      "\"wav\"}},{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"data:;base64,AA==\"}},{\"type\":"
		      "\"file\",\"file\":{\"file_data\":\"data:application/pdf;base64,AA==\",\"filename\":\"a.pdf\"}},"
		      "{\"type\":\"file\",\"file\":{\"file_data\":\"AA==\"}}]}"),
		    "m user: A(data:audio/mpeg;base64,AA==) A(data:audio/wav;base64,AA==) A(data:;base64,AA==)"
		    " F(a.pdf,data:application/pdf;base64,AA==) F(data:application/pdf;base64,AA==)" },
		{ MESSAGES("{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":[]},{\"type\":"
			   "\"refusal\",\"refusal\":\"no\"}],\"refusal\":\"never\",\"reasoning_content\":\"hm\"}"),
		    "m assistant: Think(hm) T(no) T(never)" },
		/* two calls, their results in the other order, and what the user says then */
		{ MESSAGES(
		      "{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"\",\"tool_calls\":[{\"id\":"
		      "\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}},"
		      "{\"id\":\"c2\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]},"
		      "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":\"two\"},"
		      "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":[{\"type\":\"text\",\"text\":\"o\"},"
		      "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x\"}},{\"type\":\"text\",\"text\":\"ne\"}]},"
		      "{\"role\":\"tool\",\"tool_call_id\":\"c3\"},"
		      "{\"role\":\"user\",\"content\":\"so\"},{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"name\":\"x\","
		      "\"content\":\"late\"}"),
		    "m assistant: Call(c1,f,{\"a\":1}) Call(c2,g,{}) | user: Result(c2,g,two) Result(c1,f,one)"
		    " I(https://x) Result(c3,) | user: T(so) | user: Result(c1,f,late)" },
		/* arguments that are no object */
		{ MESSAGES(
		      "{\"role\":\"assistant\",\"content\":\"x\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
		      "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\"}},{\"id\":\"c2\",\"type\":\"function\","
		      "\"function\":{\"name\":\"f\",\"arguments\":{\"b\":[2]}}},{\"id\":\"c3\",\"type\":\"function\","
		      "\"function\":{\"name\":\"f\",\"arguments\":\"[1]\"}}]}"),
		    "m assistant: T(x) Call(c1,f,{\"arguments\":\"{\\\"a\\\":\"}) Call(c2,f,{\"b\":[2]})"
		    " Call(c3,f,{\"arguments\":\"[1]\"})" },
		/* the old kind of calls */
		{ MESSAGES(
		      "{\"role\":\"assistant\",\"content\":null,\"function_call\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
		      "{\"role\":\"function\",\"name\":\"f\",\"content\":\"r\"}"),
		    "m assistant: Call(call_0,f,{}) | user: Result(call_0,f,r)" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check_read(rows[i].body, rows[i].says);
}

static void
test_how(void)
{
	static const struct {
		const char *body, *says;
	} rows[] = {
		{ WITH("\"functions\":[{\"name\":\"f\",\"parameters\":{}}],\"function_call\":{\"name\":\"f\"}"),
		    "m user: T() tool=f,-,{},0 choice=3f" },
		{ WITH("\"tools\":[],\"tool_choice\":\"none\",\"parallel_tool_calls\":false"),
		    "m user: T() choice=1 one" },
		{ WITH("\"tool_choice\":\"required\",\"parallel_tool_calls\":true"), "m user: T() choice=2" },
		{ WITH("\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"g\"}}"),
		    "m user: T() choice=3g" },
		{ WITH("\"response_format\":{\"type\":\"json_object\"},\"reasoning_effort\":\"xhigh\""),
		    "m user: T() format=1,-,- effort=6" },
		{ WITH("\"response_format\":{\"type\":\"text\"},\"reasoning_effort\":\"none\""),
		    "m user: T() effort=1" },
		{ WITH("\"temperature\":0,\"top_p\":0.5,\"top_k\":40,\"seed\":7,\"stop\":[\"a\",\"b\"],\"user\":\"u\""),
		    "m user: T() t=0 p=0.5 k=40 seed=7 stop=a stop=b user=u" },
		{ WITH("\"max_tokens\":5,\"max_completion_tokens\":6.0,\"stop\":\"x\",\"safety_identifier\":\"s\""),
		    "m user: T() stop=x user=s max=6" },
		/* what says nothing */
		{ WITH(
		      "\"temperature\":null,\"top_p\":null,\"top_k\":-1,\"seed\":-1,\"stop\":null,\"user\":null,"
		      "\"max_tokens\":null,\"stream\":null,\"stream_options\":null,\"tools\":null,\"tool_choice\":null,"
		      "\"response_format\":null,\"reasoning_effort\":null,\"parallel_tool_calls\":null,\"functions\":null,"
		      "\"function_call\":null,\"n\":1,\"logprobs\":false,\"modalities\":[\"text\"],\"unknown\":{\"a\":1},"
		      "\"metadata\":{},\"store\":false,\"web_search_options\":null"),
		    "m user: T()" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check_read(rows[i].body, rows[i].says);
}

static void
test_problems(void)
{
	static const struct {
		const char *body, *field;
	} rows[] = {
		{ "[]", "" },
		{ "{\"messages\":[]}", "model" },
		{ "{\"model\":\"\"}", "model" },
		{ "{\"model\":7}", "model" },
		{ "{\"model\":\"m\"}", "messages" },
		{ "{\"model\":\"m\",\"messages\":{}}", "messages" },
		{ MESSAGES(""), "messages" },
		{ MESSAGES("7"), "messages[0]" },
		{ MESSAGES("{}"), "messages[0].role" },
		{ MESSAGES("{\"role\":\"user\",\"content\":\"\"},{\"role\":\"bard\"}"), "messages[1].role" },
		{ MESSAGES("{\"role\":\"user\"},{\"role\":\"user\"},{\"role\":\"user\",\"content\":7}"),
		    "messages[2].content" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[7]}"), "messages[0].content[0]" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"\"},{}]}"),
		    "messages[0].content[1].type" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"smell\"}]}"), "messages[0].content[0].type" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}"), "messages[0].content[0].text" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}"),
		    "messages[0].content[0].image_url" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{}}]}"),
		    "messages[0].content[0].image_url.url" },
		{ MESSAGES(
		      "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"file:///x\"}}]}"),
		    "messages[0].content[0].image_url.url" },
		{ MESSAGES(
		      "{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"A\"}}]}"),
		    "messages[0].content[0].input_audio.format" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"A\","
			   "\"format\":\"a;b\"}}]}"),
		    "messages[0].content[0].input_audio.format" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}]}"),
		    "messages[0].content[0].file.file_id" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{}}]}"),
		    "messages[0].content[0].file.file_data" },
		{ MESSAGES("{\"role\":\"tool\",\"content\":\"x\"}"), "messages[0].tool_call_id" },
		{ MESSAGES("{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":{}}"), "messages[0].content" },
		{ MESSAGES(
		      "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":[{\"type\":\"text\",\"text\":\"x\"},{}]}"),
		    "messages[0].content[1].type" },
		{ MESSAGES("{\"role\":\"function\",\"content\":\"x\"}"), "messages[0].name" },
		{ MESSAGES("{\"role\":\"assistant\",\"audio\":{\"id\":\"a\"}}"), "messages[0].audio" },
		{ MESSAGES("{\"role\":\"assistant\",\"tool_calls\":{}}"), "messages[0].tool_calls" },
		{ MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[{\"type\":\"function\"}]}"),
		    "messages[0].tool_calls[0].id" },
		{ MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"custom\"}]}"),
		    "messages[0].tool_calls[0].type" },
		{ MESSAGES(
		      "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{}}]}"),
		    "messages[0].tool_calls[0].function.name" },
		{ WITH("\"tools\":{}"), "tools" },
		{ WITH("\"tools\":[7]"), "tools[0]" },
		{ WITH("\"tools\":[{\"type\":\"custom\",\"custom\":{}}]"), "tools[0].type" },
		{ WITH("\"tools\":[{\"type\":\"function\"}]"), "tools[0].function" },
		{ WITH("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":[]}}]"),
		    "tools[0].function.parameters" },
		{ WITH("\"functions\":[7]"), "functions[0]" },
		{ WITH("\"functions\":[{}]"), "functions[0].name" },
		{ WITH("\"tool_choice\":7"), "tool_choice" },
		{ WITH("\"tool_choice\":\"perhaps\""), "tool_choice" },
		{ WITH("\"tool_choice\":{\"type\":\"allowed_tools\"}"), "tool_choice.type" },
		{ WITH("\"tool_choice\":{\"type\":\"function\",\"function\":{}}"), "tool_choice.function.name" },
		{ WITH("\"function_call\":{}"), "function_call.name" },
		{ WITH("\"parallel_tool_calls\":1"), "parallel_tool_calls" },
		{ WITH("\"response_format\":\"json\""), "response_format" },
		{ WITH("\"response_format\":{\"type\":\"xml\"}"), "response_format.type" },
		{ WITH("\"response_format\":{\"type\":\"json_schema\"}"), "response_format.json_schema" },
		{ WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{}}"),
		    "response_format.json_schema.schema" },
		{ WITH("\"reasoning_effort\":\"heroic\""), "reasoning_effort" },
		{ WITH("\"stream\":\"yes\""), "stream" },
		{ WITH("\"stream_options\":{\"include_usage\":1}"), "stream_options.include_usage" },
		{ WITH("\"stop\":[7]"), "stop" },
		{ WITH("\"stop\":7"), "stop" },
		{ WITH("\"temperature\":2.1"), "temperature" },
		{ WITH("\"temperature\":\"hot\""), "temperature" },
		{ WITH("\"top_p\":-1"), "top_p" },
		{ WITH("\"seed\":0.5"), "seed" },
		{ WITH("\"max_tokens\":0"), "max_tokens" },
		{ WITH("\"max_completion_tokens\":1e30"), "max_completion_tokens" },
		{ WITH("\"user\":7"), "user" },
		{ WITH("\"n\":2"), "n" },
		{ WITH("\"logprobs\":true"), "logprobs" },
		{ WITH("\"modalities\":[\"text\",\"audio\"]"), "modalities" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":7}]}"),
		    "messages[0].content[0].text" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"refusal\"}]}"),
		    "messages[0].content[0].refusal" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}"),
		    "messages[0].content[0].input_audio" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{}}]}"),
		    "messages[0].content[0].input_audio.data" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"A\","
			   "\"format\":7}}]}"),
		    "messages[0].content[0].input_audio.format" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"A\","
			   "\"format\":\"abcdefghijklmnopq\"}}]}"),
		    "messages[0].content[0].input_audio.format" },
		{ MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"file\"}]}"), "messages[0].content[0].file" },
		{ MESSAGES(
		      "{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"file_data\":\"A\",\"filename\":7}}]}"),
		    "messages[0].content[0].file.filename" },
		{ MESSAGES("{\"role\":\"tool\",\"tool_call_id\":\"c\",\"name\":7}"), "messages[0].name" },
		{ MESSAGES("{\"role\":\"assistant\",\"content\":7}"), "messages[0].content" },
		{ MESSAGES("{\"role\":\"assistant\",\"reasoning_content\":7}"), "messages[0].reasoning_content" },
		{ MESSAGES("{\"role\":\"assistant\",\"refusal\":7}"), "messages[0].refusal" },
		{ MESSAGES("{\"role\":\"assistant\",\"function_call\":7}"), "messages[0].function_call" },
		{ MESSAGES("{\"role\":\"assistant\",\"function_call\":{}}"), "messages[0].function_call.name" },
		{ MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[7]}"), "messages[0].tool_calls[0]" },
		{ MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":7}]}"),
		    "messages[0].tool_calls[0].type" },
		{ MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\"}]}"),
		    "messages[0].tool_calls[0].function" },
		{ WITH("\"tools\":[{}]"), "tools[0].type" },
		{ WITH("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":7}}]"),
		    "tools[0].function.description" },
		{ WITH("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":7}}]"),
		    "tools[0].function.strict" },
		{ WITH("\"tool_choice\":{}"), "tool_choice.type" },
		{ WITH("\"tool_choice\":{\"type\":\"function\"}"), "tool_choice.function" },
		{ WITH("\"response_format\":{}"), "response_format.type" },
		{ WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":7}}"),
		    "response_format.json_schema.name" },
		{ WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{},\"strict\":7}}"),
		    "response_format.json_schema.strict" },
		{ WITH("\"reasoning_effort\":7"), "reasoning_effort" },
		{ WITH("\"stream_options\":7"), "stream_options" },
		{ WITH("\"top_k\":-2"), "top_k" },
		{ WITH("\"safety_identifier\":7"), "safety_identifier" },
		{ WITH("\"max_tokens\":-1e30"), "max_tokens" },
		{ WITH("\"web_search_options\":{}"), "web_search_options" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1024, 1 << 20);
		json_t *root = json_loads(rows[i].body, 0, NULL);
		struct dialect_problem problem = { .field = "?" };
		struct dialect_ask ask;

		CU_ASSERT_PTR_NOT_NULL_FATAL(root);
		CU_ASSERT_EQUAL(dialect_openai.read(a, root, NULL, false, &ask, &problem), E_INVALID_REQUEST);
		CU_ASSERT_STRING_EQUAL(problem.field, rows[i].field);
		CU_ASSERT_TRUE(problem.text[0] != '\0');
		if (strcmp(problem.field, rows[i].field) != 0)
			printf("# %s: %s\n", rows[i].body, problem.field);
		json_decref(root);
		arena_free(a);
	}
}

/* A deployment's path names the model. */
static void
test_path(void)
{
	struct arena *a = arena_new(1024, 1 << 20);
	json_t *root = json_loads("{\"messages\":[{\"role\":\"user\"}]}", 0, NULL);
	struct dialect_problem problem;
	struct dialect_ask ask;

	CU_ASSERT_EQUAL(dialect_openai.read(a, root, "p", true, &ask, &problem), OK);
	CU_ASSERT_STRING_EQUAL(ask.model, "p");
	CU_ASSERT_TRUE(ask.stream);
	json_decref(root);
	arena_free(a);
}

/* ---- out ---------------------------------------------------------------------- */

#define HEAD \
	"data: {\"id\":\"chatcmpl-0123\",\"object\":\"chat.completion.chunk\",\"created\":9,\"model\":\"m\",\"choices\":["
#define DELTA(at, delta) "id: " at "\n" HEAD "{\"index\":0,\"delta\":{" delta "},\"finish_reason\":null}]}\n\n"
#define DONE(finish) \
	"{\"type\":\"done\",\"data\":{\"usage\":{\"input_tokens\":9,\"output_tokens\":4," \
	"\"cached_tokens\":3,\"reasoning_tokens\":2,\"estimated\":false,\"finish\":" finish "}}}"

static struct encoder
encoder(void)
{
	return (struct encoder){ .id = "01-23", .model = "m", .created_s = 9 };
}

static struct piece
piece_of(enum piece_kind kind, const char *text, uint64_t position)
{
	return (struct piece){ .kind = kind, .text = text, .len = strlen(text), .position = position };
}

static void
test_stream(void)
{
	struct encoder e = encoder();
	struct piece pieces[] = { piece_of(PIECE_REASONING, "hm", 2), piece_of(PIECE_SIGNATURE, "seal", 2),
		piece_of(PIECE_TEXT, "a\"b", 5), piece_of(PIECE_TEXT, "", 5), piece_of(PIECE_CALL, "", 5),
		piece_of(PIECE_CALL, "{\"x\"", 9), piece_of(PIECE_CALL, ":1}", 12), piece_of(PIECE_CALL, "{}", 14) };
	struct buf out = BUF_INIT(0);

	pieces[4].id = "c1";
	pieces[4].name = "f";
	pieces[7].call = 1;
	pieces[7].name = "g";
	dialect_openai.start(&e, &out, "{}");
	for (size_t i = 0; i < COUNT(pieces); i++)
		dialect_openai.piece(&e, &out, &pieces[i]);
	dialect_openai.end(&e, &out, 14, DONE("\"stop\""));
	CU_ASSERT_STRING_EQUAL(buf_str(&out),
	    DELTA("0", "\"role\":\"assistant\",\"content\":\"\"") DELTA("2", "\"reasoning_content\":\"hm\"") DELTA(
		"5", "\"content\":\"a\\\"b\"") DELTA("5",
		"\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"type\":\"function\",\"function\":"
		"{\"name\":\"f\",\"arguments\":\"\"}}]") DELTA("9",
		"\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"x\\\"\"}}]") DELTA("12",
		"\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\":1}\"}}]") DELTA("14",
		"\"tool_calls\":[{\"index\":1,\"id\":\"call_0123_1\",\"type\":\"function\","
		"\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]") "id: 14-1\n" HEAD
									"{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n");
	buf_free(&out);
}

static void
test_usage(void)
{
	struct encoder e = encoder();
	struct buf out = BUF_INIT(0);

	e.wants_usage = true;
	dialect_openai.start(&e, &out, "{}");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out), "\"finish_reason\":null}],\"usage\":null}\n\n"));
	buf_clear(&out);
	dialect_openai.end(&e, &out, 0, DONE("\"length\""));
	CU_ASSERT_STRING_EQUAL(buf_str(&out),
	    "id: 0-1\n" HEAD "{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}],\"usage\":null}\n\n" HEAD
	    "],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13,"
	    "\"prompt_tokens_details\":{\"cached_tokens\":3},\"completion_tokens_details\":{\"reasoning_tokens\":2}}}"
	    "\n\ndata: [DONE]\n\n");
	buf_free(&out);
}

/* Nobody may take a broken answer for a whole one. */
static void
test_broken(void)
{
	static const struct {
		const char *end, *says;
	} rows[] = {
		{ "{\"type\":\"error\",\"data\":{\"code\":\"upstream_failed\",\"message\":\"Oh\"}}",
		    "data: {\"error\":{\"message\":\"Oh\",\"type\":\"server_error\",\"param\":null,\"code\":"
		    "\"upstream_failed\"}}\n\n" },
		{ "{\"type\":\"error\",\"data\":{\"code\":\"insufficient_credits\"}}",
		    "data: {\"error\":{\"message\":\"Not enough credits.\",\"type\":\"insufficient_quota\",\"param\":null,"
		    "\"code\":\"insufficient_quota\"}}\n\n" },
		{ "{\"type\":\"cancelled\",\"data\":{}}",
		    "data: {\"error\":{\"message\":\"Stopped.\",\"type\":\"invalid_request_error\",\"param\":null,"
		    "\"code\":\"cancelled\"}}\n\n" },
	};
	struct encoder e = encoder();
	struct buf out = BUF_INIT(0);

	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_clear(&out);
		dialect_openai.end(&e, &out, 1, rows[i].end);
		CU_ASSERT_STRING_EQUAL(buf_str(&out), rows[i].says);
	}
	buf_clear(&out);
	dialect_openai.cut(&e, &out, E_INTERRUPTED, "Gone");
	CU_ASSERT_STRING_EQUAL(buf_str(&out),
	    "data: {\"error\":{\"message\":\"Gone\",\"type\":\"server_error\",\"param\":null,\"code\":"
	    "\"interrupted\"}}\n\n");
	buf_free(&out);
}

static void
check_whole(const char *end_json, int http, const char *says)
{
	struct encoder e = encoder();
	int status = 0;
	char *text = dialect_openai.whole(&e, NULL, end_json, LANG_EN, "r", &status);

	CU_ASSERT_EQUAL(status, http);
	CU_ASSERT_STRING_EQUAL(text, says);
	free(text);
}

static void
test_whole(void)
{
	check_whole(
	    "{\"type\":\"done\",\"data\":{\"content\":\"Hi\",\"reasoning\":\"hm\",\"usage\":{\"input_tokens\":1,"
	    "\"output_tokens\":2,\"cache_write_tokens\":1,\"finish\":null}}}",
	    200,
	    "{\"id\":\"chatcmpl-0123\",\"object\":\"chat.completion\",\"created\":9,\"model\":\"m\",\"choices\":"
	    "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hi\",\"reasoning_content\":\"hm\","
	    "\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,"
	    "\"completion_tokens\":2,\"total_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":0,"
	    "\"cache_write_tokens\":1},\"completion_tokens_details\":{\"reasoning_tokens\":0}}}");
	check_whole(
	    "{\"type\":\"done\",\"data\":{\"content\":\"\",\"calls\":[{\"id\":\"c\",\"name\":\"f\",\"arguments\":"
	    "\"{}\"}],\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"finish\":\"stop\"}}}",
	    200,
	    "{\"id\":\"chatcmpl-0123\",\"object\":\"chat.completion\",\"created\":9,\"model\":\"m\",\"choices\":"
	    "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\","
	    "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}],\"refusal\":null},"
	    "\"logprobs\":null,\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":1,"
	    "\"completion_tokens\":2,\"total_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":0},"
	    "\"completion_tokens_details\":{\"reasoning_tokens\":0}}}");
	check_whole("{\"type\":\"error\",\"data\":{\"code\":\"upstream_timeout\",\"message\":\"Late\"}}", 504,
	    "{\"error\":{\"message\":\"Late\",\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_timeout\"}}");
	/* an SDK would ask for it once more, had it our own 409 */
	check_whole("{\"type\":\"cancelled\",\"data\":{}}", 499,
	    "{\"error\":{\"message\":\"Stopped.\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":"
	    "\"cancelled\"}}");
}

static void
test_errors(void)
{
	static const struct {
		enum status st;
		const char *field;
		int http;
		const char *type, *code;
	} rows[] = {
		{ E_INVALID_REQUEST, "messages[2].content", 400, "invalid_request_error", "invalid_request" },
		{ E_UNAUTHENTICATED, NULL, 401, "invalid_request_error", "invalid_api_key" },
		{ E_INSUFFICIENT_CREDITS, NULL, 402, "insufficient_quota", "insufficient_quota" },
		{ E_FORBIDDEN, NULL, 403, "permission_error", "forbidden" },
		{ E_NOT_FOUND, "model", 404, "invalid_request_error", "model_not_found" },
		{ E_NOT_FOUND, NULL, 404, "invalid_request_error", "not_found" },
		{ E_TOO_LARGE, NULL, 413, "invalid_request_error", "too_large" },
		{ E_RATE_LIMITED, NULL, 429, "rate_limit_exceeded", "rate_limit_exceeded" },
		{ E_TASK_QUEUE_FULL, NULL, 429, "rate_limit_exceeded", "rate_limit_exceeded" },
		{ E_CONVERSATION_QUEUE_FULL, NULL, 429, "rate_limit_exceeded", "rate_limit_exceeded" },
		{ E_CONVERSATION_LIMIT, NULL, 429, "rate_limit_exceeded", "rate_limit_exceeded" },
		{ E_INTERNAL, NULL, 500, "server_error", "internal" },
		{ E_UPSTREAM_FAILED, NULL, 502, "server_error", "upstream_failed" },
		{ E_CONTENT_VIOLATION, NULL, 400, "invalid_request_error", "content_policy_violation" },
		{ E_UNAVAILABLE, NULL, 503, "server_error", "unavailable" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int http = status_http(rows[i].st);
		json_t *details = rows[i].field == NULL ? NULL : json_pack("{s:s}", "field", rows[i].field);
		json_t *body = dialect_openai.error(rows[i].st, "Oh", details, "r", &http);
		json_t *want = json_pack("{s:{s:s, s:s, s:s?, s:s}}", "error", "message", "Oh", "type", rows[i].type,
		    "param", rows[i].field, "code", rows[i].code);

		CU_ASSERT_EQUAL(http, rows[i].http);
		CU_ASSERT_TRUE(json_equal(body, want));
		json_decref(body);
		json_decref(want);
	}
}

/* The words say which field is to blame, and why. */
static void
test_error_words(void)
{
	int http = 400;
	json_t *body = dialect_openai.error(
	    E_INVALID_REQUEST, "Not valid.", json_pack("{s:s, s:s}", "field", "n", "problem", "must be 1"), "r", &http);

	CU_ASSERT_STRING_EQUAL(
	    json_string_value(json_object_get(json_object_get(body, "error"), "message")), "Not valid. n: must be 1");
	json_decref(body);
}

/* ---- there and back --------------------------------------------------------------- */

/* What the wire says of what was read; malloc'ed. */
static char *
said_again(const json_t *body, const char *base_url)
{
	const struct endpoint *e = wire_endpoint(&wire_openai, OP_CHAT);
	struct arena *a = arena_new(1024, 1 << 20);
	struct dialect_problem problem;
	struct dialect_ask ask;
	struct wire_target to;
	struct wire_body made;
	struct wire_request rq;
	char *text = NULL;

	CU_ASSERT_EQUAL_FATAL(dialect_openai.read(a, body, NULL, false, &ask, &problem), OK);
	to = (struct wire_target){
		.base_url = base_url, .model = ask.model, .max_output_tokens = ask.ask.max_output_tokens
	};
	CU_ASSERT_EQUAL_FATAL(e->body(a, &ask.ask, ask.stream, &made), OK);
	CU_ASSERT_EQUAL_FATAL(e->head(a, &to, &made, &rq), OK);
	text = strndup(rq.body, rq.body_len);
	arena_free(a);
	return text;
}

/* What can be said in both directions is the same in both. */
static void
test_asked_again(void)
{
	static const struct {
		const char *base_url, *body;
	} rows[] = {
		{ "https://api.openai.com",
		    "{\"model\":\"m\",\"max_completion_tokens\":5,\"seed\":7,\"temperature\":0.5,\"top_p\":0.25,"
		    "\"stop\":[\"a\"],\"reasoning_effort\":\"low\",\"user\":\"u\",\"stream\":true,\"stream_options\":"
		    "{\"include_usage\":true},\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\","
		    "\"content\":[{\"type\":\"text\",\"text\":\"see\"},{\"type\":\"image_url\",\"image_url\":{\"url\":"
		    "\"data:image/png;base64,AA==\"}},{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA==\","
		    "\"format\":\"mp3\"}},{\"type\":\"file\",\"file\":{\"filename\":\"a\",\"file_data\":"
		    "\"data:application/pdf;base64,AA==\"}}]},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":"
		    "[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{ }\"}},"
		    "{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]},"
		    "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":\"x\"},{\"role\":\"tool\",\"tool_call_id\":"
		    "\"c1\",\"content\":\"\"},{\"role\":\"user\",\"content\":\"\"},{\"role\":\"assistant\",\"content\":"
		    "\"ok\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\","
		    "\"parameters\":{\"type\":\"object\",\"required\":[]},\"strict\":true}},{\"type\":\"function\","
		    "\"function\":{\"name\":\"g\"}}],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"g\"}},"
		    "\"parallel_tool_calls\":false,\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
		    "{\"name\":\"X\",\"schema\":{\"type\":\"object\"},\"strict\":true}}}" },
		{ "https://api.deepseek.com",
		    "{\"model\":\"m\",\"max_tokens\":5,\"top_k\":40,\"response_format\":{\"type\":\"json_object\"},"
		    "\"messages\":[{\"role\":\"assistant\",\"reasoning_content\":\"hm\",\"content\":\"so\"},"
		    "{\"role\":\"user\",\"content\":\"hi\"}]}" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *body = json_loads(rows[i].body, 0, NULL), *again;
		char *text;

		CU_ASSERT_PTR_NOT_NULL_FATAL(body);
		text = said_again(body, rows[i].base_url);
		again = json_loads(text, 0, NULL);
		CU_ASSERT_TRUE(json_equal(body, again));
		if (!json_equal(body, again))
			printf("# %s\n# %s\n", rows[i].body, text);
		json_decref(body);
		json_decref(again);
		free(text);
	}
}

/* What a parser says, put together. */
struct heard {
	struct buf text, reasoning, calls;
	struct wire_usage usage;
	enum wire_finish finish;
	enum status failure;
	bool is_whole;
};

static void
hear(void *arg, const struct wire_event *e)
{
	struct heard *h = arg;

	switch (e->kind) {
	case WIRE_TEXT: buf_add(&h->text, e->text, e->len); break;
	case WIRE_REASONING: buf_add(&h->reasoning, e->text, e->len); break;
	case WIRE_CALL:
		if (e->name != NULL)
			buf_printf(&h->calls, "%zu %s %s ", e->call, e->id, e->name);
		buf_add(&h->calls, e->text, e->len);
		break;
	case WIRE_USAGE: h->usage = e->usage; break;
	case WIRE_FINISH: h->finish = e->finish; break;
	case WIRE_FAILURE: h->failure = e->failure.status; break;
	case WIRE_SIGNATURE:
	case WIRE_OWN: break;
	case WIRE_DONE: break;
	}
}

static struct heard
listen(bool stream, const char *bytes)
{
	void *parser = openai_chat_parser.start(stream, CAP);
	struct heard h = { .usage = WIRE_USAGE_UNTOLD };

	openai_chat_parser.feed(parser, bytes, strlen(bytes), hear, &h);
	h.is_whole = openai_chat_parser.end(parser, hear, &h);
	openai_chat_parser.free(parser);
	return h;
}

static void
forget(struct heard *h)
{
	buf_free(&h->text);
	buf_free(&h->reasoning);
	buf_free(&h->calls);
}

#define ENDS(how) \
	"{\"type\":\"done\",\"data\":{\"content\":\"a\\u4f60\",\"reasoning\":\"hm\",\"calls\":[{\"id\":\"c1\"," \
	"\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"},{\"id\":\"\",\"name\":\"g\",\"arguments\":\"{}\"}]," how "}}"
#define USED \
	"\"usage\":{\"input_tokens\":9,\"output_tokens\":4,\"cached_tokens\":3,\"cache_write_tokens\":1," \
	"\"reasoning_tokens\":2,\"finish\":\"tool_calls\"}"

static void
check_heard(struct heard *h)
{
	CU_ASSERT_TRUE(h->is_whole);
	CU_ASSERT_STRING_EQUAL(buf_str(&h->text), "a\xE4\xBD\xA0");
	CU_ASSERT_STRING_EQUAL(buf_str(&h->reasoning), "hm");
	CU_ASSERT_STRING_EQUAL(buf_str(&h->calls), "0 c1 f {\"x\":1}1 call_0123_1 g {}");
	CU_ASSERT_EQUAL(h->finish, FINISH_CALLS);
	CU_ASSERT_EQUAL(h->usage.input_tokens, 9);
	CU_ASSERT_EQUAL(h->usage.output_tokens, 4);
	CU_ASSERT_EQUAL(h->usage.cached_tokens, 3);
	CU_ASSERT_EQUAL(h->usage.cache_write_tokens, 1);
	CU_ASSERT_EQUAL(h->usage.reasoning_tokens, 2);
	forget(h);
}

/* A stream and a whole answer are read as what was told. */
static void
test_heard(void)
{
	struct encoder e = encoder();
	struct piece pieces[] = { piece_of(PIECE_REASONING, "h", 1), piece_of(PIECE_REASONING, "m", 2),
		piece_of(PIECE_TEXT, "a", 3), piece_of(PIECE_TEXT, "\xE4\xBD\xA0", 6),
		piece_of(PIECE_CALL, "{\"x\":", 11), piece_of(PIECE_CALL, "1}", 13), piece_of(PIECE_CALL, "{}", 15) };
	struct buf out = BUF_INIT(0);
	struct heard h;
	char *whole;
	int http;

	pieces[4].id = "c1";
	pieces[4].name = "f";
	pieces[6].call = 1;
	pieces[6].id = "";
	pieces[6].name = "g";
	e.wants_usage = true;
	dialect_openai.start(&e, &out, "{}");
	for (size_t i = 0; i < COUNT(pieces); i++)
		dialect_openai.piece(&e, &out, &pieces[i]);
	dialect_openai.end(&e, &out, 15, ENDS(USED));
	h = listen(true, buf_str(&out));
	check_heard(&h);
	whole = dialect_openai.whole(&e, "{}", ENDS(USED), LANG_EN, "r", &http);
	h = listen(false, whole);
	check_heard(&h);
	free(whole);
	buf_free(&out);
}

/* Whoever reads a broken answer knows that it is. */
static void
test_heard_broken(void)
{
	static const struct {
		enum status why, heard;
	} rows[] = {
		{ E_INTERRUPTED, E_UPSTREAM_FAILED },
		{ E_CONTENT_VIOLATION, E_CONTENT_VIOLATION },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct encoder e = encoder();
		struct piece piece = piece_of(PIECE_TEXT, "a", 1);
		struct buf out = BUF_INIT(0);
		struct heard h;

		dialect_openai.start(&e, &out, "{}");
		dialect_openai.piece(&e, &out, &piece);
		dialect_openai.cut(&e, &out, rows[i].why, "Oh");
		h = listen(true, buf_str(&out));
		CU_ASSERT_FALSE(h.is_whole);
		CU_ASSERT_STRING_EQUAL(buf_str(&h.text), "a");
		CU_ASSERT_EQUAL(h.failure, rows[i].heard);
		forget(&h);
		buf_free(&out);
	}
}

static CU_TestInfo in_tests[] = {
	{ "what real clients ask", test_clients },
	{ "messages", test_messages },
	{ "how it is to be answered", test_how },
	{ "what is wrong, and where", test_problems },
	{ "a path that names the model", test_path },
	CU_TEST_INFO_NULL,
};
static CU_TestInfo out_tests[] = {
	{ "a stream", test_stream },
	{ "usage where it is wanted", test_usage },
	{ "a broken stream", test_broken },
	{ "a whole answer", test_whole },
	{ "errors", test_errors },
	{ "the words of an error", test_error_words },
	CU_TEST_INFO_NULL,
};
static CU_TestInfo back_tests[] = {
	{ "what is asked is asked again", test_asked_again },
	{ "what is told is heard", test_heard },
	{ "what is broken is heard to be", test_heard_broken },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "in", NULL, NULL, NULL, NULL, in_tests },
	{ "out", NULL, NULL, NULL, NULL, out_tests },
	{ "there and back", NULL, NULL, NULL, NULL, back_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
