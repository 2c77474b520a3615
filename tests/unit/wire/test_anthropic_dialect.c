/*
 * The dialect of Anthropic's clients: what they ask is read, and said again by the
 * wire; what they are answered is understood by the wire's parser.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "wire/anthropic/anthropic.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define UUID "01890a5d-ac96-774b-bcce-b302099a8057"
#define ID "01890a5dac96774bbcceb302099a8057"

/* ---- what is asked ------------------------------------------------------------- */

static enum status
read_text(struct arena *a, const char *text, struct dialect_ask *ask, struct dialect_problem *problem)
{
	json_t *body = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(body);
	arena_cleanup(a, (void (*)(void *))json_decref, body);
	return dialect_anthropic.read(a, body, NULL, false, ask, problem);
}

static void
note_part(struct buf *out, const struct ask_part *p)
{
	static const char *const kinds[] = { "text", "image", "video", "audio", "file", "thinking", "call", "result" };
	const char *const texts[] = { p->text, p->url, p->id, p->name, p->signature };

	buf_printf(out, " %s(", kinds[p->kind]);
	for (size_t i = 0; i < COUNT(texts); i++)
		buf_printf(out, "%s%s", i > 0 ? "," : "", texts[i] == NULL ? "-" : texts[i]);
	buf_puts(out, p->is_error ? ",error)" : ")");
}

/* The messages as lines: role, and of each part text, url, id, name, signature. */
static void
note_messages(struct buf *out, const struct ask_chat *chat)
{
	for (size_t i = 0; i < chat->n_messages; i++) {
		buf_printf(out, "%s%s", i > 0 ? "\n" : "", chat->messages[i].role);
		for (size_t k = 0; k < chat->messages[i].n_parts; k++)
			note_part(out, &chat->messages[i].parts[k]);
	}
}

#define ASKS(messages) "{\"model\":\"m\",\"max_tokens\":10,\"messages\":" messages "}"
#define USER(content) ASKS("[{\"role\":\"user\",\"content\":" content "}]")

static void
test_messages(void)
{
	static const struct {
		const char *body, *messages;
	} rows[] = {
		{ USER("\"hi\""), "user text(hi,-,-,-,-)" },
		{ USER("[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":\"ephemeral\"}},"
		       "{\"type\":\"text\",\"text\":\"\"}]"),
		    "user text(a,-,-,-,-)" },
		{ "{\"model\":\"m\",\"system\":\"be\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
		  "{\"role\":\"system\",\"content\":\"more\"}]}",
		    "system text(be,-,-,-,-)\nuser text(a,-,-,-,-)\nsystem text(more,-,-,-,-)" },
		{ "{\"model\":\"m\",\"system\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}],"
		  "\"messages\":[{\"role\":\"user\",\"content\":[]}]}",
		    "system text(a,-,-,-,-) text(b,-,-,-,-)\nuser" },
		{ "{\"model\":\"m\",\"system\":\"\",\"messages\":[{\"role\":\"assistant\",\"content\":\"a\"}]}",
		    "assistant text(a,-,-,-,-)" },
		{ "{\"model\":\"m\",\"system\":null,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
		    "user text(a,-,-,-,-)" },
		{ USER(
		      "[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"iVBO\"}},"
		      "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/a\"}}]"),
		    "user image(-,data:image/png;base64,iVBO,-,-,-) image(-,https://x/a,-,-,-)" },
		{ USER("[{\"type\":\"document\",\"title\":\"t\",\"source\":{\"type\":\"base64\",\"media_type\":"
		       "\"application/pdf\",\"data\":\"JVBE\"}},"
		       "{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x/f\"}},"
		       "{\"type\":\"document\",\"title\":\"t\",\"source\":{\"type\":\"text\",\"media_type\":"
		       "\"text/plain\",\"data\":\"words\"}},"
		       "{\"type\":\"document\",\"title\":\"t\",\"source\":{\"type\":\"content\",\"content\":\"c\"}},"
		       "{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":"
		       "[{\"type\":\"text\",\"text\":\"d\"}]}}]"),
		    "user file(-,data:application/pdf;base64,JVBE,-,t,-) file(-,https://x/f,-,-,-) text(t,-,-,-,-)"
		    " text(words,-,-,-,-) text(t,-,-,-,-) text(c,-,-,-,-) text(d,-,-,-,-)" },
		{ USER("[{\"type\":\"search_result\",\"source\":\"https://x\",\"title\":\"t\",\"content\":"
		       "[{\"type\":\"text\",\"text\":\"found\"}]}]"),
		    "user text(t,-,-,-,-) text(https://x,-,-,-,-) text(found,-,-,-,-)" },
		{ ASKS(
		      "[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\","
		      "\"signature\":\"s\"},{\"type\":\"thinking\",\"thinking\":\"so\",\"signature\":\"\"},"
		      "{\"type\":\"redacted_thinking\",\"data\":\"d\"},"
		      "{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\",\"input\":{\"x\":[1,0.5]}},"
		      "{\"type\":\"tool_use\",\"id\":\"2\",\"name\":\"g\"}]},"
		      "{\"role\":\"user\",\"content\":["
		      "{\"type\":\"tool_result\",\"tool_use_id\":\"2\",\"content\":\"r2\",\"is_error\":true},"
		      "{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
		      "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/a\"}},"
		      "{\"type\":\"text\",\"text\":\"b\"}]},"
		      "{\"type\":\"tool_result\",\"tool_use_id\":\"3\"},"
		      "{\"type\":\"tool_result\",\"tool_use_id\":\"4\",\"content\":null},"
		      "{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":[{\"type\":\"text\",\"text\":\"c\"}]},"
		      "{\"type\":\"text\",\"text\":\"on\"}]}]"),
		    "assistant thinking(hm,-,-,-,s) thinking(so,-,-,-,-) thinking(,-,-,-,redacted:d)"
		    " call({\"x\":[1,0.5]},-,1,f,-) call({},-,2,g,-)\n"
		    "user result(r2,-,2,g,-,error) result(a\nb,-,1,f,-) image(-,https://x/a,-,-,-) result(,-,3,-,-)"
		    " result(,-,4,-,-) result(c,-,1,f,-) text(on,-,-,-,-)" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1024, 1 << 20);
		struct dialect_problem problem;
		struct dialect_ask ask;
		struct buf out = BUF_INIT(0);

		CU_ASSERT_EQUAL(read_text(a, rows[i].body, &ask, &problem), OK);
		note_messages(&out, &ask.ask.chat);
		if (strcmp(buf_str(&out), rows[i].messages) != 0)
			printf("# have %s\n# want %s\n", buf_str(&out), rows[i].messages);
		CU_ASSERT_STRING_EQUAL(buf_str(&out), rows[i].messages);
		CU_ASSERT_STRING_EQUAL(problem.field, "");
		buf_free(&out);
		arena_free(a);
	}
}

/* How to answer, of a body with these members. */
static struct dialect_ask
manner_of(struct arena *a, const char *members)
{
	struct dialect_problem problem;
	struct dialect_ask ask;
	char body[1024];

	snprintf(
	    body, sizeof(body), "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]%s}", members);
	CU_ASSERT_EQUAL(read_text(a, body, &ask, &problem), OK);
	return ask;
}

static void
test_manner(void)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct dialect_ask ask = manner_of(a, "");
	const struct ask_chat *chat = &ask.ask.chat;

	CU_ASSERT_STRING_EQUAL(ask.model, "m");
	CU_ASSERT_FALSE(ask.stream);
	CU_ASSERT_TRUE(ask.wants_usage);
	CU_ASSERT_EQUAL(ask.ask.max_output_tokens, 0);
	CU_ASSERT_TRUE(chat->temperature < 0 && chat->top_p < 0 && chat->seed < 0 && chat->top_k == 0);
	CU_ASSERT_TRUE(chat->n_stop == 0 && chat->n_tools == 0 && chat->user == NULL);
	CU_ASSERT_TRUE(chat->effort == EFFORT_UNSAID && chat->format == FORMAT_TEXT && chat->choice == CHOICE_AUTO);
	ask = manner_of(a,
	    ",\"max_tokens\":7,\"temperature\":0.5,\"top_p\":1,\"top_k\":3,\"stop_sequences\":[\"x\",\"y\"],"
	    "\"stream\":true,\"metadata\":{\"user_id\":\"u\"},\"service_tier\":\"auto\",\"container\":null,"
	    "\"context_management\":{\"edits\":[]},\"to_come\":[1]");
	CU_ASSERT_EQUAL(ask.ask.max_output_tokens, 7);
	CU_ASSERT_TRUE(ask.stream);
	CU_ASSERT_TRUE(chat->temperature == 0.5 && chat->top_p == 1 && chat->top_k == 3);
	CU_ASSERT_EQUAL_FATAL(chat->n_stop, 2);
	CU_ASSERT_STRING_EQUAL(chat->stop[1], "y");
	CU_ASSERT_STRING_EQUAL(chat->user, "u");
	ask = manner_of(a,
	    ",\"stream\":null,\"max_tokens\":null,\"temperature\":null,\"tools\":null,\"tool_choice\":null,"
	    "\"stop_sequences\":null,\"thinking\":null,\"output_config\":null,\"metadata\":null");
	CU_ASSERT_FALSE(ask.stream);
	arena_free(a);
}

static void
test_thinking(void)
{
	static const struct {
		const char *members;
		enum ask_effort effort;
		int64_t tokens;
	} rows[] = {
		{ ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048}", EFFORT_UNSAID, 2048 },
		{ ",\"thinking\":{\"type\":\"disabled\"},\"output_config\":{\"effort\":\"low\"}", EFFORT_NONE, 0 },
		{ ",\"thinking\":{\"type\":\"adaptive\"}", EFFORT_HIGH, 0 },
		{ ",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"low\"}", EFFORT_LOW, 0 },
		{ ",\"output_config\":{\"effort\":\"medium\"}", EFFORT_MEDIUM, 0 },
		{ ",\"output_config\":{\"effort\":\"high\"}", EFFORT_HIGH, 0 },
		{ ",\"output_config\":{\"effort\":\"xhigh\"}", EFFORT_MAX, 0 },
		{ ",\"output_config\":{\"effort\":\"max\"}", EFFORT_MAX, 0 },
		{ ",\"output_config\":{\"effort\":null}", EFFORT_UNSAID, 0 },
	};
	struct arena *a = arena_new(1024, 1 << 20);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dialect_ask ask = manner_of(a, rows[i].members);

		CU_ASSERT_EQUAL(ask.ask.chat.effort, rows[i].effort);
		CU_ASSERT_EQUAL(ask.ask.chat.thinking_tokens, rows[i].tokens);
	}
	arena_free(a);
}

static void
test_tools(void)
{
	static const struct {
		const char *members;
		enum ask_choice choice;
		bool one_call;
	} rows[] = {
		{ ",\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true}", CHOICE_AUTO, true },
		{ ",\"tool_choice\":{\"type\":\"any\"}", CHOICE_ANY, false },
		{ ",\"tool_choice\":{\"type\":\"none\"}", CHOICE_NONE, false },
		{ ",\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"}", CHOICE_NAMED, false },
	};
	struct arena *a = arena_new(1024, 1 << 20);
	struct dialect_ask ask = manner_of(a,
	    ",\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{\"type\":\"object\",\"b\":1,\"a\":0.1},"
	    "\"strict\":true,\"cache_control\":{\"type\":\"ephemeral\"}},"
	    "{\"type\":\"custom\",\"name\":\"g\",\"input_schema\":{}}],"
	    "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"x\":1}}}");
	const struct ask_chat *chat = &ask.ask.chat;

	CU_ASSERT_EQUAL_FATAL(chat->n_tools, 2);
	CU_ASSERT_STRING_EQUAL(chat->tools[0].name, "f");
	CU_ASSERT_STRING_EQUAL(chat->tools[0].description, "d");
	CU_ASSERT_STRING_EQUAL(chat->tools[0].parameters, "{\"type\":\"object\",\"b\":1,\"a\":0.1}");
	CU_ASSERT_TRUE(chat->tools[0].strict);
	CU_ASSERT_PTR_NULL(chat->tools[1].description);
	CU_ASSERT_FALSE(chat->tools[1].strict);
	CU_ASSERT_EQUAL(chat->format, FORMAT_SCHEMA);
	CU_ASSERT_STRING_EQUAL(chat->schema, "{\"x\":1}");
	ask = manner_of(a, ",\"output_format\":{\"type\":\"json_schema\",\"schema\":{}}");
	CU_ASSERT_EQUAL(chat->format, FORMAT_SCHEMA);
	for (size_t i = 0; i < COUNT(rows); i++) {
		ask = manner_of(a, rows[i].members);
		CU_ASSERT_EQUAL(chat->choice, rows[i].choice);
		CU_ASSERT_EQUAL(chat->one_call, rows[i].one_call);
	}
	arena_free(a);
}

#define MEMBER(members) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]," members "}"
#define SECOND(block) ASKS("[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":[" block "]}]")

static void
test_problems(void)
{
	static const struct {
		const char *body, *field;
	} rows[] = {
		{ "[]", "" },
		{ "{}", "model" },
		{ "{\"model\":7,\"messages\":[]}", "model" },
		{ "{\"model\":\"m\"}", "messages" },
		{ ASKS("[]"), "messages" },
		{ ASKS("{}"), "messages" },
		{ ASKS("[7]"), "messages.0.role" },
		{ ASKS("[{\"role\":\"tool\",\"content\":\"a\"}]"), "messages.0.role" },
		{ ASKS(
		      "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\"}]"),
		    "messages.2.content" },
		{ USER("{}"), "messages.0.content" },
		{ USER("[\"a\"]"), "messages.0.content.0.type" },
		{ SECOND("{\"type\":\"server_tool_use\",\"id\":\"1\",\"name\":\"web_search\",\"input\":{}}"),
		    "messages.1.content.0.type" },
		{ SECOND("{\"type\":\"text\"}"), "messages.1.content.0.text" },
		{ SECOND("{\"type\":\"image\"}"), "messages.1.content.0.source.type" },
		{ SECOND("{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}"),
		    "messages.1.content.0.source.type" },
		{ SECOND("{\"type\":\"image\",\"source\":{\"type\":\"url\"}}"), "messages.1.content.0.source.url" },
		{ SECOND("{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"data\":\"x\"}}"),
		    "messages.1.content.0.source" },
		{ SECOND("{\"type\":\"document\",\"source\":{\"type\":\"content\"}}"),
		    "messages.1.content.0.source.content" },
		{ SECOND("{\"type\":\"search_result\",\"content\":[{\"type\":\"x\"}]}"),
		    "messages.1.content.0.content.0.type" },
		{ SECOND("{\"type\":\"tool_use\",\"name\":\"f\"}"), "messages.1.content.0.id" },
		{ SECOND("{\"type\":\"tool_use\",\"id\":\"1\"}"), "messages.1.content.0.name" },
		{ SECOND("{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\",\"input\":\"{}\"}"),
		    "messages.1.content.0.input" },
		{ SECOND("{\"type\":\"tool_result\"}"), "messages.1.content.0.tool_use_id" },
		{ SECOND(
		      "{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":[{\"type\":\"text\",\"text\":\"\"},"
		      "{\"type\":\"tool_reference\"}]}"),
		    "messages.1.content.0.content.1.type" },
		{ SECOND("{\"type\":\"redacted_thinking\"}"), "messages.1.content.0.data" },
		{ SECOND("{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"media_type\":\"x\"}}"),
		    "messages.1.content.0.source" },
		{ MEMBER("\"system\":7"), "system" },
		{ MEMBER("\"system\":[{\"type\":\"text\"}]"), "system.0.text" },
		{ MEMBER("\"stream\":\"yes\""), "stream" },
		{ MEMBER("\"max_tokens\":0"), "max_tokens" },
		{ MEMBER("\"max_tokens\":1.5"), "max_tokens" },
		{ MEMBER("\"max_tokens\":99999999999"), "max_tokens" },
		{ MEMBER("\"temperature\":1.5"), "temperature" },
		{ MEMBER("\"temperature\":\"hot\""), "temperature" },
		{ MEMBER("\"top_p\":-1"), "top_p" },
		{ MEMBER("\"top_k\":-1"), "top_k" },
		{ MEMBER("\"stop_sequences\":\"x\""), "stop_sequences" },
		{ MEMBER("\"stop_sequences\":[7]"), "stop_sequences" },
		{ MEMBER("\"tools\":{}"), "tools" },
		{ MEMBER("\"tools\":[{\"name\":\"f\",\"input_schema\":{}},{\"type\":\"web_search_20250305\"}]"),
		    "tools.1.type" },
		{ MEMBER("\"tools\":[{\"input_schema\":{}}]"), "tools.0.name" },
		{ MEMBER("\"tools\":[{\"name\":\"f\"}]"), "tools.0.input_schema" },
		{ MEMBER("\"tool_choice\":\"auto\""), "tool_choice.type" },
		{ MEMBER("\"tool_choice\":{\"type\":\"tool\"}"), "tool_choice.name" },
		{ MEMBER("\"thinking\":{\"type\":\"enabled\"}"), "thinking.budget_tokens" },
		{ MEMBER("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":0}"), "thinking.budget_tokens" },
		{ MEMBER("\"thinking\":{\"type\":\"hard\"}"), "thinking.type" },
		{ MEMBER("\"output_config\":{\"effort\":\"huge\"}"), "output_config.effort" },
		{ MEMBER("\"output_config\":{\"effort\":3}"), "output_config.effort" },
		{ MEMBER("\"output_config\":{\"format\":{\"type\":\"json_object\"}}"), "output_config.format" },
		{ MEMBER("\"output_config\":{\"format\":{\"type\":\"json_schema\"}}"), "output_config.format" },
		{ MEMBER("\"mcp_servers\":[{\"url\":\"https://x\"}]"), "mcp_servers" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1024, 1 << 20);
		struct dialect_problem problem;
		struct dialect_ask ask;

		CU_ASSERT_EQUAL(read_text(a, rows[i].body, &ask, &problem), E_INVALID_REQUEST);
		CU_ASSERT_STRING_EQUAL(problem.field, rows[i].field);
		CU_ASSERT_TRUE(problem.text[0] != '\0');
		arena_free(a);
	}
}

/* A path too long for its place is cut, and what is in it is read all the same. */
static void
test_deep(void)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct buf body = BUF_INIT(0);
	struct dialect_problem problem;
	struct dialect_ask ask;

	buf_puts(&body, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[");
	for (int i = 0; i < 40; i++)
		buf_puts(&body, "{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":[");
	buf_puts(&body, "{\"type\":\"none\"}");
	for (int i = 0; i < 40; i++)
		buf_puts(&body, "]}");
	buf_puts(&body, "]}]}");
	CU_ASSERT_EQUAL(read_text(a, body.data, &ask, &problem), E_INVALID_REQUEST);
	CU_ASSERT_TRUE(strncmp(problem.field, "messages.0.content.0.content.0.", 31) == 0);
	buf_free(&body);
	arena_free(a);
}

/* More calls than the memory of a request has room for end in an error, not in abort(). */
static void
test_many(void)
{
	struct arena *a = arena_new(1024, 1 << 16);
	struct buf body = BUF_INIT(0);
	struct dialect_problem problem;
	struct dialect_ask ask;

	buf_puts(&body, "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":[");
	for (int i = 0; i < 50000; i++)
		buf_printf(
		    &body, "%s{\"type\":\"tool_use\",\"id\":\"%d\",\"name\":\"f\",\"input\":{}}", i > 0 ? "," : "", i);
	buf_puts(&body, "]}]}");
	CU_ASSERT_EQUAL(read_text(a, body.data, &ask, &problem), E_TOO_LARGE);
	buf_free(&body);
	arena_free(a);
}

/* Models and streams that the path names. */
static void
test_path(void)
{
	struct arena *a = arena_new(1024, 1 << 20);
	json_t *body = json_loads("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", 0, NULL);
	struct dialect_problem problem;
	struct dialect_ask ask;

	CU_ASSERT_EQUAL(dialect_anthropic.read(a, body, "p", true, &ask, &problem), OK);
	CU_ASSERT_STRING_EQUAL(ask.model, "p");
	CU_ASSERT_TRUE(ask.stream);
	json_decref(body);
	arena_free(a);
}

/* ---- asked and said again --------------------------------------------------------- */

/* What the wire says of what the dialect read. */
static json_t *
said_again(const char *text)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct wire_request rq;
	struct dialect_problem problem;
	struct dialect_ask ask;
	struct wire_body body;
	struct wire_target to = { .base_url = "http://h" };
	json_t *said;

	CU_ASSERT_EQUAL_FATAL(read_text(a, text, &ask, &problem), OK);
	to.model = ask.model;
	to.max_output_tokens = ask.ask.max_output_tokens;
	to.stream = ask.stream;
	CU_ASSERT_EQUAL_FATAL(anthropic_body(a, &ask.ask, ask.stream, &body), OK);
	CU_ASSERT_EQUAL_FATAL(anthropic_head(a, &to, &body, &rq), OK);
	said = json_loadb(rq.body, rq.body_len, JSON_REJECT_DUPLICATES, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	arena_free(a);
	return said;
}

static void
check_same(const char *text, const json_t *want)
{
	json_t *have = said_again(text);
	char *dump = json_dumps(have, JSON_COMPACT);

	if (!json_equal(have, want))
		printf("# of %s\n# have %s\n", text, dump);
	CU_ASSERT_TRUE(json_equal(have, want));
	free(dump);
	json_decref(have);
}

#define TURN(role, blocks) "{\"role\":\"" role "\",\"content\":[" blocks "]}"
#define WORDS(text) "{\"type\":\"text\",\"text\":\"" text "\"}"

/* In the wire's own way of saying it: nothing may change. */
static const char *const plain_bodies[] = {
	"{\"model\":\"m\",\"max_tokens\":10,\"messages\":[" TURN("user", WORDS("hi")) "]}",
	"{\"model\":\"m\",\"max_tokens\":10,\"messages\":[" TURN(
	    "user", WORDS("hi")) "],\"stream\":true,"
				 "\"temperature\":0.25,\"top_p\":0.5,\"top_k\":5,\"stop_sequences\":[\"a\",\"b\"],"
				 "\"metadata\":{\"user_id\":\"u\"},\"system\":[" WORDS("a") "," WORDS("b") "]}",
	"{\"model\":\"m\",\"max_tokens\":4000,\"messages\":[" TURN(
	    "user", WORDS("hi")) "],\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000},\"top_p\":0.95}",
	"{\"model\":\"m\",\"max_tokens\":4000,\"messages\":[" TURN(
	    "user", WORDS("hi")) "],\"thinking\":{\"type\":\"disabled\"}}",
	"{\"model\":\"claude-opus-5\",\"max_tokens\":4000,\"messages\":[" TURN("user",
	    WORDS(
		"hi")) "],\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
		       "\"output_config\":{\"effort\":\"medium\",\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}}}",
	"{\"model\":\"m\",\"max_tokens\":10,\"messages\":[" TURN("user",
	    "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"iVBO\"}},"
	    "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/a\"}},"
	    "{\"type\":\"document\",\"title\":\"t\",\"source\":{\"type\":\"base64\",\"media_type\":\"application/pdf\","
	    "\"data\":\"JVBE\"}},"
	    "{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x/f\"}}") "]}",
	"{\"model\":\"m\",\"max_tokens\":10,\"messages\":[" TURN("user", WORDS("a")) "," TURN("assistant",
	    "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"},"
	    "{\"type\":\"redacted_thinking\",\"data\":\"d\"}," WORDS(
		"b") ",{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{\"x\":{\"y\":[1,0.5,null]}}},"
		     "{\"type\":\"tool_use\",\"id\":\"toolu_2\",\"name\":\"g\",\"input\":{}}") "," TURN("user",
	    "{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_2\",\"content\":\"r2\",\"is_error\":true},"
	    "{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_1\"}," WORDS(
		"go on")) "],"
			  "\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"strict\":true,\"input_schema\":{\"type\":\"object\","
			  "\"$schema\":\"s\",\"properties\":{}}},{\"name\":\"g\",\"input_schema\":{\"type\":\"object\"}}],"
			  "\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\",\"disable_parallel_tool_use\":true}}",
};

/* As real clients say it: read without a problem, and steady after the first time. */
static const char *const client_bodies[] = {
	/* anthropic-sdk-python 2.14 */
	"{\"max_tokens\":10,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"model\":\"claude-mock\"}",
	"{\"max_tokens\":10,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"model\":\"claude-mock\","
	"\"stream\":true}",
	/* … count_tokens */
	"{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"model\":\"claude-mock\"}",
	/* anthropic-sdk-typescript 1.14 */
	"{\"model\":\"claude-mock\",\"max_tokens\":100,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
	/* Claude Code 2.1.197, its texts cut short */
	"{\"model\":\"claude-mock\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"<system>\"},"
	"{\"type\":\"text\",\"text\":\"say hi\",\"cache_control\":{\"type\":\"ephemeral\"}}]},"
	"{\"role\":\"system\",\"content\":\"Skills\"}],\"system\":[{\"type\":\"text\",\"text\":\"billing\"},"
	"{\"type\":\"text\",\"text\":\"You are\",\"cache_control\":{\"type\":\"ephemeral\"}},"
	"{\"type\":\"text\",\"text\":\"an agent\",\"cache_control\":{\"type\":\"ephemeral\"}}],"
	"\"tools\":[{\"name\":\"Bash\",\"description\":\"Runs\",\"input_schema\":{"
	"\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\",\"properties\":{"
	"\"command\":{\"description\":\"The command to execute\",\"type\":\"string\"}},\"required\":[\"command\"],"
	"\"additionalProperties\":false}}],\"metadata\":{\"user_id\":\"{\\\"device_id\\\":\\\"d\\\"}\"},"
	"\"max_tokens\":32000,\"thinking\":{\"type\":\"adaptive\"},\"context_management\":{\"edits\":["
	"{\"type\":\"clear_thinking_20251015\",\"keep\":\"all\"}]},\"output_config\":{\"effort\":\"high\"},"
	"\"stream\":true}",
	/* … after two calls, answered in another order */
	"{\"model\":\"claude-mock\",\"messages\":[{\"role\":\"user\",\"content\":\"go\"},{\"role\":\"assistant\",\"content\":["
	"{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"sig\"},"
	"{\"type\":\"tool_use\",\"id\":\"toolu_a1\",\"name\":\"Bash\",\"input\":{\"command\":\"ls\"},\"caller\":{\"type\":\"direct\"}},"
	"{\"type\":\"tool_use\",\"id\":\"toolu_b2\",\"name\":\"Read\",\"input\":{\"file_path\":\"/x\"}}]},"
	"{\"role\":\"user\",\"content\":[{\"tool_use_id\":\"toolu_b2\",\"type\":\"tool_result\",\"content\":["
	"{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"iVBO\",\"media_type\":\"image/png\"}}]},"
	"{\"tool_use_id\":\"toolu_a1\",\"type\":\"tool_result\",\"content\":\"a\\nb\",\"is_error\":false,"
	"\"cache_control\":{\"type\":\"ephemeral\"}}]}],\"max_tokens\":32000,\"thinking\":{\"type\":\"adaptive\"},"
	"\"stream\":true}",
};

static void
test_round_trip(void)
{
	for (size_t i = 0; i < COUNT(plain_bodies); i++) {
		json_t *want = json_loads(plain_bodies[i], 0, NULL);

		CU_ASSERT_PTR_NOT_NULL_FATAL(want);
		check_same(plain_bodies[i], want);
		json_decref(want);
	}
}

static void
test_clients(void)
{
	for (size_t i = 0; i < COUNT(client_bodies); i++) {
		json_t *once = said_again(client_bodies[i]);
		char *text = json_dumps(once, JSON_COMPACT);

		check_same(text, once);
		free(text);
		json_decref(once);
	}
}

/* ---- what is answered ------------------------------------------------------------ */

/* Events as a line in which pieces of a kind are joined, so that however it was cut,
 * the same answer gives the same line. */
struct notes {
	struct buf out;
	char last; /* the kind of the open bracket; 0: none is */
};

static void
note_piece(struct notes *n, char kind, const char *text, size_t len)
{
	if (n->last != kind && n->last != 0)
		buf_puts(&n->out, ")");
	if (n->last != kind)
		buf_printf(&n->out, "%c(", kind);
	n->last = kind;
	buf_add(&n->out, text, len);
}

static void
note_other(struct notes *n, const char *text)
{
	if (n->last != 0)
		buf_puts(&n->out, ")");
	n->last = 0;
	buf_puts(&n->out, text);
}

static void
note(void *arg, const struct wire_event *e)
{
	static const char *const finishes[] = { "stop", "length", "filtered", "calls", "other" };
	struct notes *n = arg;
	char text[512] = "";

	switch (e->kind) {
	case WIRE_TEXT: note_piece(n, 'T', e->text, e->len); return;
	case WIRE_REASONING: note_piece(n, 'R', e->text, e->len); return;
	case WIRE_CALL:
		snprintf(text, sizeof(text), " %zu %s %s ", e->call, e->id, e->name);
		if (e->id != NULL)
			note_other(n, text);
		note_piece(n, 'C', e->text, e->len);
		return;
	case WIRE_SIGNATURE: snprintf(text, sizeof(text), "S(%.*s)", (int)e->len, e->text); break;
	case WIRE_USAGE:
		if (e->usage.output_tokens < 0) /* of message_start */
			return;
		snprintf(text, sizeof(text), "U(%d,%d,%d,%d)", (int)e->usage.input_tokens, (int)e->usage.output_tokens,
		    (int)e->usage.cached_tokens, (int)e->usage.cache_write_tokens);
		break;
	case WIRE_FINISH: snprintf(text, sizeof(text), "F(%s)", finishes[e->finish]); break;
	case WIRE_OWN: return;
	case WIRE_DONE: snprintf(text, sizeof(text), "D"); break;
	case WIRE_FAILURE: snprintf(text, sizeof(text), "X(%s)", e->failure.detail); break;
	}
	note_other(n, text);
}

/* What the wire's parser makes of an answer; free it. */
static char *
understood(bool stream, const char *text, size_t len)
{
	void *parser = anthropic_parser.start(stream, 1 << 20);
	struct notes n = { .last = 0 };

	if (anthropic_parser.feed(parser, text, len, note, &n))
		CU_ASSERT_TRUE(anthropic_parser.end(parser, note, &n));
	note_other(&n, ".");
	anthropic_parser.free(parser);
	return n.out.data;
}

static struct encoder
encoder(void)
{
	return (struct encoder){ .id = UUID, .model = "m \"1\"" };
}

/* clang-format off */
#define TEXT(said) \
	{ .kind = PIECE_TEXT, .text = (said), .len = sizeof(said) - 1 }
#define THOUGHT(said) \
	{ .kind = PIECE_REASONING, .text = (said), .len = sizeof(said) - 1 }
#define SEAL(said) \
	{ .kind = PIECE_SIGNATURE, .text = (said), .len = sizeof(said) - 1 }
#define CALL(number, which, what, said) \
	{ .kind = PIECE_CALL, .call = (number), .id = (which), .name = (what), .text = (said), .len = sizeof(said) - 1 }
/* clang-format on */
#define MAX_PIECES 10

/* An answer in pieces; the same whole; and what both say. */
static const struct answer {
	struct piece pieces[MAX_PIECES];
	size_t n_pieces;
	const char *data, *says;
} answers[] = {
	{ { TEXT("Hel"), TEXT("lo \"you\"\n") }, 2,
	    "\"content\":\"Hello \\\"you\\\"\\n\",\"usage\":{\"input_tokens\":9,\"output_tokens\":2,\"finish\":\"stop\"}",
	    "T(Hello \"you\"\n)F(stop)U(9,2,0,0)D." },
	{ { THOUGHT("h"), THOUGHT("m"), SEAL("s=="), TEXT("a") }, 4,
	    "\"content\":\"a\",\"reasoning\":\"hm\",\"signature\":\"s==\",\"usage\":{\"input_tokens\":9,"
	    "\"cached_tokens\":4,\"cache_write_tokens\":2,\"output_tokens\":2,\"finish\":\"length\"}",
	    "R(hm)S(s==)T(a)F(length)U(9,2,4,2)D." },
	{ { THOUGHT("hm"), SEAL("redacted:xyz"), TEXT("a") }, 3,
	    "\"content\":\"a\",\"reasoning\":\"hm\",\"signature\":\"redacted:xyz\",\"usage\":{\"finish\":\"content_filter\"}",
	    "R(hm)S(redacted:xyz)T(a)F(filtered)U(0,0,0,0)D." },
	{ { SEAL("s"), TEXT("a") }, 2, "\"content\":\"a\",\"signature\":\"s\",\"usage\":{\"finish\":null}",
	    "S(s)T(a)F(stop)U(0,0,0,0)D." },
	{ { TEXT("a"), CALL(0, "toolu_1", "f", ""), CALL(0, NULL, NULL, "{\"x\""),
	      CALL(0, NULL, NULL, ":\"\xC3\xA9\"}"), CALL(1, "2", "g", ""), CALL(2, NULL, NULL, "{}"),
	      SEAL("of the call") },
	    7,
	    "\"content\":\"a\",\"calls\":[{\"id\":\"toolu_1\",\"name\":\"f\",\"arguments\":\"{\\\"x\\\":\\\"\xC3\xA9\\\"}\"},"
	    "{\"id\":\"2\",\"name\":\"g\",\"arguments\":\"\"},{\"id\":null,\"name\":null,\"arguments\":\"{}\"}],"
	    "\"usage\":{\"finish\":\"tool_calls\"}",
	    "T(a) 0 toolu_1 f C({\"x\":\"\xC3\xA9\"}) 1 2 g C({}) 2 toolu_" ID "_2  C({})F(calls)U(0,0,0,0)D." },
	{ { CALL(0, "1", "f", "{}") }, 1,
	    "\"content\":\"\",\"calls\":[{\"id\":\"1\",\"name\":\"f\",\"arguments\":\"{}\"}],\"usage\":{\"finish\":\"stop\"}",
	    " 0 1 f C({})F(calls)U(0,0,0,0)D." },
	{ { TEXT(""), THOUGHT(""), SEAL("") }, 3, "\"content\":\"\",\"reasoning\":\"\",\"signature\":\"\"",
	    "F(stop)U(0,0,0,0)D." },
};

static void
check_streamed(const struct answer *answer)
{
	struct encoder e = encoder();
	struct buf out = BUF_INIT(0);
	char end[1024], *says;

	snprintf(end, sizeof(end), "{\"type\":\"done\",\"data\":{%s}}", answer->data);
	dialect_anthropic.start(&e, &out, "{\"model\":\"m\"}");
	for (size_t i = 0; i < answer->n_pieces; i++)
		dialect_anthropic.piece(&e, &out, &answer->pieces[i]);
	dialect_anthropic.end(&e, &out, 7, end);
	says = understood(true, out.data, out.len);
	CU_ASSERT_STRING_EQUAL(says, answer->says);
	CU_ASSERT_PTR_NULL(strstr(out.data, "\"text\":\"\"}}\n\nevent: content_block_stop"));
	free(says);
	buf_free(&out);
}

static void
check_whole(const struct answer *answer)
{
	struct encoder e = encoder();
	char end[1024], *body, *says;
	int http_status = 0;

	snprintf(end, sizeof(end), "{\"type\":\"done\",\"data\":{%s}}", answer->data);
	body = dialect_anthropic.whole(&e, NULL, end, LANG_EN, "rq", &http_status);
	CU_ASSERT_EQUAL(http_status, 200);
	says = understood(false, body, strlen(body));
	CU_ASSERT_STRING_EQUAL(says, answer->says);
	free(says);
	free(body);
}

static void
test_answers(void)
{
	for (size_t i = 0; i < COUNT(answers); i++) {
		check_streamed(&answers[i]);
		check_whole(&answers[i]);
	}
}

/* One stream byte for byte, as SDKs want it. */
static void
test_stream(void)
{
	const struct piece pieces[] = { THOUGHT("hm"), SEAL("s"), TEXT("a"), CALL(0, "t", "f", "{}"), TEXT("b"),
		CALL(0, NULL, NULL, "late") };
	struct encoder e = encoder();
	struct buf out = BUF_INIT(0);

	dialect_anthropic.start(&e, &out, "{}");
	for (size_t i = 0; i < COUNT(pieces); i++)
		dialect_anthropic.piece(&e, &out, &pieces[i]);
	dialect_anthropic.end(&e, &out, 7,
	    "{\"type\":\"done\",\"data\":{\"usage\":{\"input_tokens\":9,\"cached_tokens\":4,\"output_tokens\":2,"
	    "\"finish\":\"other\"}}}");
#define DATA(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define DELTA(rest) "id: 0\n" DATA("content_block_delta", rest)
	CU_ASSERT_STRING_EQUAL(buf_str(&out),
	    DATA("message_start",
		",\"message\":{\"id\":\"msg_" ID
		"\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m \\\"1\\\"\","
		"\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":0,"
		"\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":0}}")
		DATA("content_block_start",
		    ",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")
		    DELTA(",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}") DELTA(
			",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"s\"}")
			DATA("content_block_stop", ",\"index\":0") DATA(
			    "content_block_start", ",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
			    DELTA(",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}") DATA(
				"content_block_stop", ",\"index\":1") DATA("content_block_start",
				",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\","
				"\"input\":{}}")
				DELTA(",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}")
				    DATA("content_block_stop", ",\"index\":2") DATA("content_block_start",
					",\"index\":3,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
					DELTA(",\"index\":3,\"delta\":{\"type\":\"text_delta\",\"text\":\"b\"}")
					    DATA("content_block_stop", ",\"index\":3") DATA("message_delta",
						",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},"
						"\"usage\":{\"input_tokens\":5,\"cache_creation_input_tokens\":0,"
						"\"cache_read_input_tokens\":4,\"output_tokens\":2}")
						DATA("message_stop", ""));
	buf_free(&out);
}

/* A broken stream says so, and does not say that it is over. */
static void
test_broken(void)
{
	static const struct {
		const char *end, *says;
	} rows[] = {
		{ "{\"type\":\"error\",\"data\":{\"code\":\"upstream_failed\",\"message\":\"It \\\"broke\\\".\"}}",
		    "T(a)X(HTTP 500 api_error: It \"broke\".)." },
		{ "{\"type\":\"error\",\"data\":{\"code\":\"insufficient_credits\"}}",
		    "T(a)X(HTTP 402 billing_error: Not enough credits.)." },
		{ "{\"type\":\"cancelled\",\"data\":{}}", "T(a)X(HTTP 500 api_error: Stopped.)." },
		{ "{\"type\":\"error\",\"data\":{}}", "T(a)X(HTTP 500 api_error: Something went wrong on our side.)." },
		{ "garbage", "T(a)X(HTTP 500 api_error: Something went wrong on our side.)." },
		{ NULL, "T(a)X(HTTP 529 overloaded_error: Bye.)." },
	};
	const struct piece a = TEXT("a");

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct encoder e = encoder();
		struct buf out = BUF_INIT(0);
		char *says;

		dialect_anthropic.start(&e, &out, "{}");
		dialect_anthropic.piece(&e, &out, &a);
		if (rows[i].end != NULL)
			dialect_anthropic.end(&e, &out, 1, rows[i].end);
		else
			dialect_anthropic.cut(&e, &out, E_OVERLOADED, "Bye.");
		says = understood(true, out.data, out.len);
		CU_ASSERT_STRING_EQUAL(says, rows[i].says);
		CU_ASSERT_PTR_NULL(strstr(out.data, "message_stop"));
		free(says);
		buf_free(&out);
	}
}

static void
test_errors(void)
{
	static const struct {
		enum status st;
		int http_status;
		const char *type;
	} rows[] = {
		{ E_INVALID_REQUEST, 400, "invalid_request_error" },
		{ E_CONTENT_VIOLATION, 400, "invalid_request_error" },
		{ E_UNAUTHENTICATED, 401, "authentication_error" },
		{ E_INSUFFICIENT_CREDITS, 402, "billing_error" },
		{ E_FORBIDDEN, 403, "permission_error" },
		{ E_NOT_FOUND, 404, "not_found_error" },
		{ E_METHOD_NOT_ALLOWED, 405, "invalid_request_error" },
		{ E_CANCELLED, 409, "api_error" },
		{ E_CONFLICT, 409, "invalid_request_error" },
		{ E_TOO_LARGE, 413, "request_too_large" },
		{ E_RATE_LIMITED, 429, "rate_limit_error" },
		{ E_TASK_QUEUE_FULL, 429, "rate_limit_error" },
		{ E_INTERNAL, 500, "api_error" },
		{ E_UPSTREAM_FAILED, 502, "api_error" },
		{ E_INTERRUPTED, 503, "api_error" },
		{ E_OVERLOADED, 529, "overloaded_error" },
		{ E_UNAVAILABLE, 529, "overloaded_error" },
		{ E_UPSTREAM_TIMEOUT, 504, "timeout_error" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int http_status = status_http(rows[i].st);
		json_t *body = dialect_anthropic.error(rows[i].st, "m", json_object(), "rq", &http_status);
		json_t *want = json_pack("{s:s, s:{s:s, s:s}, s:s}", "type", "error", "error", "type", rows[i].type,
		    "message", "m", "request_id", "rq");

		CU_ASSERT_EQUAL(http_status, rows[i].http_status);
		CU_ASSERT_TRUE(json_equal(body, want));
		json_decref(want);
		json_decref(body);
	}
}

static void
check_message(const char *message, json_t *details, const char *request_id, const char *want)
{
	int http_status = 400;
	json_t *body = dialect_anthropic.error(E_INVALID_REQUEST, message, details, request_id, &http_status);
	char *text = json_dumps(body, JSON_COMPACT);

	CU_ASSERT_STRING_EQUAL(text, want);
	free(text);
	json_decref(body);
}

static void
test_error_messages(void)
{
	check_message("m", json_pack("{s:s, s:s}", "field", "messages.2.content", "problem", "is not a string"), "rq",
	    "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
	    "\"message\":\"messages.2.content: is not a string\"},\"request_id\":\"rq\"}");
	check_message("m", json_pack("{s:s}", "field", "x"), NULL,
	    "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"m\"}}");
	check_message("\xff", NULL, NULL,
	    "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
	    "\"message\":\"The request is not valid.\"}}");
}

static void
check_whole_error(const char *end, enum lang lang, int want_status, const char *want)
{
	struct encoder e = encoder();
	int http_status = 0;
	char *body = dialect_anthropic.whole(&e, "{}", end, lang, "rq", &http_status);

	CU_ASSERT_EQUAL(http_status, want_status);
	CU_ASSERT_STRING_EQUAL(body, want);
	free(body);
}

static void
test_whole(void)
{
	struct encoder e = encoder();
	int http_status = 0;
	char *body = dialect_anthropic.whole(&e, "{}",
	    "{\"type\":\"done\",\"data\":{\"content\":\"a\",\"calls\":[{\"id\":\"1\",\"name\":\"f\",\"arguments\":\"{\"},"
	    "{\"id\":\"\",\"name\":\"g\"},{\"id\":\"3\",\"name\":\"h\",\"arguments\":\"[1]\"}],"
	    "\"usage\":{\"input_tokens\":3,\"cached_tokens\":5,\"output_tokens\":-1}}}",
	    LANG_EN, "rq", &http_status);

	CU_ASSERT_EQUAL(http_status, 200);
	CU_ASSERT_STRING_EQUAL(body,
	    "{\"id\":\"msg_" ID "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m \\\"1\\\"\",\"content\":["
	    "{\"type\":\"text\",\"text\":\"a\"},"
	    "{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\",\"input\":{\"arguments\":\"{\"}},"
	    "{\"type\":\"tool_use\",\"id\":\"toolu_" ID "_1\",\"name\":\"g\",\"input\":{}},"
	    "{\"type\":\"tool_use\",\"id\":\"3\",\"name\":\"h\",\"input\":{\"arguments\":\"[1]\"}}],"
	    "\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":0,"
	    "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":5,\"output_tokens\":0}}");
	free(body);
	check_whole_error("{\"type\":\"error\",\"data\":{\"code\":\"unavailable\",\"message\":\"No channel.\"}}",
	    LANG_EN, 529,
	    "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"No channel.\"},"
	    "\"request_id\":\"rq\"}");
	check_whole_error("{\"type\":\"cancelled\",\"data\":{}}", LANG_ZH, 409,
	    "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"已停止生成\"},\"request_id\":\"rq\"}");
	check_whole_error("", LANG_EN, 500,
	    "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"Something went wrong on our side.\"},"
	    "\"request_id\":\"rq\"}");
}

static void
test_keepalive(void)
{
	CU_ASSERT_STRING_EQUAL(dialect_anthropic.name, "anthropic");
	CU_ASSERT_STRING_EQUAL(dialect_anthropic.keepalive, "event: ping\ndata: {\"type\": \"ping\"}\n\n");
}

static CU_TestInfo in_tests[] = {
	{ "reads messages", test_messages },
	{ "reads how to answer", test_manner },
	{ "reads thinking and effort", test_thinking },
	{ "reads tools, the choice among them, and formats", test_tools },
	{ "says what is wrong, and where", test_problems },
	{ "reads what is deep", test_deep },
	{ "stops before its memory ends", test_many },
	{ "takes the path's word", test_path },
	CU_TEST_INFO_NULL,
};

static CU_TestInfo both_tests[] = {
	{ "says again what it read", test_round_trip },
	{ "reads what clients were seen to send", test_clients },
	{ "gives pieces back, streamed and whole", test_answers },
	CU_TEST_INFO_NULL,
};

static CU_TestInfo out_tests[] = {
	{ "streams as SDKs want it", test_stream },
	{ "says that a stream is broken", test_broken },
	{ "names errors", test_errors },
	{ "says what is wrong with a field", test_error_messages },
	{ "answers whole", test_whole },
	{ "keeps quiet streams alive", test_keepalive },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "in", NULL, NULL, NULL, NULL, in_tests },
	{ "both", NULL, NULL, NULL, NULL, both_tests },
	{ "out", NULL, NULL, NULL, NULL, out_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
