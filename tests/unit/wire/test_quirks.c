/*
 * Providers' quirks: for each row what it is asked, in the shapes that its documentation
 * shows, and what is made of what it answers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "house/wires.h"
#include "wire/own.h"
#include "wire_test.h"

static const struct ask_message hello[] = { SAYS("user", SAID("Hi")) };
static const struct ask_message texts[] = {
	SAYS("system", SAID("Be brief"), SAID("and kind")),
	SAYS("user", SAID("Hi"), SAID("there")),
	SAYS("user", SAID("see"), AT(ASK_IMAGE, "https://x/a.png")),
};
static const struct ask_message called[] = {
	SAYS("user", SAID("Hi")),
	SAYS("assistant", { .kind = ASK_THINKING, .text = "hm" },
	    { .kind = ASK_CALL, .id = "c1", .name = "f", .text = "{}" }),
	SAYS("user", { .kind = ASK_RESULT, .id = "c1", .text = "r" }),
	SAYS("assistant", SAID("so")),
};

/* How a channel of that provider at that address is asked: as the engine does it. */
static enum status
build(struct arena *a, const char *provider, const char *base_url, const char *model, const struct ask *ask,
    struct wire_request *rq)
{
	const struct wire *wire = wire_find(provider);
	const struct endpoint *e = wire_endpoint(wire, OP_CHAT);
	struct wire_target to = { .base_url = base_url,
		.api_key = "k",
		.quirks = quirks_of(provider, base_url),
		.model = model,
		.max_output_tokens = 99,
		.stream = true };
	struct ask said = *ask;
	struct wire_body body;
	enum status st;

	CU_ASSERT_PTR_NOT_NULL_FATAL(to.quirks);
	said.shape = quirks_of_body(to.quirks, ask);
	st = e->body(a, &said, true, &body);
	return st == OK ? e->head(a, &to, &body, rq) : st;
}

static struct ask
ask_of(const struct ask_message *messages, size_t n)
{
	return (struct ask){ .op = OP_CHAT, .chat = { ASK_CHAT_PLAIN, .messages = messages, .n_messages = n } };
}

static const char *
header(const struct wire_request *rq, const char *name)
{
	for (const char *const *h = rq->headers; *h != NULL; h++)
		if (strncmp(*h, name, strlen(name)) == 0)
			return *h;
	return "";
}

/* ---- whom ---------------------------------------------------------------------- */

static void
test_rows(void)
{
	size_t n;
	const struct quirks *all = quirks_all(&n);

	for (size_t i = 0; i < n; i++) {
		const struct quirks *q = &all[i];

		CU_ASSERT_PTR_EQUAL(quirks_find(q->provider), q); /* none has the name of another */
		CU_ASSERT_PTR_NOT_NULL(wire_find(q->provider));
		CU_ASSERT_TRUE(strlen(q->provider) <= 50); /* channels.provider */
		CU_ASSERT_EQUAL(q->note_en == NULL, q->note_zh == NULL);
		if (q->hosts != NULL && strchr(q->base_url, '{') == NULL) /* it is at home where it says */
			CU_ASSERT_PTR_EQUAL(quirks_of(q->wire, q->base_url), q);
	}
	CU_ASSERT_PTR_NULL(quirks_find("nobody"));
	CU_ASSERT_PTR_NULL(quirks_of("nobody", "https://api.openai.com"));
	CU_ASSERT_PTR_NULL(wire_find("nobody"));
	CU_ASSERT_PTR_NULL(wire_find(NULL));
}

/* Channels that name the maker of a wire, at the address of somebody else. */
static void
test_homes(void)
{
	static const struct {
		const char *provider, *base_url, *found;
	} rows[] = {
		{ "openai", "https://api.openai.com/v1", "openai" },
		{ "openai", "https://api.openai.com.example.org/v1", "openai-compatible" },
		{ "openai", "https://xapi.openai.com/v1", "openai-compatible" },
		{ "openai", "http://127.0.0.1:8089", "openai-compatible" },
		{ "openai", NULL, "openai-compatible" },
		{ "openai", "nothing", "openai-compatible" },
		{ "openai", "https://me.openai.azure.com/openai/v1", "azure" },
		{ "openai", "https://dashscope-intl.aliyuncs.com:443/compatible-mode/v1", "dashscope" },
		{ "openai", "https://api.moonshot.ai", "moonshot" },
		{ "openai", "https://api.z.ai/api/paas/v4?x", "glm" },
		{ "openai", "https://bedrock-mantle.us-east-2.api.aws/v1", "bedrock" },
		{ "openai", "https://api.deepseek.com", "deepseek" },
		{ "anthropic", "https://api.deepseek.com/anthropic", "deepseek-anthropic" },
		{ "anthropic", "https://bedrock-mantle.us-east-2.api.aws/anthropic", "bedrock-anthropic" },
		{ "anthropic", "https://api.anthropic.com", "anthropic" },
		{ "gemini", "https://generativelanguage.googleapis.com", "gemini" },
		{ "vllm", "https://api.openai.com", "vllm" }, /* whoever says more is believed */
		{ "azure", "https://gateway.example.org/models", "azure" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct quirks *q = quirks_of(rows[i].provider, rows[i].base_url);

		CU_ASSERT_PTR_NOT_NULL_FATAL(q);
		CU_ASSERT_STRING_EQUAL(q->provider, rows[i].found);
		if (strcmp(q->provider, rows[i].found) != 0)
			printf("# %s: %s\n", rows[i].base_url, q->provider);
	}
}

static void
test_paths_and_keys(void)
{
	static const struct {
		const char *provider, *base_url, *model, *url, *key;
	} rows[] = {
		{ "azure", "https://me.openai.azure.com/openai/v1", "d",
		    "https://me.openai.azure.com/openai/v1/chat/completions", "api-key: k" },
		{ "azure", "https://me.openai.azure.com", "d", "https://me.openai.azure.com/openai/v1/chat/completions",
		    "api-key: k" },
		{ "azure", "https://me.openai.azure.com/?api-version=2024-10-21", "gpt-4.1_x",
		    "https://me.openai.azure.com/openai/deployments/gpt-4.1_x/chat/completions?api-version=2024-10-21",
		    "api-key: k" },
		{ "azure", "https://me.openai.azure.com/openai?api-version=1", "d",
		    "https://me.openai.azure.com/openai/deployments/d/chat/completions?api-version=1", "api-key: k" },
		{ "azure", "https://me.openai.azure.com/openai/deployments/e/?api-version=1", "d",
		    "https://me.openai.azure.com/openai/deployments/e/chat/completions?api-version=1", "api-key: k" },
		{ "azure", "https://me.openai.azure.com/openai/v1?api-version=preview", "d",
		    "https://me.openai.azure.com/openai/v1/chat/completions?api-version=preview", "api-key: k" },
		{ "azure", "https://me.openai.azure.com?api-version=1", "d/../e", NULL, NULL },
		{ "openai", "https://h/x?api-version=1", "d", "https://h/x/v1/chat/completions?api-version=1",
		    "Authorization: Bearer k" },
		{ "glm", "https://open.bigmodel.cn", "m", "https://open.bigmodel.cn/api/paas/v4/chat/completions",
		    "Authorization: Bearer k" },
		{ "doubao", "https://ark.cn-beijing.volces.com/api/v3", "ep-1",
		    "https://ark.cn-beijing.volces.com/api/v3/chat/completions", "Authorization: Bearer k" },
		{ "dashscope", "https://dashscope.aliyuncs.com/", "m",
		    "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions", "Authorization: Bearer k" },
		{ "openrouter", "https://openrouter.ai", "a/b", "https://openrouter.ai/api/v1/chat/completions",
		    "Authorization: Bearer k" },
		{ "openrouter", "https://proxy.example.org/or", "a/b",
		    "https://proxy.example.org/or/v1/chat/completions", "Authorization: Bearer k" },
		{ "ollama", "http://h:11434", "m", "http://h:11434/v1/chat/completions", "Authorization: Bearer k" },
		{ "bedrock", "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1", "openai.gpt-oss-20b-1:0",
		    "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1/chat/completions",
		    "Authorization: Bearer k" },
		{ "bedrock-anthropic", "https://bedrock-mantle.eu-west-1.api.aws/anthropic", "anthropic.claude-x",
		    "https://bedrock-mantle.eu-west-1.api.aws/anthropic/v1/messages", "Authorization: Bearer k" },
		{ "deepseek-anthropic", "https://api.deepseek.com/anthropic", "m",
		    "https://api.deepseek.com/anthropic/v1/messages", "x-api-key: k" },
		{ "gemini", "https://generativelanguage.googleapis.com", "m",
		    "https://generativelanguage.googleapis.com/v1beta/models/m:streamGenerateContent?alt=sse",
		    "x-goog-api-key: k" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1024, 1 << 20);
		struct ask ask = ask_of(hello, 1);
		struct wire_request rq;
		enum status st = build(a, rows[i].provider, rows[i].base_url, rows[i].model, &ask, &rq);

		CU_ASSERT_EQUAL(st, rows[i].url == NULL ? E_INVALID_REQUEST : OK);
		if (st == OK && rows[i].url != NULL) {
			CU_ASSERT_STRING_EQUAL(rq.url, rows[i].url);
			CU_ASSERT_STRING_EQUAL(header(&rq, rows[i].key), rows[i].key);
			if (strncmp(rows[i].key, "Authorization", 13) != 0)
				CU_ASSERT_STRING_EQUAL(header(&rq, "Authorization"), "");
		}
		arena_free(a);
	}
}

/* ---- what ---------------------------------------------------------------------- */

/* What each is told of the same question: its longest answer, how to sample, how much to think. */
static const struct {
	const char *provider, *model, *none, *high, *max;
	const char *head; /* of a question with all of it, before the effort */
} heads[] = {
	{ "openai-compatible", "m", "\"reasoning_effort\":\"none\"", "\"reasoning_effort\":\"high\"",
	    "\"reasoning_effort\":\"xhigh\"",
	    "\"max_tokens\":99,\"temperature\":1.800,\"top_p\":0.500,\"top_k\":4,\"seed\":7" },
	{ "azure", "m", "\"reasoning_effort\":\"none\"", "\"reasoning_effort\":\"high\"",
	    "\"reasoning_effort\":\"xhigh\"",
	    "\"max_completion_tokens\":99,\"temperature\":1.800,\"top_p\":0.500,\"seed\":7" },
	{ "bedrock", "m", "\"reasoning_effort\":\"low\"", "\"reasoning_effort\":\"high\"",
	    "\"reasoning_effort\":\"high\"",
	    "\"max_completion_tokens\":99,\"temperature\":1.800,\"top_p\":0.500,\"seed\":7" },
	{ "deepseek", "m", "\"thinking\":{\"type\":\"disabled\"}",
	    "\"thinking\":{\"type\":\"enabled\"},\"reasoning_effort\":\"high\"",
	    "\"thinking\":{\"type\":\"enabled\"},\"reasoning_effort\":\"max\"",
	    "\"max_tokens\":99,\"temperature\":1.800,\"top_p\":0.500,\"top_k\":4,\"seed\":7" },
	{ "dashscope", "m", "\"enable_thinking\":false", "\"enable_thinking\":true", "\"enable_thinking\":true",
	    "\"max_tokens\":99,\"temperature\":1.800,\"top_p\":0.500,\"top_k\":4,\"seed\":7" },
	{ "moonshot", "moonshot-v1-8k", "\"thinking\":{\"type\":\"disabled\"}", "", "",
	    "\"max_tokens\":99,\"temperature\":1.000,\"top_p\":0.500,\"top_k\":4,\"seed\":7" },
	{ "moonshot", "kimi-k2.5", "\"thinking\":{\"type\":\"disabled\"}", "", "",
	    "\"max_tokens\":99,\"top_k\":4,\"seed\":7" },
	{ "glm", "m", "\"thinking\":{\"type\":\"disabled\"}", "\"thinking\":{\"type\":\"enabled\"}",
	    "\"thinking\":{\"type\":\"enabled\"}", "\"max_tokens\":99,\"temperature\":1.000,\"top_p\":0.500" },
	{ "doubao", "m", "\"reasoning_effort\":\"minimal\"", "\"reasoning_effort\":\"high\"",
	    "\"reasoning_effort\":\"high\"", "\"max_completion_tokens\":99,\"temperature\":1.800,\"top_p\":0.500" },
	{ "openrouter", "m", "\"reasoning_effort\":\"none\"", "\"reasoning_effort\":\"high\"",
	    "\"reasoning_effort\":\"xhigh\"",
	    "\"max_tokens\":99,\"temperature\":1.800,\"top_p\":0.500,\"top_k\":4,\"seed\":7" },
	{ "groq", "m", "\"reasoning_effort\":\"none\"", "\"reasoning_effort\":\"high\"",
	    "\"reasoning_effort\":\"xhigh\"", "\"max_tokens\":99,\"temperature\":1.800,\"top_p\":0.500,\"seed\":7" },
	{ "mistral", "m", "\"reasoning_effort\":\"none\"", "\"reasoning_effort\":\"high\"",
	    "\"reasoning_effort\":\"xhigh\"",
	    "\"max_tokens\":99,\"temperature\":1.500,\"top_p\":0.500,\"random_seed\":7" },
	{ "gemini-openai", "m", "\"reasoning_effort\":\"none\"", "\"reasoning_effort\":\"high\"",
	    "\"reasoning_effort\":\"xhigh\"", "\"max_tokens\":99,\"temperature\":1.800,\"top_p\":0.500" },
	{ "vllm", "m", "\"reasoning_effort\":\"low\"", "\"reasoning_effort\":\"high\"", "\"reasoning_effort\":\"high\"",
	    "\"max_tokens\":99,\"temperature\":1.800,\"top_p\":0.500,\"top_k\":4,\"seed\":7" },
	{ "ollama", "m", "\"reasoning_effort\":\"none\"", "\"reasoning_effort\":\"high\"",
	    "\"reasoning_effort\":\"high\"", "\"max_tokens\":99,\"temperature\":1.800,\"top_p\":0.500,\"seed\":7" },
	{ "llamacpp", "m", "\"reasoning_effort\":\"low\"", "\"reasoning_effort\":\"high\"",
	    "\"reasoning_effort\":\"high\"",
	    "\"max_tokens\":99,\"temperature\":1.800,\"top_p\":0.500,\"top_k\":4,\"seed\":7" },
};

static void
check_head(const char *provider, const char *model, enum ask_effort effort, const char *head, const char *says)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct ask ask = ask_of(hello, 1);
	struct buf body = BUF_INIT(0);
	struct wire_request rq;

	ask.chat.temperature = 1.8;
	ask.chat.top_p = 0.5;
	ask.chat.top_k = 4;
	ask.chat.seed = 7;
	ask.chat.effort = effort;
	buf_printf(&body,
	    "{\"model\":\"%s\",%s%s%s,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"stream\":true,"
	    "\"stream_options\":{\"include_usage\":true}}",
	    model, head, *says == '\0' ? "" : ",", says);
	CU_ASSERT_EQUAL_FATAL(build(a, provider, "https://h.example/v1", model, &ask, &rq), OK);
	CU_ASSERT_STRING_EQUAL(rq.body, body.data);
	if (strcmp(rq.body, body.data) != 0)
		printf("# %s: %s\n", provider, rq.body);
	buf_free(&body);
	arena_free(a);
}

static void
test_heads(void)
{
	for (size_t i = 0; i < COUNT(heads); i++) {
		check_head(heads[i].provider, heads[i].model, EFFORT_UNSAID, heads[i].head, "");
		check_head(heads[i].provider, heads[i].model, EFFORT_NONE, heads[i].head, heads[i].none);
		check_head(heads[i].provider, heads[i].model, EFFORT_HIGH, heads[i].head, heads[i].high);
		check_head(heads[i].provider, heads[i].model, EFFORT_MAX, heads[i].head, heads[i].max);
	}
}

/* The conversation, as that provider reads it: from "messages" on. */
static void
check_rest(const char *provider, const struct ask *ask, const char *rest)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct wire_request rq;
	const char *at;

	CU_ASSERT_EQUAL_FATAL(build(a, provider, "https://h.example/v1", "m", ask, &rq), OK);
	at = strstr(rq.body, "\"messages\"");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	CU_ASSERT_TRUE(strncmp(at, rest, strlen(rest)) == 0);
	if (strncmp(at, rest, strlen(rest)) != 0)
		printf("# %s: %s\n", provider, at);
	arena_free(a);
}

static void
test_texts(void)
{
	static const char one[] = "\"messages\":[{\"role\":\"system\",\"content\":\"Be brief\\n\\nand kind\"},"
				  "{\"role\":\"user\",\"content\":\"Hi\\n\\nthere\"},"
				  "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"see\"},"
				  "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/a.png\"}}]}]";
	static const char parts[] =
	    "\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"Be brief\"},"
	    "{\"type\":\"text\",\"text\":\"and kind\"}]},";
	struct ask ask = ask_of(texts, COUNT(texts));

	check_rest("moonshot", &ask, one);
	check_rest("glm", &ask, one);
	check_rest("deepseek", &ask, one);
	check_rest("openrouter", &ask, parts);
	check_rest("dashscope", &ask, parts);
}

static void
test_schema(void)
{
	static const char words[] =
	    "Answer with one JSON object and nothing else, no code fence around it. It must be valid under this JSON "
	    "Schema: {\\\"type\\\":\\\"object\\\"}";
	const struct ask_message led[] = { SAYS("system", SAID("Be brief")), SAYS("user", SAID("Hi")) };
	struct ask ask = ask_of(led, COUNT(led));
	char rest[1024];

	ask.chat.format = FORMAT_SCHEMA;
	ask.chat.schema = "{\"type\":\"object\"}";
	snprintf(rest, sizeof(rest),
	    "\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"Be brief\"},{\"type\":\"text\","
	    "\"text\":\"%s\"}]},{\"role\":\"user\",\"content\":\"Hi\"}],\"response_format\":{\"type\":\"json_object\"}",
	    words);
	check_rest("glm", &ask, rest);
	ask.chat.messages++;
	ask.chat.n_messages--;
	snprintf(rest, sizeof(rest),
	    "\"messages\":[{\"role\":\"system\",\"content\":\"%s\"},{\"role\":\"user\",\"content\":\"Hi\"}],"
	    "\"response_format\":{\"type\":\"json_object\"}",
	    words);
	check_rest("deepseek", &ask, rest);
	check_rest("azure", &ask,
	    "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"response_format\":{\"type\":\"json_schema\"");
}

static void
test_thoughts(void)
{
	static const char with[] =
	    "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"reasoning_content\":\"hm\","
	    "\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
	    "\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"r\"},"
	    "{\"role\":\"assistant\",\"reasoning_content\":\" \",\"content\":\"so\"}]";
	static const char without[] =
	    "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"content\":null,";
	struct ask ask = ask_of(called, COUNT(called));

	check_rest("deepseek", &ask, with);
	check_rest("moonshot", &ask, with);
	check_rest("mistral", &ask, without); /* refuses what it does not know */
	check_rest("glm", &ask, without);
}

/* A client's own words pass, but to whom they say nothing. */
static void
test_own_words(void)
{
	struct ask ask = ask_of(hello, 1);

	ask.own_wire = "openai";
	ask.shape = quirks_of_body(quirks_find("glm"), &ask);
	CU_ASSERT_TRUE(own_words(&ask, "openai"));
	ask.chat.format = FORMAT_SCHEMA;
	ask.shape = quirks_of_body(quirks_find("openrouter"), &ask);
	CU_ASSERT_TRUE(own_words(&ask, "openai"));
	ask.shape = quirks_of_body(quirks_find("glm"), &ask);
	CU_ASSERT_FALSE(own_words(&ask, "openai"));
}

/* ---- what they answer ------------------------------------------------------------ */

#define STOP "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define DONE "data: [DONE]\n\n"

static const struct {
	const char *provider, *in, *events;
} answers[] = {
	{ "azure",
	    "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_filter_results\":"
	    "[{\"prompt_index\":0,\"content_filter_results\":{\"hate\":{\"filtered\":false}}}]}\n\n"
	    "data: {\"choices\":[{\"content_filter_results\":{},\"delta\":{\"content\":\"\",\"refusal\":null,\"role\":"
	    "\"assistant\"},\"finish_reason\":null,\"index\":0,\"logprobs\":null}],\"usage\":null}\n\n"
	    "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null,\"index\":0}],\"usage\":null}\n\n"
	    "data: {\"choices\":[{\"content_filter_results\":{},\"content_filter_offsets\":{\"check_offset\":1},"
	    "\"finish_reason\":null,\"index\":0}]}\n\n" STOP
	    "data: {\"choices\":[],\"usage\":{\"completion_tokens\":2,\"prompt_tokens\":9,\"prompt_tokens_details\":"
	    "{\"cached_tokens\":4}}}\n\n" DONE,
	    "T(Hi)F(stop)U(9,2,cached 4)." },
	{ "deepseek",
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":"
	    "\"hm\"},\"finish_reason\":null}]}\n\n"
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\",\"reasoning_content\":null}}]}\n\n"
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}],\"usage\":"
	    "{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":11,\"prompt_cache_hit_tokens\":8,"
	    "\"prompt_cache_miss_tokens\":1,\"completion_tokens_details\":{\"reasoning_tokens\":1}}}\n\n" DONE,
	    "R(hm)T(Hi)F(stop)U(9,2,cached 8,thought 1)." },
	{ "deepseek, for want of resources",
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"H\"},\"finish_reason\":"
	    "\"insufficient_system_resource\"}]}\n\n" DONE,
	    "T(H)X(upstream_failed,1,1)!" },
	{ "deepseek, kept waiting",
	    ": keep-alive\n\n: keep-alive\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"H\"}}]}\n\n" STOP
		DONE,
	    "T(H)F(stop)." },
	{ "dashscope",
	    "data: {\"choices\":[{\"delta\":{\"content\":null,\"role\":\"assistant\",\"reasoning_content\":\"\"},\"index\":0,"
	    "\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n"
	    "data: {\"choices\":[{\"finish_reason\":null,\"delta\":{\"content\":null,\"reasoning_content\":\"\xE5\x97\xAF\"},"
	    "\"index\":0}],\"usage\":null}\n\n"
	    "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\",\"reasoning_content\":null},\"index\":0}]}\n\n" STOP
	    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"prompt_tokens_details\":"
	    "{\"cached_tokens\":3,\"cache_creation_input_tokens\":0}}}\n\n" DONE,
	    "R(\xE5\x97\xAF)T(Hi)F(stop)U(9,2,cached 3)." },
	{ "moonshot",
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n"
	    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\",\"usage\":{\"prompt_tokens\":9,"
	    "\"completion_tokens\":2,\"total_tokens\":11,\"cached_tokens\":5}}]}\n\n" DONE,
	    "T(Hi)F(stop)U(9,2,cached 5)." },
	{ "glm",
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"sensitive\"}]}\n\n" DONE,
	    "T(Hi)F(filtered)." },
	{ "glm, its network",
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"network_error\"}]}\n\n" DONE,
	    "T(Hi)X(upstream_failed,1,1)!" },
	{ "doubao",
	    "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\",\"role\":\"assistant\"},\"index\":0}],\"service_tier\":"
	    "\"default\",\"usage\":null}\n\n" STOP
	    "data: {\"choices\":[],\"usage\":{\"completion_tokens\":2,\"prompt_tokens\":9,\"completion_tokens_details\":"
	    "{\"reasoning_tokens\":0}}}\n\n" DONE,
	    "T(Hi)F(stop)U(9,2,thought 0)." },
	{ "openrouter",
	    ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n"
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"hm\","
	    "\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"hm\"}]},\"finish_reason\":null,"
	    "\"native_finish_reason\":null}]}\n\n"
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n" STOP
	    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"cost\":0.0014}}\n\n" DONE,
	    "R(hm)T(Hi)F(stop)U(9,2)." },
	{ "openrouter, an error in the stream",
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"H\"}}]}\n\n"
	    "data: {\"id\":\"gen-1\",\"error\":{\"code\":502,\"message\":\"Provider disconnected\"},\"choices\":[{\"index\":0,"
	    "\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n",
	    "T(H)X(upstream_failed,1,1)!" },
	{ "openrouter, and no word of it",
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"H\"},\"finish_reason\":\"error\"}]}\n\n" DONE,
	    "T(H)X(upstream_failed,1,1)!" },
	{ "vllm",
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\",\"tool_calls\":[]},\"stop_reason\":null}]}\n\n"
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\",\"tool_calls\":[]},\"finish_reason\":\"stop\","
	    "\"stop_reason\":null}]}\n\n" DONE,
	    "T(Hi)F(stop)." },
	{ "ollama",
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"hm\"},"
	    "\"finish_reason\":null}],\"system_fingerprint\":\"fp_ollama\"}\n\n"
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":"
	    "\"call_1\",\"index\":0,\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
	    "\"finish_reason\":null}]}\n\n" STOP DONE,
	    "R(hm)C(0,call_1,f,{})F(calls)." },
	{ "llamacpp",
	    "data: {\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n"
	    "data: {\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n" STOP
	    "data: {\"choices\":[],\"usage\":{\"completion_tokens\":2,\"prompt_tokens\":9},\"timings\":{\"prompt_n\":1}}\n\n" DONE,
	    "T(Hi)F(stop)U(9,2)." },
	{ "bedrock",
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"<reasoning>hm</reasoning>Hi\",\"role\":\"assistant\"}}],"
	    "\"service_tier\":\"default\"}\n\n" STOP DONE,
	    "T(<reasoning>hm</reasoning>Hi)F(stop)." },
};

static void
test_answers(void)
{
	const struct parser_ops *parser = wire_endpoint(wire_find("openai"), OP_CHAT)->parser;

	for (size_t i = 0; i < COUNT(answers); i++)
		for (size_t slice = 1; slice <= 64; slice *= 4) {
			struct buf said = BUF_INIT(0);

			note_answer(parser, true, answers[i].in, strlen(answers[i].in), slice, &said);
			CU_ASSERT_STRING_EQUAL(buf_str(&said), answers[i].events);
			if (strcmp(buf_str(&said), answers[i].events) != 0)
				printf("# %s: %s\n", answers[i].provider, buf_str(&said));
			buf_free(&said);
		}
}

/* Every row that is no maker of a wire has a transcript above. */
static void
test_all_are_here(void)
{
	size_t n;
	const struct quirks *all = quirks_all(&n);

	for (size_t i = 0; i < n; i++) {
		bool found = strcmp(all[i].wire, "openai") != 0 || strcmp(all[i].provider, "openai") == 0;

		for (size_t k = 0; k < COUNT(heads); k++)
			found |= strcmp(heads[k].provider, all[i].provider) == 0;
		CU_ASSERT_TRUE(found);
		if (!found)
			printf("# %s has no transcript\n", all[i].provider);
	}
}

static CU_TestInfo tests[] = {
	{ "has rows that are whole", test_rows },
	{ "finds who is at home at an address", test_homes },
	{ "joins paths and names keys", test_paths_and_keys },
	{ "says how to answer in each one's words", test_heads },
	{ "says several texts as one", test_texts },
	{ "says schemas in words", test_schema },
	{ "says thoughts to whom wants them", test_thoughts },
	{ "lets own words pass where they are understood", test_own_words },
	{ "understands what each one answers", test_answers },
	{ "knows every row", test_all_are_here },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "quirks", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	wires_register(wires_all());
	return tap_run(suites);
}
