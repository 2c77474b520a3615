/*
 * OpenAI's Responses API: what clients ask, as real ones put it; what they are answered,
 * read back by the parser of the same wire; answers of providers, cut at every byte.
 *
 * The request of Codex is that of codex 0.171, recorded on a loopback mock in November
 * 2026, with its long texts shortened.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/responses/responses.h"
#include "tap.h"

#define CAP (1u << 20)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- in ----------------------------------------------------------------------- */

static void
put_part(struct buf *out, const struct ask_part *p)
{
	static const char *const kinds[] = { "T", "I", "V", "A", "F", "Think", "Call", "Result" };

	buf_printf(out, " %s(", kinds[p->kind]);
	if (p->id != NULL)
		buf_printf(out, "%s,", p->id);
	if (p->name != NULL)
		buf_printf(out, "%s,", p->name);
	buf_printf(out, "%s", p->text != NULL ? p->text : p->url);
	buf_puts(out, p->signature == NULL ? "" : "!");
	buf_printf(out, "%s)", p->signature == NULL ? "" : p->signature);
}

static void
put_how(struct buf *out, const struct ask_chat *chat)
{
	for (size_t i = 0; i < chat->n_tools; i++)
		buf_printf(out, " tool=%s,%s,%d", chat->tools[i].name,
		    chat->tools[i].parameters == NULL ? "-" : chat->tools[i].parameters, chat->tools[i].strict);
	if (chat->choice != CHOICE_AUTO)
		buf_printf(out, " choice=%d%s", (int)chat->choice, chat->choice_name == NULL ? "" : chat->choice_name);
	buf_puts(out, chat->one_call ? " one" : "");
	if (chat->format != FORMAT_TEXT)
		buf_printf(out, " format=%d,%s,%s,%d", (int)chat->format,
		    chat->schema_name == NULL ? "-" : chat->schema_name, chat->schema == NULL ? "-" : chat->schema,
		    chat->schema_strict);
	if (chat->effort != EFFORT_UNSAID)
		buf_printf(out, " effort=%d", (int)chat->effort);
	if (chat->temperature >= 0)
		buf_printf(out, " t=%g", chat->temperature);
	if (chat->top_p >= 0)
		buf_printf(out, " p=%g", chat->top_p);
	if (chat->user != NULL)
		buf_printf(out, " user=%s", chat->user);
}

/* All that an ask says, as one line. */
static void
put_ask(struct buf *out, const struct dialect_ask *ask)
{
	const struct ask_chat *chat = &ask->ask.chat;

	buf_printf(out, "%s%s ", ask->model, ask->stream ? " stream" : "");
	for (size_t i = 0; i < chat->n_messages; i++) {
		buf_printf(out, "%s%s:", i == 0 ? "" : " | ", chat->messages[i].role);
		for (size_t k = 0; k < chat->messages[i].n_parts; k++)
			put_part(out, &chat->messages[i].parts[k]);
	}
	put_how(out, chat);
	if (ask->ask.max_output_tokens > 0)
		buf_printf(out, " max=%lld", (long long)ask->ask.max_output_tokens);
	if (ask->own_only.text[0] != '\0')
		buf_printf(out, " own(%s)", ask->own_only.field);
	if (ask->after != NULL)
		buf_printf(out, " after=%s", ask->after);
	if (ask->echo != NULL)
		buf_printf(out, " echo=%s", ask->echo);
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
	if (dialect_responses.read(a, root, NULL, false, &ask, &problem) == OK)
		put_ask(&said, &ask);
	else
		buf_printf(&said, "!%s %s", problem.is_unsupported ? " unsupported" : "", problem.field);
	if (strcmp(buf_str(&said), says) != 0)
		printf("# %s\n#   says %s\n#   not  %s\n", body, buf_str(&said), says);
	CU_ASSERT_STRING_EQUAL(buf_str(&said), says);
	buf_free(&said);
	json_decref(root);
	arena_free(a);
}

struct row {
	const char *body, *says;
};

static void
check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_read(rows[i].body, rows[i].says);
}

#define CODEX_TOOLS \
	"\"tools\":[{\"type\":\"function\",\"name\":\"exec_command\",\"description\":\"Runs\",\"strict\":false," \
	"\"parameters\":{\"type\":\"object\",\"properties\":{\"cmd\":{\"type\":\"string\"}},\"required\":[\"cmd\"]," \
	"\"additionalProperties\":false}},{\"type\":\"namespace\",\"name\":\"multi_agent_v1\",\"description\":\"Sub\"," \
	"\"tools\":[{\"type\":\"function\",\"name\":\"close_agent\",\"description\":\"Close\",\"strict\":false," \
	"\"parameters\":{\"type\":\"object\",\"properties\":{}}}]}]"
#define CODEX_TOOLS_SAID \
	" tool=exec_command,{\"type\":\"object\",\"properties\":{\"cmd\":{\"type\":\"string\"}},\"required\":[\"cmd\"]," \
	"\"additionalProperties\":false},0 tool=multi_agent_v1__close_agent,{\"type\":\"object\",\"properties\":{}},0"
#define CODEX_MORE \
	"\"tool_choice\":\"auto\",\"parallel_tool_calls\":true,\"reasoning\":{\"summary\":\"auto\"},\"store\":false," \
	"\"include\":[\"reasoning.encrypted_content\"],\"prompt_cache_key\":\"01a2251a\",\"client_metadata\":{\"turn_id\":\"1\"}"
#define CODEX_ECHO \
	" echo={\"asked\":{\"parallel_tool_calls\":true,\"prompt_cache_key\":\"01a2251a\",\"reasoning\":{\"summary\":" \
	"\"auto\"},\"tool_choice\":\"auto\"},\"names\":{\"multi_agent_v1__close_agent\":{\"name\":\"close_agent\"," \
	"\"namespace\":\"multi_agent_v1\"}}}"

static void
test_clients(void)
{
	static const struct row rows[] = {
		/* openai-python, openai-node, langchain, the AI SDK */
		{ "{\"model\":\"mock\",\"input\":\"hi\"}", "mock user: T(hi)" },
		{ "{\"model\":\"mock\",\"input\":\"hi\",\"stream\":true}", "mock stream user: T(hi)" },
		{ "{\"input\":[{\"content\":\"hi\",\"role\":\"user\",\"type\":\"message\"}],\"model\":\"mock\","
		  "\"stream\":false}",
		    "mock user: T(hi)" },
		{ "{\"model\":\"mock\",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"
		  "\"hi\"}]}]}",
		    "mock user: T(hi)" },
		/* codex, first and second request of a turn */
		{ "{\"model\":\"mock\",\"stream\":true,\"input\":[{\"type\":\"message\",\"id\":\"msg_1\",\"role\":"
		  "\"developer\",\"content\":[{\"type\":\"input_text\",\"text\":\"You\"}]},{\"type\":\"message\",\"id\":"
		  "\"msg_2\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"say hi\"}]}]," CODEX_TOOLS
		  "," CODEX_MORE "}",
		    "mock stream system: T(You) | user: T(say hi)" CODEX_TOOLS_SAID CODEX_ECHO },
		{ "{\"model\":\"mock\",\"stream\":true,\"input\":[{\"type\":\"message\",\"id\":\"msg_2\",\"role\":\"user\","
		  "\"content\":[{\"type\":\"input_text\",\"text\":\"say hi\"}]},{\"type\":\"reasoning\",\"id\":"
		  "\"rs_mock1\",\"summary\":[],\"content\":null,\"encrypted_content\":\"ENC-OPAQUE-1\"},{\"type\":"
		  "\"function_call\",\"status\":\"completed\",\"id\":\"fc_mock1\",\"name\":\"view_image\",\"arguments\":"
		  "\"{\\\"path\\\": \\\"work/a.txt\\\"}\",\"call_id\":\"call_a1\"},{\"type\":\"function_call\",\"name\":"
		  "\"close_agent\",\"namespace\":\"multi_agent_v1\",\"arguments\":\"{}\",\"call_id\":\"call_b2\"},"
		  "{\"type\":\"function_call_output\",\"call_id\":\"call_a1\",\"output\":\"no\"},{\"type\":"
		  "\"function_call_output\",\"call_id\":\"call_b2\",\"output\":[{\"type\":\"input_text\",\"text\":\"y\"},"
		  "{\"type\":\"input_text\",\"text\":\"es\"}]}]," CODEX_TOOLS "," CODEX_MORE "}",
		    "mock stream user: T(say hi) | assistant: Think(!openai10ENC-OPAQUE-1)"
		    " Call(call_a1,view_image,{\"path\": \"work/a.txt\"})"
		    " Call(call_b2,multi_agent_v1__close_agent,{}) | user: Result(call_a1,view_image,no)"
		    " Result(call_b2,multi_agent_v1__close_agent,yes)" CODEX_TOOLS_SAID CODEX_ECHO },
	};

	check_rows(rows, COUNT(rows));
}

#define INPUT(items) "{\"model\":\"m\",\"input\":[" items "]}"
#define WITH(members) "{\"model\":\"m\",\"input\":\"\"," members "}"
#define SAY(role, text) "{\"role\":\"" role "\",\"content\":\"" text "\"}"
#define CALL(id) "{\"type\":\"function_call\",\"call_id\":\"" id "\",\"name\":\"f\",\"arguments\":\"{}\"}"
#define THOUGHT(text, seal) \
	"{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"" text \
	"\"}],\"encrypted_content\":\"" seal "\"}"

static void
test_items(void)
{
	static const struct row rows[] = {
		{ "{\"model\":\"m\",\"instructions\":\"Be\",\"input\":[" SAY("system", "a") "," SAY(
		      "developer", "b") "]}",
		    "m system: T(Be) | system: T(a) | system: T(b)" },
		{ INPUT(
		      "{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"detail\":\"low\",\"image_url\":"
		      "\"https://x/i\"},{\"type\":\"input_file\",\"filename\":\"a.pdf\",\"file_data\":\"AA==\"},{\"type\":"
		      "\"input_file\",\"file_url\":\"https://x/f\"}]}"),
		    "m user: I(https://x/i) F(a.pdf,data:application/pdf;base64,AA==) F(https://x/f)" },
		{ INPUT(
		      "{\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"a\",\"annotations\":[]},"
		      "{\"type\":\"refusal\",\"refusal\":\"no\"}]}," SAY("assistant", "b")),
		    "m assistant: T(a) T(no) | assistant: T(b)" },
		/* thoughts, seals of ours and of others; calls and their results stand side by side */
		{ INPUT(THOUGHT("hm", "weir1.S") "," SAY("assistant", "so") "," CALL("c1") "," THOUGHT(
		      "", "gAAA") "," THOUGHT("ha",
		      "gAAA") "," CALL("c2") ",{\"type\":\"function_call_output\",\"call_id\":\"c2\","
					     "\"output\":\"2\"},{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":[{\"type\":"
					     "\"input_image\",\"image_url\":\"data:image/png;base64,AA==\"}]}," SAY(
						 "user", "go")),
		    "m assistant: Think(hm!S) T(so) Call(c1,f,{}) Think(!openai10gAAA) Think(ha!openai10gAAA)"
		    " Call(c2,f,{}) | user: Result(c2,f,2) Result(c1,f,) I(data:image/png;base64,AA==) | user: T(go)" },
		{ INPUT("{\"type\":\"reasoning\",\"content\":[{\"type\":\"reasoning_text\",\"text\":\"a\"},{\"type\":"
			"\"reasoning_text\",\"text\":\"b\"}]}"),
		    "m assistant: Think(a\n\nb)" },
		{ INPUT(
		      "{\"type\":\"custom_tool_call\",\"call_id\":\"c\",\"name\":\"patch\",\"input\":\"+a\"},{\"type\":"
		      "\"custom_tool_call_output\",\"call_id\":\"c\",\"output\":\"ok\"}"),
		    "m assistant: Call(c,patch,{\"input\":\"+a\"}) | user: Result(c,patch,ok)" },
		/* what only its own provider knows */
		{ INPUT(SAY("user", "x") ",{\"type\":\"item_reference\",\"id\":\"rs_1\"}"),
		    "m user: T(x) own(input[1].type)" },
		{ INPUT("{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"file_id\":\"f\"}]}"),
		    "m user: own(input[0].content[0].file_id)" },
		{ "{\"model\":\"m\",\"previous_response_id\":\"resp_1\",\"input\":[]}",
		    "m  own(previous_response_id) after=resp_1" },
	};

	check_rows(rows, COUNT(rows));
}

static void
test_how(void)
{
	static const struct row rows[] = {
		{ WITH("\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"X\",\"strict\":true,\"schema\":{}}}"),
		    "m user: T() format=2,X,{},1 echo={\"asked\":{\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":"
		    "\"X\",\"strict\":true,\"schema\":{}}}}}" },
		{ WITH("\"text\":{\"format\":{\"type\":\"json_object\"}},\"reasoning\":{\"effort\":\"low\"}"),
		    "m user: T() format=1,-,-,0 effort=3 echo={\"asked\":{\"reasoning\":{\"effort\":\"low\"},\"text\":"
		    "{\"format\":{\"type\":\"json_object\"}}}}" },
		{ WITH("\"max_output_tokens\":7,\"temperature\":0,\"top_p\":0.5,\"user\":\"u\""),
		    "m user: T() t=0 p=0.5 user=u max=7 echo={\"asked\":{\"max_output_tokens\":7,\"temperature\":0,"
		    "\"top_p\":0.5,\"user\":\"u\"}}" },
		{ WITH(
		      "\"tools\":[{\"type\":\"custom\",\"name\":\"patch\",\"format\":{\"type\":\"grammar\",\"syntax\":"
		      "\"lark\",\"definition\":\"start: x\"}}],\"tool_choice\":\"required\",\"parallel_tool_calls\":false"),
		    "m user: T() tool=patch,{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},"
		    "\"required\":[\"input\"],\"additionalProperties\":false},0 choice=2 one echo={\"asked\":"
		    "{\"parallel_tool_calls\":false,\"tool_choice\":\"required\"},\"names\":{\"patch\":{\"name\":\"patch\","
		    "\"is_custom\":true}}}" },
		{ WITH("\"tool_choice\":{\"type\":\"function\",\"name\":\"g\",\"namespace\":\"n\"}"),
		    "m user: T() choice=3n__g echo={\"asked\":{\"tool_choice\":{\"type\":\"function\",\"name\":\"g\","
		    "\"namespace\":\"n\"}}}" },
		{ WITH("\"tools\":[{\"type\":\"web_search\",\"external_web_access\":false}]"), "m user: T()" },
		{ WITH("\"tools\":[{\"type\":\"mcp\"}]"), "m user: T() own(tools[0].type)" },
		{ WITH("\"prompt\":{\"id\":\"p\"},\"top_logprobs\":2"), "m user: T() own(prompt)" },
		{ WITH("\"include\":[\"message.output_text.logprobs\"]"), "m user: T() own(include)" },
		/* a name that is too long stays one of a kind */
		{ WITH(
		      "\"tools\":[{\"type\":\"namespace\",\"name\":\"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\",\"tools\":"
		      "[{\"type\":\"function\",\"name\":\"ffffffffffffffffffffffffffffffff\"}]}]"),
		    "m user: T() tool=nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn__fffffffffffff_2e7140dd,-,0 echo={\"names\":"
		    "{\"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn__fffffffffffff_2e7140dd\":{\"name\":"
		    "\"ffffffffffffffffffffffffffffffff\",\"namespace\":\"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\"}}}" },
		/* what says nothing */
		{ WITH("\"instructions\":null,\"tools\":null,\"tool_choice\":null,\"text\":null,\"reasoning\":null,"
		       "\"temperature\":null,\"previous_response_id\":null,\"conversation\":null,\"background\":false,"
		       "\"store\":true,\"unknown\":{\"a\":1},\"prompt\":null,\"service_tier\":\"auto\""),
		    "m user: T()" },
	};

	check_rows(rows, COUNT(rows));
}

static void
test_problems(void)
{
	static const struct row rows[] = {
		{ "[]", "! " },
		{ "{\"input\":\"\"}", "! model" },
		{ "{\"model\":\"m\"}", "! input" },
		{ "{\"model\":\"m\",\"input\":[]}", "! input" },
		{ "{\"model\":\"m\",\"input\":7}", "! input" },
		{ WITH("\"background\":true"), "! unsupported background" },
		{ WITH("\"conversation\":\"c\""), "! unsupported conversation" },
		{ WITH("\"instructions\":7"), "! instructions" },
		{ WITH("\"previous_response_id\":7"), "! previous_response_id" },
		{ WITH("\"include\":7"), "! include" },
		{ WITH("\"stream\":1"), "! stream" },
		{ WITH("\"tools\":7"), "! tools" },
		{ WITH("\"tools\":[7]"), "! tools[0]" },
		{ WITH("\"tools\":[{}]"), "! tools[0].type" },
		{ WITH("\"tools\":[{\"type\":\"function\"}]"), "! tools[0].name" },
		{ WITH("\"tools\":[{\"type\":\"custom\"}]"), "! tools[0].name" },
		{ WITH("\"tools\":[{\"type\":\"namespace\"}]"), "! tools[0].name" },
		{ WITH("\"tools\":[{\"type\":\"namespace\",\"name\":\"n\",\"tools\":7}]"), "! tools[0].tools" },
		{ WITH("\"tools\":[{\"type\":\"namespace\",\"name\":\"n\",\"tools\":[7]}]"), "! tools[0].tools[0]" },
		{ WITH("\"tools\":[{\"type\":\"namespace\",\"name\":\"n\",\"tools\":[{}]}]"),
		    "! tools[0].tools[0].type" },
		{ WITH("\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":7}]"),
		    "! tools[0].parameters" },
		{ WITH("\"tools\":[{\"type\":\"web_search_preview\"}]"), "! unsupported tools[0].type" },
		{ WITH("\"tools\":[{\"type\":\"image_generation\"}]"), "! unsupported tools[0].type" },
		{ WITH("\"tool_choice\":7"), "! tool_choice" },
		{ WITH("\"tool_choice\":\"perhaps\""), "! tool_choice" },
		{ WITH("\"tool_choice\":{}"), "! tool_choice.type" },
		{ WITH("\"tool_choice\":{\"type\":\"function\"}"), "! tool_choice.name" },
		{ WITH("\"parallel_tool_calls\":7"), "! parallel_tool_calls" },
		{ WITH("\"text\":7"), "! text" },
		{ WITH("\"text\":{\"format\":7}"), "! text.format" },
		{ WITH("\"text\":{\"format\":{}}"), "! text.format.type" },
		{ WITH("\"text\":{\"format\":{\"type\":\"xml\"}}"), "! text.format.type" },
		{ WITH("\"text\":{\"format\":{\"type\":\"json_schema\"}}"), "! text.format.schema" },
		{ WITH("\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":7}}"), "! text.format.name" },
		{ WITH("\"reasoning\":7"), "! reasoning" },
		{ WITH("\"reasoning\":{\"effort\":\"heroic\"}"), "! reasoning.effort" },
		{ WITH("\"temperature\":3"), "! temperature" },
		{ WITH("\"top_p\":3"), "! top_p" },
		{ WITH("\"max_output_tokens\":0"), "! max_output_tokens" },
		{ WITH("\"user\":7"), "! user" },
		{ WITH("\"safety_identifier\":7"), "! safety_identifier" },
		{ INPUT("7"), "! input[0]" },
		{ INPUT("{\"type\":7}"), "! input[0].type" },
		{ INPUT("{}"), "! input[0].role" },
		{ INPUT("{\"role\":\"bard\",\"content\":\"\"}"), "! input[0].role" },
		{ INPUT("{\"role\":\"user\"}"), "! input[0].content" },
		{ INPUT("{\"role\":\"user\",\"content\":7}"), "! input[0].content" },
		{ INPUT("{\"role\":\"user\",\"content\":[7]}"), "! input[0].content[0]" },
		{ INPUT("{\"role\":\"user\",\"content\":[{}]}"), "! input[0].content[0].type" },
		{ INPUT("{\"role\":\"user\",\"content\":[{\"type\":\"input_text\"}]}"), "! input[0].content[0].text" },
		{ INPUT("{\"role\":\"user\",\"content\":[{\"type\":\"refusal\"}]}"), "! input[0].content[0].refusal" },
		{ INPUT("{\"role\":\"user\",\"content\":[{\"type\":\"input_image\"}]}"),
		    "! input[0].content[0].image_url" },
		{ INPUT("{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"file:///x\"}]}"),
		    "! input[0].content[0].image_url" },
		{ INPUT("{\"role\":\"user\",\"content\":[{\"type\":\"input_file\"}]}"),
		    "! input[0].content[0].file_data" },
		{ INPUT("{\"role\":\"user\",\"content\":[{\"type\":\"input_file\",\"file_url\":\"x\"}]}"),
		    "! input[0].content[0].file_url" },
		{ INPUT("{\"type\":\"function_call\",\"name\":\"f\"}"), "! input[0].call_id" },
		{ INPUT("{\"type\":\"function_call\",\"call_id\":\"c\"}"), "! input[0].name" },
		{ INPUT("{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":7}"),
		    "! input[0].arguments" },
		{ INPUT("{\"type\":\"custom_tool_call\",\"call_id\":\"c\"}"), "! input[0].name" },
		{ INPUT("{\"type\":\"function_call_output\"}"), "! input[0].call_id" },
		{ INPUT("{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":7}"), "! input[0].output" },
		{ INPUT("{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":[{\"type\":\"input_text\","
			"\"text\":\"x\"},{}]}"),
		    "! input[0].output[1].type" },
		{ INPUT("{\"type\":\"reasoning\",\"encrypted_content\":7}"), "! input[0].encrypted_content" },
	};

	check_rows(rows, COUNT(rows));
}

/* ---- there and back --------------------------------------------------------------- */

/* What the wire says of what was read; malloc'ed. */
static char *
said_again(const json_t *body)
{
	const struct endpoint *e = wire_endpoint(&wire_responses, OP_CHAT);
	struct arena *a = arena_new(1024, 1 << 20);
	struct dialect_problem problem;
	struct dialect_ask ask;
	struct wire_target to;
	struct wire_body made;
	struct wire_request rq;
	char *text = NULL;

	CU_ASSERT_EQUAL_FATAL(dialect_responses.read(a, body, NULL, false, &ask, &problem), OK);
	to = (struct wire_target){
		.base_url = "https://api.openai.com", .model = ask.model, .max_output_tokens = ask.ask.max_output_tokens
	};
	CU_ASSERT_EQUAL_FATAL(e->body(a, &ask.ask, ask.stream, &made), OK);
	CU_ASSERT_EQUAL_FATAL(e->head(a, &to, &made, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.url, "https://api.openai.com/v1/responses");
	text = strndup(rq.body, rq.body_len);
	arena_free(a);
	return text;
}

static void
test_asked_again(void)
{
	static const char said[] =
	    "{\"model\":\"m\",\"max_output_tokens\":5,\"input\":[{\"type\":\"message\",\"role\":\"system\",\"content\":"
	    "[{\"type\":\"input_text\",\"text\":\"s\"}]},{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":"
	    "\"input_text\",\"text\":\"see\"},{\"type\":\"input_image\",\"image_url\":\"https://x/i\"},{\"type\":"
	    "\"input_file\",\"filename\":\"a\",\"file_data\":\"data:application/pdf;base64,AA==\"},{\"type\":"
	    "\"input_file\",\"file_url\":\"https://x/f\"}]},{\"type\":\"reasoning\",\"summary\":[{\"type\":"
	    "\"summary_text\",\"text\":\"hm\"}],\"encrypted_content\":\"weir1.openai10E\"},{\"type\":\"message\",\"role\":"
	    "\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"so\"}]},{\"type\":\"function_call\","
	    "\"call_id\":\"c1\",\"name\":\"f\",\"arguments\":\"{ }\"},{\"type\":\"function_call\",\"call_id\":\"c2\","
	    "\"name\":\"g\",\"arguments\":\"{\\\"a\\\":1}\"},{\"type\":\"function_call_output\",\"call_id\":\"c2\","
	    "\"output\":\"2\"},{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"\"}],\"tools\":[{\"type\":"
	    "\"function\",\"name\":\"f\",\"description\":\"d\",\"parameters\":{\"type\":\"object\"},\"strict\":true},"
	    "{\"type\":\"function\",\"name\":\"g\",\"parameters\":{\"type\":\"object\",\"properties\":{}},\"strict\":"
	    "false}],\"tool_choice\":{\"type\":\"function\",\"name\":\"g\"},\"parallel_tool_calls\":false,"
	    "\"temperature\":0.5,\"top_p\":0.25,\"user\":\"u\",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"X\","
	    "\"schema\":{\"type\":\"object\"},\"strict\":true}},\"reasoning\":{\"effort\":\"low\",\"summary\":\"auto\"},"
	    "\"include\":[\"reasoning.encrypted_content\"],\"store\":false,\"stream\":true}";
	json_t *body = json_loads(said, 0, NULL), *again, *seal;
	char *text;

	CU_ASSERT_PTR_NOT_NULL_FATAL(body);
	text = said_again(body);
	again = json_loads(text, 0, NULL);
	seal = json_array_get(json_object_get(body, "input"), 2); /* which its maker gets as it made it */
	json_object_set_new(seal, "encrypted_content", json_string("E"));
	CU_ASSERT_TRUE(json_equal(body, again));
	if (!json_equal(body, again))
		printf("# %s\n# %s\n", said, text);
	free(text);
	json_decref(again);
	json_decref(body);
}

/* ---- out ------------------------------------------------------------------------- */

struct heard {
	struct buf text, reasoning, calls, seal, id;
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
	case WIRE_SIGNATURE: buf_add(&h->seal, e->text, e->len); break;
	case WIRE_CALL:
		if (e->name != NULL)
			buf_printf(&h->calls, "[%zu %s %s]", e->call, e->id, e->name);
		buf_add(&h->calls, e->text, e->len);
		break;
	case WIRE_USAGE: h->usage = e->usage; break;
	case WIRE_FINISH: h->finish = e->finish; break;
	case WIRE_FAILURE: h->failure = e->failure.status; break;
	case WIRE_OWN:
		if (e->id != NULL)
			buf_puts(&h->id, e->id);
		break;
	case WIRE_DONE: break;
	}
}

static struct heard
listen(bool stream, const char *bytes, size_t slice)
{
	void *parser = responses_parser.start(stream, CAP);
	struct heard h = { .usage = WIRE_USAGE_UNTOLD };
	size_t len = strlen(bytes);

	for (size_t at = 0; at < len; at += slice)
		if (!responses_parser.feed(parser, bytes + at, len - at < slice ? len - at : slice, hear, &h))
			break;
	h.is_whole = responses_parser.end(parser, hear, &h);
	responses_parser.free(parser);
	return h;
}

static void
forget(struct heard *h)
{
	buf_free(&h->text);
	buf_free(&h->reasoning);
	buf_free(&h->calls);
	buf_free(&h->seal);
	buf_free(&h->id);
}

static struct encoder
encoder(const char *echo)
{
	return (struct encoder){ .id = "01-23", .model = "m", .created_s = 9, .echo = echo };
}

static struct piece
piece_of(enum piece_kind kind, const char *text, uint64_t position)
{
	return (struct piece){ .kind = kind, .text = text, .len = strlen(text), .position = position };
}

#define DONE(finish) \
	"{\"type\":\"done\",\"data\":{\"usage\":{\"input_tokens\":9,\"output_tokens\":4," \
	"\"cached_tokens\":3,\"reasoning_tokens\":2,\"estimated\":false,\"finish\":" finish "}}}"

/* A thought and its seal, a text, and two calls whose arguments come by turns. */
static void
tell_all(struct encoder *e, struct buf *out, const char *end_json)
{
	struct piece pieces[] = { piece_of(PIECE_REASONING, "h", 1), piece_of(PIECE_REASONING, "m", 2),
		piece_of(PIECE_SIGNATURE, "seal", 6), piece_of(PIECE_TEXT, "a\"b", 9), piece_of(PIECE_TEXT, "", 9),
		piece_of(PIECE_CALL, "", 9), piece_of(PIECE_CALL, "{\"x\"", 13),
		piece_of(PIECE_CALL, "{\"input\":\"+", 20), piece_of(PIECE_CALL, ":1}", 23),
		piece_of(PIECE_CALL, "a\"}", 26) };

	pieces[5].id = "c1";
	pieces[5].name = "n__f";
	pieces[7].call = pieces[9].call = 1;
	pieces[7].id = "";
	pieces[7].name = "patch";
	dialect_responses.start(e, out, "{}");
	for (size_t i = 0; i < COUNT(pieces); i++)
		dialect_responses.piece(e, out, &pieces[i]);
	dialect_responses.end(e, out, 26, end_json);
}

/* The types of the events, one behind the other. */
static void
put_types(const struct buf *events, struct buf *out)
{
	for (const char *at = buf_str(events); (at = strstr(at, "event: ")) != NULL; at++)
		buf_printf(out, "%.*s ", (int)strcspn(at + 7, "\n"), at + 7);
}

static void
test_stream(void)
{
	struct encoder e = encoder(
	    "{\"names\":{\"n__f\":{\"name\":\"f\",\"namespace\":\"n\"},\"patch\":{\"name\":\"patch\","
	    "\"is_custom\":true}}}");
	struct buf out = BUF_INIT(0), types = BUF_INIT(0);

	tell_all(&e, &out, DONE("\"stop\""));
	put_types(&out, &types);
	CU_ASSERT_STRING_EQUAL(buf_str(&types),
	    "response.created response.in_progress response.output_item.added response.reasoning_summary_part.added "
	    "response.reasoning_summary_text.delta response.reasoning_summary_text.delta "
	    "response.reasoning_summary_text.done response.reasoning_summary_part.done response.output_item.done "
	    "response.output_item.added response.content_part.added response.output_text.delta "
	    "response.output_text.done response.content_part.done response.output_item.done "
	    "response.output_item.added response.function_call_arguments.delta response.output_item.added "
	    "response.function_call_arguments.delta response.function_call_arguments.done response.output_item.done "
	    "response.custom_tool_call_input.delta response.custom_tool_call_input.done response.output_item.done "
	    "response.completed ");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out),
	    "id: 9\nevent: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\","
	    "\"sequence_number\":9216,\"item_id\":\"msg_0123_1\",\"output_index\":1,\"content_index\":0,\"logprobs\":[],"
	    "\"delta\":\"a\\\"b\"}\n\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out),
	    "\"item\":{\"id\":\"rs_0123_0\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":"
	    "\"hm\"}],\"encrypted_content\":\"weir1.seal\"}}\n\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out),
	    "\"item\":{\"id\":\"fc_0123_2\",\"type\":\"function_call\",\"status\":\"completed\",\"call_id\":\"c1\","
	    "\"name\":\"f\",\"namespace\":\"n\",\"arguments\":\"{\\\"x\\\":1}\"}}\n\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out),
	    "\"item\":{\"id\":\"ctc_0123_3\",\"type\":\"custom_tool_call\",\"status\":\"completed\",\"call_id\":"
	    "\"call_0123_1\",\"name\":\"patch\",\"input\":\"+a\"}}\n\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out), "id: 26-1\nevent: response.completed\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out),
	    "\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":3},\"output_tokens\":4,"
	    "\"output_tokens_details\":{\"reasoning_tokens\":2},\"total_tokens\":13}}}\n\n"));
	dialect_responses.forget(&e);
	CU_ASSERT_PTR_NULL(e.state);
	buf_free(&out);
	buf_free(&types);
}

/* Every event's data is JSON, and they are numbered. */
static void
test_events_are_json(void)
{
	struct encoder e = encoder(
	    "{\"asked\":{\"metadata\":{\"a\":\"b\"},\"text\":{\"format\":{\"type\":\"text\"}}}}");
	struct buf out = BUF_INIT(0);
	json_int_t number = 0, last = -1;

	tell_all(&e, &out, DONE("\"length\""));
	for (const char *at = buf_str(&out); (at = strstr(at, "data: ")) != NULL; at++) {
		json_t *data = json_loadb(at + 6, strcspn(at + 6, "\n"), 0, NULL);

		CU_ASSERT_PTR_NOT_NULL_FATAL(data);
		CU_ASSERT(json_integer_value(json_object_get(data, "sequence_number")) > last);
		last = json_integer_value(json_object_get(data, "sequence_number"));
		number++;
		json_decref(data);
	}
	CU_ASSERT_EQUAL(number, 26);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out), "\"metadata\":{\"a\":\"b\"}"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out), "event: response.incomplete\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out), "\"incomplete_details\":{\"reason\":\"max_output_tokens\"}"));
	dialect_responses.forget(&e);
	buf_free(&out);
}

/* The events behind the one of that number. */
static const char *
behind(const char *events, json_int_t number)
{
	for (const char *at = events; (at = strstr(at, "data: ")) != NULL; at++) {
		json_t *data = json_loadb(at + 6, strcspn(at + 6, "\n"), 0, NULL);
		json_int_t there = json_integer_value(json_object_get(data, "sequence_number"));

		json_decref(data);
		if (there == number)
			return strstr(at, "\n\n") + 2;
	}
	return NULL;
}

/* Told again in other pieces, behind any of its events: what the first telling had there, but for its deltas. */
static void
test_told_on(void)
{
	struct encoder first = encoder(NULL);
	struct buf out = BUF_INIT(0);

	tell_all(&first, &out, DONE("\"stop\""));
	for (const char *at = buf_str(&out); (at = strstr(at, "\"sequence_number\":")) != NULL; at++) {
		json_int_t number = atoll(at + sizeof("\"sequence_number\":") - 1);
		struct encoder e = encoder(NULL);
		struct buf again = BUF_INIT(0);

		e.seen_events = (uint64_t)number + 1;
		tell_all(&e, &again, DONE("\"stop\""));
		CU_ASSERT_STRING_EQUAL(buf_str(&again), behind(buf_str(&out), number));
		dialect_responses.forget(&e);
		buf_free(&again);
	}
	dialect_responses.forget(&first);
	buf_free(&out);
}

/* The same numbers, whatever the pieces are. */
static void
test_numbers_stay(void)
{
	struct encoder small = encoder(NULL), large = encoder(NULL);
	struct piece pieces[] = { piece_of(PIECE_TEXT, "a", 1), piece_of(PIECE_TEXT, "bc", 3),
		piece_of(PIECE_TEXT, "d", 4) };
	struct piece all = piece_of(PIECE_TEXT, "abcd", 4), thought = piece_of(PIECE_REASONING, "e", 5);
	struct buf out = BUF_INIT(0), again = BUF_INIT(0);

	dialect_responses.start(&small, &out, "{}");
	dialect_responses.start(&large, &again, "{}");
	for (size_t i = 0; i < COUNT(pieces); i++)
		dialect_responses.piece(&small, &out, &pieces[i]);
	dialect_responses.piece(&large, &again, &all);
	dialect_responses.piece(&small, &out, &thought);
	dialect_responses.piece(&large, &again, &thought);
	dialect_responses.end(&small, &out, 5, DONE("\"stop\""));
	dialect_responses.end(&large, &again, 5, DONE("\"stop\""));
	/* behind the last delta of the text all is the same */
	CU_ASSERT_STRING_EQUAL(behind(buf_str(&out), 4 * RESPONSES_STEP), behind(buf_str(&again), 4 * RESPONSES_STEP));
	dialect_responses.forget(&small);
	dialect_responses.forget(&large);
	buf_free(&out);
	buf_free(&again);
}

#define HEARD_CALLS "[0 c1 n__f]{\"x\":1}[1 call_0123_1 patch]{\"input\":\"+a\"}"

/* What is told is read as it was, in any slicing; whole, streamed, and where nobody heard the deltas. */
static void
test_heard_again(void)
{
	struct encoder e = encoder(NULL);
	struct buf out = BUF_INIT(0);
	struct heard h;

	tell_all(&e, &out, DONE("\"stop\""));
	for (size_t slice = 1; slice < 40; slice++) {
		h = listen(true, buf_str(&out), slice);
		CU_ASSERT_TRUE(h.is_whole);
		CU_ASSERT_STRING_EQUAL(buf_str(&h.text), "a\"b");
		CU_ASSERT_STRING_EQUAL(buf_str(&h.reasoning), "hm");
		CU_ASSERT_STRING_EQUAL(buf_str(&h.seal), "openai10weir1.seal");
		CU_ASSERT_EQUAL(h.finish, FINISH_CALLS);
		CU_ASSERT_STRING_EQUAL(buf_str(&h.id), "resp_0123");
		CU_ASSERT_EQUAL(h.usage.input_tokens, 9);
		CU_ASSERT_EQUAL(h.usage.cached_tokens, 3);
		CU_ASSERT_EQUAL(h.usage.output_tokens, 4);
		CU_ASSERT_EQUAL(h.usage.reasoning_tokens, 2);
		forget(&h);
	}
	h = listen(true, strstr(buf_str(&out), "event: response.completed"), 7);
	CU_ASSERT_STRING_EQUAL(buf_str(&h.calls), HEARD_CALLS);
	CU_ASSERT_STRING_EQUAL(buf_str(&h.text), "a\"b");
	CU_ASSERT_STRING_EQUAL(buf_str(&h.reasoning), "hm");
	forget(&h);
	dialect_responses.forget(&e);
	buf_free(&out);
}

static void
test_whole(void)
{
	struct encoder e = encoder("{\"names\":{\"patch\":{\"name\":\"patch\",\"is_custom\":true}}}");
	int status = 0;
	char *text = dialect_responses.whole(&e, NULL,
	    "{\"type\":\"done\",\"data\":{\"content\":\"Hi\",\"reasoning\":\"hm\",\"signature\":\"s\",\"calls\":[{\"id\":\"c\","
	    "\"name\":\"f\",\"arguments\":\"{}\"},{\"id\":\"\",\"name\":\"patch\",\"arguments\":\"{\\\"input\\\":\\\"+a\\\"}\"}],"
	    "\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"finish\":null}}}",
	    LANG_EN, "r", &status);
	struct heard h;

	CU_ASSERT_EQUAL(status, 200);
	CU_ASSERT_STRING_EQUAL(text,
	    "{\"id\":\"resp_0123\",\"object\":\"response\",\"created_at\":9,\"status\":\"completed\",\"background\":false,"
	    "\"error\":null,\"incomplete_details\":null,\"instructions\":null,\"model\":\"m\",\"output\":[{\"id\":"
	    "\"rs_0123_0\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"hm\"}],"
	    "\"encrypted_content\":\"weir1.s\"},{\"id\":\"msg_0123_1\",\"type\":\"message\",\"status\":\"completed\",\"role\":"
	    "\"assistant\",\"content\":[{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"Hi\"}]},"
	    "{\"id\":\"fc_0123_2\",\"type\":\"function_call\",\"status\":\"completed\",\"call_id\":\"c\",\"name\":\"f\","
	    "\"arguments\":\"{}\"},{\"id\":\"ctc_0123_3\",\"type\":\"custom_tool_call\",\"status\":\"completed\",\"call_id\":"
	    "\"call_0123_1\",\"name\":\"patch\",\"input\":\"+a\"}],\"previous_response_id\":null,\"store\":false,\"tools\":[],"
	    "\"max_output_tokens\":null,\"max_tool_calls\":null,\"metadata\":{},\"parallel_tool_calls\":true,"
	    "\"prompt_cache_key\":null,\"reasoning\":{\"effort\":null,\"summary\":null},\"safety_identifier\":null,"
	    "\"temperature\":null,\"text\":{\"format\":{\"type\":\"text\"}},\"tool_choice\":\"auto\",\"top_p\":null,"
	    "\"truncation\":\"disabled\",\"user\":null,\"usage\":{\"input_tokens\":1,\"input_tokens_details\":"
	    "{\"cached_tokens\":0},\"output_tokens\":2,\"output_tokens_details\":{\"reasoning_tokens\":0},"
	    "\"total_tokens\":3}}");
	h = listen(false, text, 11);
	CU_ASSERT_TRUE(h.is_whole);
	CU_ASSERT_STRING_EQUAL(buf_str(&h.text), "Hi");
	CU_ASSERT_STRING_EQUAL(buf_str(&h.calls), "[0 c f]{}[1 call_0123_1 patch]{\"input\":\"+a\"}");
	forget(&h);
	free(text);
	dialect_responses.forget(&e);
}

/* Nobody may take a broken answer for a whole one. */
static void
test_broken(void)
{
	static const struct {
		const char *end, *code;
	} rows[] = {
		{ "{\"type\":\"error\",\"data\":{\"code\":\"upstream_failed\",\"message\":\"Oh\"}}", "server_error" },
		{ "{\"type\":\"error\",\"data\":{\"code\":\"insufficient_credits\"}}", "insufficient_quota" },
		{ "{\"type\":\"error\",\"data\":{\"code\":\"too_large\"}}", "context_length_exceeded" },
		{ "{\"type\":\"error\",\"data\":{\"code\":\"invalid_request\"}}", "invalid_prompt" },
		{ "{\"type\":\"error\",\"data\":{\"code\":\"unavailable\"}}", "server_is_overloaded" },
		{ "{\"type\":\"cancelled\",\"data\":{}}", "cancelled" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct encoder e = encoder(NULL);
		struct buf out = BUF_INIT(0), types = BUF_INIT(0);
		struct piece said = piece_of(PIECE_TEXT, "half", 4);
		char want[128];
		struct heard h;

		dialect_responses.start(&e, &out, "{}");
		dialect_responses.piece(&e, &out, &said);
		buf_clear(&out);
		dialect_responses.end(&e, &out, 4, rows[i].end);
		put_types(&out, &types);
		CU_ASSERT_STRING_EQUAL(buf_str(&types), "response.failed error ");
		snprintf(want, sizeof(want), "\"status\":\"failed\",\"background\":false,\"error\":{\"code\":\"%s\"",
		    rows[i].code);
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out), want));
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out), "\"text\":\"half\""));
		h = listen(true, buf_str(&out), 9);
		CU_ASSERT_FALSE(h.is_whole);
		CU_ASSERT_NOT_EQUAL(h.failure, OK);
		forget(&h);
		dialect_responses.forget(&e);
		buf_free(&out);
		buf_free(&types);
	}
}

static void
test_errors(void)
{
	int http = 402;
	json_t *body = dialect_responses.error(E_INSUFFICIENT_CREDITS, "Oh", NULL, "r", &http);

	CU_ASSERT_EQUAL(http, 429);
	CU_ASSERT_TRUE(dialect_responses.is_final(E_INSUFFICIENT_CREDITS));
	CU_ASSERT_FALSE(dialect_responses.is_final(E_RATE_LIMITED));
	CU_ASSERT_STRING_EQUAL(
	    json_string_value(json_object_get(json_object_get(body, "error"), "type")), "insufficient_quota");
	json_decref(body);
	http = 400;
	body = dialect_responses.error(E_INVALID_REQUEST, "Oh",
	    json_pack("{s:s, s:s, s:s}", "field", "background", "problem", "no", "code", "unsupported_parameter"), "r",
	    &http);
	CU_ASSERT_STRING_EQUAL(
	    json_string_value(json_object_get(json_object_get(body, "error"), "code")), "unsupported_parameter");
	json_decref(body);
}

/* ---- a provider's ------------------------------------------------------------------- */

#define EVENT(type, members) "event: " type "\ndata: {\"type\":\"" type "\"," members "}\n\n"

static void
test_failures(void)
{
	static const struct {
		const char *bytes;
		enum status failure;
	} rows[] = {
		{ EVENT("response.failed",
		      "\"response\":{\"id\":\"r\",\"status\":\"failed\",\"error\":{\"code\":"
		      "\"context_length_exceeded\",\"message\":\"long\"}}"),
		    E_TOO_LARGE },
		{ EVENT("error", "\"code\":\"rate_limit_exceeded\",\"message\":\"slow\",\"param\":null"),
		    E_UPSTREAM_FAILED },
		{ EVENT("error", "\"error\":{\"code\":\"content_filter\",\"message\":\"no\"}"), E_CONTENT_VIOLATION },
		{ EVENT("response.completed", "\"response\":7"), E_UPSTREAM_FAILED },
		{ EVENT("response.incomplete",
		      "\"response\":{\"status\":\"incomplete\",\"output\":[],\"incomplete_details\":{\"reason\":\"bored\"}}"),
		    E_UPSTREAM_FAILED },
		{ "data: no json\n\n", E_UPSTREAM_FAILED },
		{ "<html>", E_UPSTREAM_FAILED },
		{ "{\"error\":{\"message\":\"m\",\"code\":\"insufficient_quota\"}}", E_UPSTREAM_FAILED },
		{ "{\"choices\":[]}", E_UPSTREAM_FAILED },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t slice = 1; slice < 9; slice++) {
			struct heard h = listen(true, rows[i].bytes, slice);

			CU_ASSERT_FALSE(h.is_whole);
			CU_ASSERT_EQUAL(h.failure, rows[i].failure);
			if (h.failure != rows[i].failure)
				printf("# %s: %d\n", rows[i].bytes, (int)h.failure);
			forget(&h);
		}
}

/* The answer that was cut is none, whatever was said. */
static void
test_cut(void)
{
	struct heard h = listen(true,
	    EVENT("response.created", "\"response\":{\"id\":\"r\"}")
		EVENT("response.output_text.delta", "\"output_index\":0,\"delta\":\"half\""),
	    5);

	CU_ASSERT_FALSE(h.is_whole);
	CU_ASSERT_EQUAL(h.failure, OK);
	CU_ASSERT_STRING_EQUAL(buf_str(&h.text), "half");
	forget(&h);
}

/* A client's own words pass as they are, but what is ours; the answer does, but its model. */
static void
test_own(void)
{
	static const char words[] =
	    "{\"model\":\"theirs\",\"input\":[{\"type\":\"x\"}],\"Service_Tier\":\"priority\",\"stream\":"
	    "false,\"background\":true,\"unknown\":[1, 2],\"previous_response_id\":\"resp_1\"}";
	const struct endpoint *e = wire_endpoint(&wire_responses, OP_CHAT);
	struct wire_target to = { .base_url = "https://h/v1/responses?x=1", .model = "up", .max_output_tokens = 9 };
	struct ask ask = { .own_words = words, .own_words_len = sizeof(words) - 1, .own_wire = "responses" };
	struct arena *a = arena_new(1024, 1 << 20);
	struct encoder out = encoder(NULL);
	struct buf told = BUF_INIT(0), lines = BUF_INIT(0);
	struct wire_body made;
	struct wire_request rq;
	static const char *const events[] = {
		"{\"type\":\"response.created\",\"response\":{\"id\":\"resp_9\",\"model\":\"up\"}}",
		"{\"type\":\"response.odd\",\"x\":1}",
		"{\"type\":\"response.completed\",\"response\":{\"id\":\"resp_9\",\"model\":\"up\",\"output\":[{\"type\":\"z\"}]}}",
	};
	char *whole;

	CU_ASSERT_EQUAL_FATAL(e->body(a, &ask, true, &made), OK);
	CU_ASSERT_EQUAL_FATAL(e->head(a, &to, &made, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.url, "https://h/v1/responses?x=1");
	CU_ASSERT_EQUAL(rq.body_len, strlen(rq.body));
	CU_ASSERT_STRING_EQUAL(rq.body,
	    "{\"model\":\"up\",\"max_output_tokens\":9,\"input\":[{\"type\":\"x\"}],\"unknown\":[1, 2],"
	    "\"previous_response_id\":\"resp_1\",\"stream\":true}");
	ask.own_tools = "[]";
	CU_ASSERT_EQUAL_FATAL(e->body(a, &ask, true, &made), OK);
	CU_ASSERT_EQUAL_FATAL(e->head(a, &to, &made, &rq), OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(rq.body, "{\"model\":\"up\",\"max_output_tokens\":9,\"tools\":[],\"input\":"));
	ask.own_behind = "/compact";
	CU_ASSERT_EQUAL_FATAL(e->body(a, &ask, true, &made), OK);
	CU_ASSERT_EQUAL_FATAL(e->head(a, &to, &made, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.url, "https://h/v1/responses/compact?x=1");
	CU_ASSERT_PTR_NULL(strstr(rq.body, "stream"));
	out.is_own = true;
	for (size_t i = 0; i < COUNT(events); i++) {
		dialect_responses.own(&out, &told, events[i], strlen(events[i]));
		buf_printf(&lines, "%s\n", events[i]);
	}
	CU_ASSERT_STRING_EQUAL(buf_str(&told),
	    "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_9\",\"model\":\"m\"}}\n\n"
	    "event: response.odd\ndata: {\"type\":\"response.odd\",\"x\":1}\n\n");
	whole = dialect_responses.own_whole(&out, &lines, DONE("\"stop\""));
	CU_ASSERT_STRING_EQUAL(whole, "{\"id\":\"resp_9\",\"model\":\"m\",\"output\":[{\"type\":\"z\"}]}");
	buf_clear(&told);
	dialect_responses.end(&out, &told, 0, DONE("\"stop\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&told), "event: response.completed\ndata: {"));
	buf_clear(&told);
	dialect_responses.cut(&out, &told, E_UNAVAILABLE, "Gone");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&told), "\"response\":{\"id\":\"resp_9\",\"object\""));
	buf_clear(&lines);
	buf_puts(&lines, "{\"type\":\"response.odd\"}\n");
	CU_ASSERT_PTR_NULL(dialect_responses.own_whole(&out, &lines, DONE("\"stop\"")));
	free(whole);
	dialect_responses.forget(&out);
	buf_free(&out.kept);
	buf_free(&told);
	buf_free(&lines);
	arena_free(a);
}

/* What has no word here is refused, not left out. */
static void
test_unsayable(void)
{
	struct ask_part part = { .kind = ASK_VIDEO, .url = "https://x" };
	struct ask_message m = { .role = "user", .parts = &part, .n_parts = 1 };
	static const char *const stop[] = { "x" };
	struct ask ask = { .op = OP_CHAT, .chat = { ASK_CHAT_PLAIN, .messages = &m, .n_messages = 1 } };
	const struct endpoint *e = wire_endpoint(&wire_responses, OP_CHAT);
	struct arena *a = arena_new(1024, 1 << 20);
	struct wire_target to = { .base_url = "gopher://x", .model = "m" };
	struct wire_body made;
	struct wire_request rq;

	CU_ASSERT_EQUAL(e->body(a, &ask, true, &made), E_INVALID_REQUEST);
	part = (struct ask_part){ .kind = ASK_TEXT, .text = "x" };
	ask.chat.stop = stop;
	ask.chat.n_stop = 1;
	CU_ASSERT_EQUAL(e->body(a, &ask, true, &made), E_INVALID_REQUEST);
	ask.chat.n_stop = 0;
	CU_ASSERT_EQUAL(e->body(a, &ask, true, &made), OK);
	CU_ASSERT_EQUAL(e->head(a, &to, &made, &rq), E_INVALID_REQUEST);
	CU_ASSERT_STRING_EQUAL(responses_url(a, "https://h/openai/v1/chat/completions", NULL, "/r/cancel"),
	    "https://h/openai/v1/responses/r/cancel");
	CU_ASSERT_STRING_EQUAL(responses_url(a, "https://x.openai.azure.com", quirks_find("azure"), ""),
	    "https://x.openai.azure.com/openai/v1/responses");
	arena_free(a);
}

static CU_TestInfo in_tests[] = {
	{ "what clients ask", test_clients },
	{ "items", test_items },
	{ "how it is asked", test_how },
	{ "what is wrong is named", test_problems },
	{ "what is read is asked again", test_asked_again },
	CU_TEST_INFO_NULL,
};
static CU_TestInfo out_tests[] = {
	{ "a stream has all its events in their order", test_stream },
	{ "each is JSON and numbered", test_events_are_json },
	{ "a stream is told on behind any of its events", test_told_on },
	{ "events have the same numbers in other pieces", test_numbers_stay },
	{ "what is told is heard", test_heard_again },
	{ "a whole answer", test_whole },
	{ "a broken answer is none", test_broken },
	{ "errors", test_errors },
	CU_TEST_INFO_NULL,
};
static CU_TestInfo provider_tests[] = {
	{ "a provider's failures", test_failures },
	{ "a cut answer", test_cut },
	{ "own words", test_own },
	{ "what cannot be said", test_unsayable },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "in", NULL, NULL, NULL, NULL, in_tests },
	{ "out", NULL, NULL, NULL, NULL, out_tests },
	{ "a provider", NULL, NULL, NULL, NULL, provider_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
