/*
 * Gemini's clients: what they ask, what they are told, and that each is the inverse of
 * the wire.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "house/wires.h"
#include "wire/gemini/gemini.h"
#include "wire_test.h"

static enum status
build(struct arena *a, const struct ask *ask, const struct wire_target *to, struct wire_request *rq)
{
	const struct endpoint *e = wire_endpoint(&wire_gemini, OP_CHAT);
	struct wire_body body;
	enum status st = e->body(a, ask, to->stream, &body);

	return st == OK ? e->head(a, to, &body, rq) : st;
}

/* ---- what clients ask -------------------------------------------------------- */

static enum status
read_body(struct arena *a, const char *body, struct dialect_ask *out, struct dialect_problem *problem)
{
	json_t *root = json_loads(body, JSON_DECODE_ANY, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	arena_cleanup(a, (void (*)(void *))json_delete, root);
	return dialect_gemini.read(a, root, "models/gemini-3-flash", true, out, problem);
}

/* Read, say again, and compare as values. */
static void
check_again(const char *body, const char *again)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct dialect_ask asked;
	struct dialect_problem problem = { "", "" };
	struct wire_request rq;
	json_t *said, *meant;

	CU_ASSERT_EQUAL(read_body(a, body, &asked, &problem), OK);
	CU_ASSERT_STRING_EQUAL(problem.text, "");
	CU_ASSERT_STRING_EQUAL_FATAL(asked.model, "gemini-3-flash");
	CU_ASSERT_TRUE(asked.stream && asked.wants_usage);
	CU_ASSERT_EQUAL_FATAL(
	    build(a, &asked.ask,
		&(struct wire_target){
		    .base_url = "http://h", .model = asked.model, .max_output_tokens = asked.ask.max_output_tokens },
		&rq),
	    OK);
	said = json_loadb(rq.body, rq.body_len, 0, NULL);
	meant = json_loads(again, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL(meant);
	CU_ASSERT_TRUE(json_equal(said, meant));
	if (!json_equal(said, meant))
		printf("# said  %s\n# meant %s\n", rq.body, again);
	json_decref(said);
	json_decref(meant);
	arena_free(a);
}

#define USER_HI "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]"
#define AUTO "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"AUTO\"}}"

/* As google-genai for Python and for JavaScript, and gemini-cli, were recorded. */
static void
test_clients(void)
{
	check_again("{\"contents\":[{\"parts\":[{\"text\":\"hi\"}],\"role\":\"user\"}]}",
	    "{\"generationConfig\":{}," USER_HI "}");
	check_again("{\"contents\":[{\"parts\":[{\"text\":\"hi\"}],\"role\":\"user\"}],\"generationConfig\":{}}",
	    "{\"generationConfig\":{}," USER_HI "}");
	check_again("{\"contents\":[{\"parts\":[{\"text\":\"context\"},{\"text\":\"say hi\"}],\"role\":\"user\"}],"
		    "\"systemInstruction\":{\"parts\":[{\"text\":\"You are a CLI\"}],\"role\":\"user\"},"
		    "\"tools\":[{\"functionDeclarations\":[{\"name\":\"list_directory\",\"description\":\"lists\","
		    "\"parametersJsonSchema\":{\"type\":\"object\",\"properties\":{\"dir_path\":{\"description\":\"p\","
		    "\"type\":\"string\"},\"ignore\":{\"items\":{\"type\":\"string\"},\"type\":\"array\"}},"
		    "\"required\":[\"dir_path\"]}}]}],"
		    "\"generationConfig\":{\"temperature\":1,\"topP\":0.95,\"topK\":64,"
		    "\"thinkingConfig\":{\"includeThoughts\":true}}}",
	    "{\"generationConfig\":{\"temperature\":1,\"topP\":0.95,\"topK\":64},"
	    "\"contents\":[{\"parts\":[{\"text\":\"context\"},{\"text\":\"say hi\"}],\"role\":\"user\"}],"
	    "\"systemInstruction\":{\"parts\":[{\"text\":\"You are a CLI\"}]},"
	    "\"tools\":[{\"functionDeclarations\":[{\"name\":\"list_directory\",\"description\":\"lists\","
	    "\"parametersJsonSchema\":{\"type\":\"object\",\"properties\":{\"dir_path\":{\"description\":\"p\","
	    "\"type\":\"string\"},\"ignore\":{\"items\":{\"type\":\"string\"},\"type\":\"array\"}},"
	    "\"required\":[\"dir_path\"]}}]}]," AUTO "}");
}

/* Members in either case, single elements for lists, numbers as texts. */
static void
test_protobuf(void)
{
	check_again(
	    "{\"contents\":{\"parts\":{\"text\":\"hi\"}},\"system_instruction\":\"Be brief\",\"safety_settings\":[],"
	    "\"labels\":null,\"cachedContent\":\"\","
	    "\"generation_config\":{\"max_output_tokens\":\"7\",\"top_k\":3.0,\"top_p\":\"0.5\",\"seed\":-1,"
	    "\"stop_sequences\":\"END\",\"candidate_count\":1,\"response_modalities\":[\"text\"],"
	    "\"thinking_config\":{\"thinking_budget\":1024},\"presencePenalty\":1,\"temperature\":null}}",
	    "{\"generationConfig\":{\"maxOutputTokens\":7,\"topK\":3,\"topP\":0.5,\"seed\":2147483647,"
	    "\"stopSequences\":[\"END\"],\"thinkingConfig\":{\"includeThoughts\":true,\"thinkingBudget\":1024}}," USER_HI
	    ",\"systemInstruction\":{\"parts\":[{\"text\":\"Be brief\"}]}}");
	check_again("{" USER_HI ",\"systemInstruction\":{\"text\":\"s\"},\"generationConfig\":{\"thinkingConfig\":"
		    "{\"thinkingLevel\":\"low\",\"thinkingBudget\":-1}}}",
	    "{\"generationConfig\":{\"thinkingConfig\":{\"includeThoughts\":true,\"thinkingLevel\":\"low\"}}," USER_HI
	    ",\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]}}");
	check_again("{" USER_HI ",\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":0}}}",
	    "{\"generationConfig\":{\"thinkingConfig\":{\"thinkingLevel\":\"minimal\"}}," USER_HI "}");
}

static void
test_schemas(void)
{
	check_again("{" USER_HI ",\"tools\":[{\"function_declarations\":[{\"name\":\"f\",\"parameters\":{\"type\":"
		    "\"OBJECT\",\"propertyOrdering\":[\"type\"],\"properties\":{\"type\":{\"type\":\"STRING\","
		    "\"nullable\":true},\"n\":{\"type\":\"ARRAY\",\"minItems\":\"1\",\"items\":{\"type\":\"INTEGER\"}},"
		    "\"u\":{\"anyOf\":[{\"type\":\"NUMBER\"},{\"type\":\"TYPE_UNSPECIFIED\"}]}}}}]}]}",
	    "{\"generationConfig\":{}," USER_HI ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\","
	    "\"parametersJsonSchema\":{\"type\":\"object\",\"properties\":{\"type\":{\"type\":[\"string\",\"null\"]},"
	    "\"n\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"integer\"}},"
	    "\"u\":{\"anyOf\":[{\"type\":\"number\"},{}]}}}}]}]," AUTO "}");
	check_again("{" USER_HI ",\"generationConfig\":{\"responseMimeType\":\"application/json\",\"responseSchema\":"
		    "{\"type\":\"STRING\"}}}",
	    "{\"generationConfig\":{\"responseMimeType\":\"application/json\",\"responseJsonSchema\":"
	    "{\"type\":\"string\"}}," USER_HI "}");
	check_again("{" USER_HI ",\"generationConfig\":{\"_responseJsonSchema\":{\"type\":\"number\"}}}",
	    "{\"generationConfig\":{\"responseMimeType\":\"application/json\",\"responseJsonSchema\":"
	    "{\"type\":\"number\"}}," USER_HI "}");
	check_again("{" USER_HI ",\"generationConfig\":{\"responseMimeType\":\"application/json\"}}",
	    "{\"generationConfig\":{\"responseMimeType\":\"application/json\"}," USER_HI "}");
	check_again("{" USER_HI ",\"generationConfig\":{\"responseMimeType\":\"text/plain\"}}",
	    "{\"generationConfig\":{}," USER_HI "}");
}

static void
test_choices(void)
{
#define THREE \
	"\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"},{\"name\":\"g\"}]},{\"functionDeclarations\":[{\"name\":\"h\"}]}]"
#define FLAT "\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"},{\"name\":\"g\"},{\"name\":\"h\"}]}]"
#define MODE(rest) "\"toolConfig\":{\"functionCallingConfig\":{" rest "}}"
	static const struct {
		const char *in, *tools, *out;
	} rows[] = {
		{ MODE("\"mode\":\"AUTO\""), FLAT, MODE("\"mode\":\"AUTO\"") },
		{ MODE("\"mode\":\"VALIDATED\""), FLAT, MODE("\"mode\":\"AUTO\"") },
		{ MODE("\"mode\":\"none\""), FLAT, MODE("\"mode\":\"NONE\"") },
		{ MODE("\"mode\":\"ANY\""), FLAT, MODE("\"mode\":\"ANY\"") },
		{ MODE("\"mode\":\"ANY\",\"allowedFunctionNames\":[\"g\"]"), FLAT,
		    MODE("\"mode\":\"ANY\",\"allowedFunctionNames\":[\"g\"]") },
		{ MODE("\"mode\":\"ANY\",\"allowedFunctionNames\":[\"h\",\"f\"]"),
		    "\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"},{\"name\":\"h\"}]}]",
		    MODE("\"mode\":\"ANY\"") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char in[512], out[512];

		snprintf(in, sizeof(in), "{" USER_HI "," THREE ",%s}", rows[i].in);
		snprintf(out, sizeof(out), "{\"generationConfig\":{}," USER_HI ",%s,%s}", rows[i].tools, rows[i].out);
		check_again(in, out);
	}
}

/* Calls and results with ids, and without; thoughts in the pieces they were told in. */
static void
test_conversation(void)
{
	static const char *const whole =
	    "{\"generationConfig\":{},\"contents\":["
	    "{\"role\":\"user\",\"parts\":[{\"text\":\"go\"},{\"inlineData\":{\"mimeType\":\"image/png\","
	    "\"data\":\"ab+/\"}},{\"fileData\":{\"fileUri\":\"https://x/v.mp4\",\"mimeType\":\"video/mp4\"}}]},"
	    "{\"role\":\"model\",\"parts\":[{\"text\":\"hmm\",\"thought\":true,\"thoughtSignature\":\"t\"},"
	    "{\"text\":\"ok\"},"
	    "{\"functionCall\":{\"id\":\"a\",\"name\":\"f\",\"args\":{\"x\":1}},\"thoughtSignature\":\"s\"},"
	    "{\"functionCall\":{\"id\":\"b\",\"name\":\"g\",\"args\":{}}}]},"
	    "{\"role\":\"user\",\"parts\":["
	    "{\"functionResponse\":{\"id\":\"a\",\"name\":\"f\",\"response\":{\"output\":\"yes\"}}},"
	    "{\"functionResponse\":{\"id\":\"b\",\"name\":\"g\",\"response\":{\"error\":\"no\"}}}]},"
	    "{\"role\":\"model\",\"parts\":[{\"text\":\"\",\"thoughtSignature\":\"u\"}]}]}";

	check_again(whole, whole);
	check_again("{\"contents\":[{\"role\":\"model\",\"parts\":[{\"text\":\"h\",\"thought\":true},"
		    "{\"text\":\"m\",\"thought\":true},{\"text\":\"\",\"thought\":true,\"thoughtSignature\":\"t\"},"
		    "{\"functionCall\":{\"name\":\"f\"}},{\"functionCall\":{\"name\":\"f\"}}]},"
		    "{\"role\":\"function\",\"parts\":["
		    "{\"functionResponse\":{\"name\":\"f\",\"response\":{\"result\":1}}},"
		    "{\"functionResponse\":{\"name\":\"f\",\"response\":{\"output\":[1]},\"parts\":[{\"inlineData\":"
		    "{\"mime_type\":\"audio/wav\",\"data\":\"a-_b\"}},{}]}}]}]}",
	    "{\"generationConfig\":{},\"contents\":["
	    "{\"role\":\"model\",\"parts\":[{\"text\":\"hm\",\"thought\":true,\"thoughtSignature\":\"t\"},"
	    "{\"functionCall\":{\"id\":\"call_0\",\"name\":\"f\",\"args\":{}},"
	    "\"thoughtSignature\":\"skip_thought_signature_validator\"},"
	    "{\"functionCall\":{\"id\":\"call_1\",\"name\":\"f\",\"args\":{}}}]},"
	    "{\"role\":\"user\",\"parts\":["
	    "{\"functionResponse\":{\"id\":\"call_0\",\"name\":\"f\",\"response\":{\"output\":\"{\\\"result\\\":1}\"}}},"
	    "{\"functionResponse\":{\"id\":\"call_1\",\"name\":\"f\",\"response\":{\"output\":\"[1]\"}}},"
	    "{\"inlineData\":{\"mimeType\":\"audio/wav\",\"data\":\"a+/b\"}}]}]}");
	check_again(
	    "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"text\":\"a\",\"thoughtSignature\":\"" GEMINI_ANY_SEAL
	    "\"}]}]}",
	    "{\"generationConfig\":{},\"contents\":[{\"role\":\"model\",\"parts\":[{\"text\":\"a\"}]}]}");
	/* a call that was never answered is not the one that is */
	check_again(
	    "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"f\"}}]},"
	    "{\"parts\":[{\"text\":\"no\"}]},{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"f\"}}]},"
	    "{\"parts\":[{\"functionResponse\":{\"name\":\"f\"}}]}]}",
	    "{\"generationConfig\":{},\"contents\":["
	    "{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":\"call_0\",\"name\":\"f\",\"args\":{}},"
	    "\"thoughtSignature\":\"skip_thought_signature_validator\"}]},"
	    "{\"role\":\"user\",\"parts\":[{\"text\":\"no\"}]},"
	    "{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":\"call_1\",\"name\":\"f\",\"args\":{}},"
	    "\"thoughtSignature\":\"skip_thought_signature_validator\"}]},"
	    "{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"id\":\"call_1\",\"name\":\"f\","
	    "\"response\":{\"output\":\"\"}}}]}]}");
	check_again("{\"contents\":[{\"role\":\"system\",\"parts\":[{\"text\":\"s\"}]},{\"parts\":["
		    "{\"functionResponse\":{\"name\":\"f\"}}]}]}",
	    "{\"generationConfig\":{},\"contents\":[{\"role\":\"user\",\"parts\":[{\"functionResponse\":"
	    "{\"id\":\"call_0\",\"name\":\"f\",\"response\":{\"output\":\"\"}}}]}],"
	    "\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]}}");
}

static void
test_problems(void)
{
#define PART(part) "{\"contents\":[{\"parts\":[" part "]}]}"
#define LONG \
	"\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0"
#define WITH(rest) "{" USER_HI "," rest "}"
	static const struct {
		const char *body, *field;
	} rows[] = {
		{ "[]", "body" },
		{ "{}", "contents" },
		{ "{\"contents\":[]}", "contents" },
		{ "{\"contents\":[7]}", "contents[0]" },
		{ "{\"contents\":[{\"role\":\"tool\"}]}", "contents[0].role" },
		{ PART("7"), "contents[0].parts[0]" },
		{ PART("{\"text\":7}"), "contents[0].parts[0].text" },
		{ PART("{},{\"inlineData\":{\"data\":\"x\"}}"), "contents[0].parts[1].inlineData" },
		{ PART("{\"inlineData\":{\"data\":\"x\",\"mimeType\":\"a;b\"}}"), "contents[0].parts[0].inlineData" },
		{ PART("{\"fileData\":{}}"), "contents[0].parts[0].fileData" },
		{ PART("{\"functionCall\":{}}"), "contents[0].parts[0].functionCall" },
		{ PART("{\"functionCall\":{\"name\":\"f\",\"args\":[]}}"), "contents[0].parts[0].functionCall.args" },
		{ PART("{\"functionResponse\":{}}"), "contents[0].parts[0].functionResponse" },
		{ PART("{\"executableCode\":{}}"), "contents[0].parts[0]" },
		{ WITH("\"systemInstruction\":{}"), "systemInstruction" },
		{ WITH("\"cachedContent\":\"cachedContents/1\""), "cachedContent" },
		{ WITH("\"tools\":[7]"), "tools[0]" },
		{ WITH("\"tools\":[{\"googleSearch\":{}}]"), "tools[0].googleSearch" },
		{ WITH("\"tools\":[{\"" LONG LONG LONG "\":7}]"),
		    "tools[0]." LONG LONG "\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0\xE4\xBD\xA0" },
		{ WITH("\"tools\":[{\"functionDeclarations\":[{}]}]"), "tools[0]" },
		{ WITH("\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"X\"}}"),
		    "toolConfig.functionCallingConfig.mode" },
		{ WITH("\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\",\"allowedFunctionNames\":[1,2]}}"),
		    "toolConfig.functionCallingConfig.allowedFunctionNames" },
		{ WITH("\"generationConfig\":[]"), "generationConfig" },
		{ WITH("\"generationConfig\":{\"candidateCount\":2}"), "generationConfig.candidateCount" },
		{ WITH("\"generationConfig\":{\"candidateCount\":1.5}"), "generationConfig.candidateCount" },
		{ WITH("\"generationConfig\":{\"maxOutputTokens\":-1}"), "generationConfig.maxOutputTokens" },
		{ WITH("\"generationConfig\":{\"maxOutputTokens\":\"1x\"}"), "generationConfig.maxOutputTokens" },
		{ WITH("\"generationConfig\":{\"temperature\":\"hot\"}"), "generationConfig.temperature" },
		{ WITH("\"generationConfig\":{\"temperature\":2.1}"), "generationConfig.temperature" },
		{ WITH("\"generationConfig\":{\"topP\":true}"), "generationConfig.topP" },
		{ WITH("\"generationConfig\":{\"topP\":\"\"}"), "generationConfig.topP" },
		{ WITH("\"generationConfig\":{\"topP\":\"nan\"}"), "generationConfig.topP" },
		{ WITH("\"generationConfig\":{\"topP\":-0.1}"), "generationConfig.topP" },
		{ WITH("\"generationConfig\":{\"topK\":true}"), "generationConfig.topK" },
		{ WITH("\"generationConfig\":{\"topK\":\"\"}"), "generationConfig.topK" },
		{ WITH("\"generationConfig\":{\"topK\":1e99}"), "generationConfig.topK" },
		{ WITH("\"generationConfig\":{\"topK\":4294967296}"), "generationConfig.topK" },
		{ WITH("\"generationConfig\":{\"topK\":\"99999999999999999999\"}"), "generationConfig.topK" },
		{ WITH("\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":-2}}"),
		    "generationConfig.thinkingConfig.thinkingBudget" },
		{ WITH("\"generationConfig\":{\"stopSequences\":[1]}"), "generationConfig.stopSequences[0]" },
		{ WITH("\"generationConfig\":{\"responseModalities\":[\"TEXT\",\"IMAGE\"]}"),
		    "generationConfig.responseModalities[1]" },
		{ WITH("\"generationConfig\":{\"responseMimeType\":\"text/x.enum\"}"),
		    "generationConfig.responseMimeType" },
		{ WITH("\"generationConfig\":{\"thinkingConfig\":{\"thinkingLevel\":\"x\"}}"),
		    "generationConfig.thinkingConfig.thinkingLevel" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1024, 1 << 20);
		struct dialect_problem problem = { "", "" };
		struct dialect_ask asked;

		CU_ASSERT_EQUAL(read_body(a, rows[i].body, &asked, &problem), E_INVALID_REQUEST);
		CU_ASSERT_STRING_EQUAL(problem.field, rows[i].field);
		CU_ASSERT_NOT_EQUAL(problem.text[0], '\0');
		arena_free(a);
	}
}

/* Lists longer than anybody means. */
static void
test_limits(void)
{
	static const struct {
		const char *before, *element, *after, *field;
	} rows[] = {
		{ "{\"contents\":[{\"parts\":[", "{}", "]}]}", "contents[0]" },
		{ "{\"contents\":[", "{}", "]}", "contents" },
		{ "{" USER_HI ",\"generationConfig\":{\"stopSequences\":[", "\"\"", "]}}",
		    "generationConfig.stopSequences" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1024, 1 << 20);
		struct buf body = BUF_INIT(0);
		struct dialect_problem problem = { "", "" };
		struct dialect_ask asked;

		buf_puts(&body, rows[i].before);
		for (int n = 0; n < 65536; n++)
			buf_printf(&body, "%s,", rows[i].element);
		buf_printf(&body, "%s%s", rows[i].element, rows[i].after);
		CU_ASSERT_EQUAL(read_body(a, body.data, &asked, &problem), E_INVALID_REQUEST);
		CU_ASSERT_STRING_EQUAL(problem.field, rows[i].field);
		buf_free(&body);
		arena_free(a);
	}
}

static void
test_model(void)
{
	struct arena *a = arena_new(1024, 1 << 20);
	json_t *body = json_pack("{s:s, s:{s:{s:s}}}", "model", "models/m", "contents", "parts", "text", "x");
	struct dialect_problem problem;
	struct dialect_ask asked;

	CU_ASSERT_EQUAL(dialect_gemini.read(a, body, NULL, false, &asked, &problem), OK);
	CU_ASSERT_STRING_EQUAL(asked.model, "m");
	CU_ASSERT_FALSE(asked.stream);
	CU_ASSERT_EQUAL(dialect_gemini.read(a, body, "p", false, &asked, &problem), OK);
	CU_ASSERT_STRING_EQUAL(asked.model, "p");
	json_object_del(body, "model");
	CU_ASSERT_EQUAL(dialect_gemini.read(a, body, "", false, &asked, &problem), E_INVALID_REQUEST);
	CU_ASSERT_STRING_EQUAL(problem.field, "model");
	arena_free(a);
	json_decref(body);
}

/* ---- what clients are told --------------------------------------------------- */

#define END(type, data) "{\"type\":\"" type "\",\"data\":{" data "}}"
#define COUNTS(finish) \
	"\"usage\":{\"input_tokens\":9,\"output_tokens\":7,\"cached_tokens\":4,\"reasoning_tokens\":5,\"finish\":" finish \
	"}"

static struct encoder
encoder(void)
{
	return (struct encoder){ .id = "r1", .model = "m\"", .created_s = 1, .kept = BUF_INIT(0) };
}

static void
tell(struct encoder *e, struct buf *out, enum piece_kind kind, const char *text)
{
	dialect_gemini.piece(e, out, &(struct piece){ .kind = kind, .text = text, .len = strlen(text) });
}

static void
tell_call(struct encoder *e, struct buf *out, size_t call, const char *id, const char *name, const char *text)
{
	dialect_gemini.piece(e, out,
	    &(struct piece){
		.kind = PIECE_CALL, .text = text, .len = strlen(text), .call = call, .id = id, .name = name });
}

#define TAIL ",\"modelVersion\":\"m\\\"\",\"responseId\":\"r1\"}\n\n"
#define TOLD(parts, finish) \
	"data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[" parts "]}" finish ",\"index\":0}]"

static void
test_told(void)
{
	struct encoder e = encoder();
	struct buf out = BUF_INIT(0);

	dialect_gemini.start(&e, &out, "{\"model\":\"m\"}");
	CU_ASSERT_STRING_EQUAL(buf_str(&out), "");
	tell(&e, &out, PIECE_REASONING, "hm");
	tell(&e, &out, PIECE_SIGNATURE, "s");
	tell(&e, &out, PIECE_TEXT, "a\n");
	CU_ASSERT_STRING_EQUAL(buf_str(&out),
	    TOLD("{\"text\":\"hm\",\"thought\":true}", "")
		TAIL TOLD("{\"text\":\"\",\"thought\":true,\"thoughtSignature\":\"s\"}", "")
		    TAIL TOLD("{\"text\":\"a\\n\"}", "") TAIL);
	buf_clear(&out);
	tell_call(&e, &out, 0, "c0", "f", "{\"a\":");
	tell_call(&e, &out, 0, NULL, NULL, "1}");
	CU_ASSERT_STRING_EQUAL(buf_str(&out), "");
	tell_call(&e, &out, 1, "c1", "g", "");
	CU_ASSERT_STRING_EQUAL(
	    buf_str(&out), TOLD("{\"functionCall\":{\"name\":\"f\",\"id\":\"c0\",\"args\":{\"a\":1}}}", "") TAIL);
	buf_clear(&out);
	dialect_gemini.end(&e, &out, 7, END("done", COUNTS("\"tool_calls\"")));
	CU_ASSERT_STRING_EQUAL(buf_str(&out),
	    TOLD("{\"functionCall\":{\"name\":\"g\",\"id\":\"c1\",\"args\":{}}}", "") TAIL TOLD("{\"text\":\"\"}",
		",\"finishReason\":\"STOP\"") ",\"usageMetadata\":{\"promptTokenCount\":9,"
					      "\"candidatesTokenCount\":2,\"thoughtsTokenCount\":5,\"cachedContentTokenCount\":4,"
					      "\"totalTokenCount\":16}" TAIL);
	buf_free(&out);
	buf_free(&e.kept);
}

static void
test_told_ends(void)
{
	static const struct {
		const char *end, *told;
	} rows[] = {
		{ END("error", "\"code\":\"insufficient_credits\",\"message\":\"m\\\"\""),
		    "data: {\"error\":{\"code\":402,\"message\":\"m\\\"\",\"status\":\"RESOURCE_EXHAUSTED\"}}\n\n" },
		{ END("cancelled", ""),
		    "data: {\"error\":{\"code\":499,\"message\":\"Stopped.\",\"status\":\"CANCELLED\"}}\n\n" },
		{ END("error", ""),
		    "data: {\"error\":{\"code\":500,\"message\":\"Something went wrong on our side.\","
		    "\"status\":\"INTERNAL\"}}\n\n" },
		{ END("done", "\"usage\":{\"finish\":\"length\"}"),
		    TOLD("{\"text\":\"\"}",
			",\"finishReason\":\"MAX_TOKENS\"") ",\"usageMetadata\":{"
							    "\"promptTokenCount\":0,\"candidatesTokenCount\":0,\"totalTokenCount\":0}" TAIL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct encoder e = encoder();
		struct buf out = BUF_INIT(0);

		if (i < 3) /* what was kept of a call is worth nothing then */
			tell_call(&e, &out, 0, "c", "f", "{\"a");
		dialect_gemini.end(&e, &out, 0, rows[i].end);
		CU_ASSERT_STRING_EQUAL(buf_str(&out), rows[i].told);
		buf_free(&out);
		buf_free(&e.kept);
	}
}

static void
test_cut(void)
{
	struct encoder e = encoder();
	struct buf out = BUF_INIT(0);

	dialect_gemini.cut(&e, &out, E_OVERLOADED, "busy");
	CU_ASSERT_STRING_EQUAL(
	    buf_str(&out), "data: {\"error\":{\"code\":503,\"message\":\"busy\",\"status\":\"UNAVAILABLE\"}}\n\n");
	CU_ASSERT_STRING_EQUAL(dialect_gemini.keepalive, "\n");
	buf_free(&out);
}

/* What the parser makes of what a client is told. */
static void
check_parsed(bool stream, const char *bytes, size_t len, const char *events)
{
	struct buf said = BUF_INIT(0);

	note_answer(&gemini_chat_parser, stream, bytes, len, len, &said);
	CU_ASSERT_STRING_EQUAL(buf_str(&said), events);
	buf_free(&said);
}

static void
test_there_and_back(void)
{
	static const char *const end = END("done",
	    "\"content\":\"ab\",\"reasoning\":\"hm\",\"signature\":\"s\",\"calls\":["
	    "{\"id\":\"c0\",\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"},"
	    "{\"id\":\"c1\",\"name\":\"g\",\"arguments\":{}}]," COUNTS("\"tool_calls\""));
	static const char *const told =
	    "R(hm)S(s)T(ab)C(0,c0,f,{\"a\":1})C(1,c1,g,{})F(calls)U(9,7,cached 4,thought 5).";
	struct encoder e = encoder();
	struct buf out = BUF_INIT(0);
	int http_status = 0;
	char *whole;

	tell(&e, &out, PIECE_REASONING, "hm");
	tell(&e, &out, PIECE_SIGNATURE, "s");
	tell(&e, &out, PIECE_TEXT, "ab");
	tell_call(&e, &out, 0, "c0", "f", "{\"a\":1}");
	tell_call(&e, &out, 1, "c1", "g", "{}");
	dialect_gemini.end(&e, &out, 0, end);
	check_parsed(true, out.data, out.len, told);
	whole = dialect_gemini.whole(&e, NULL, end, LANG_EN, "q", &http_status);
	CU_ASSERT_EQUAL(http_status, 200);
	check_parsed(false, whole, strlen(whole), told);
	free(whole);
	buf_clear(&out);

	tell_call(&e, &out, 0, "", "f", "broken"); /* the seal of a call leaves with it */
	tell(&e, &out, PIECE_SIGNATURE, "s");
	tell_call(&e, &out, 0, NULL, NULL, "late");
	tell_call(&e, &out, 1, "", "g", "{\n\"a b\":\r\n[1, 2]}"); /* a line's end would end the event */
	dialect_gemini.end(&e, &out, 0, END("done", COUNTS("\"tool_calls\"")));
	check_parsed(true, out.data, out.len,
	    "C(0,call_0,f,{\"text\":\"broken\"})S(s)C(1,call_1,g,{\"a b\":[1,2]})F(calls)U(9,7,cached 4,thought 5).");
	buf_free(&out);
	buf_free(&e.kept);
}

static void
test_whole(void)
{
	static const struct {
		const char *end, *events;
		int http_status;
	} rows[] = {
		{ END("done", "\"usage\":{\"output_tokens\":1,\"reasoning_tokens\":3}"), "F(stop)U(0,1,thought 1).",
		    200 },
		{ "{}", "X(upstream_failed,1,1)!", 500 },
		{ END("done", "\"content\":\"\"," COUNTS("null")), "F(stop)U(9,7,cached 4,thought 5).", 200 },
		{ END("done", "\"content\":\"a\",\"signature\":\"s\"," COUNTS("\"stop\"")),
		    "T(a)S(s)F(stop)U(9,7,cached 4,thought 5).", 200 },
		{ END("done",
		      "\"content\":\"\",\"signature\":\"s\",\"calls\":[{\"id\":\"c\",\"name\":\"f\",\"arguments\":\"\"},"
		      "{\"name\":\"g\",\"signature\":\"o\"}]," COUNTS("\"tool_calls\"")),
		    "C(0,c,f,{})S(s)C(1,call_1,g,{})S(o)F(calls)U(9,7,cached 4,thought 5).", 200 },
		{ END("done", "\"content\":\"a\"," COUNTS("\"content_filter\"")),
		    "T(a)F(filtered)U(9,7,cached 4,thought 5).", 200 },
		{ END("done", "\"content\":\"a\"," COUNTS("\"other\"")), "T(a)X(upstream_failed,1,1)!", 200 },
		{ END("cancelled", ""), "X(upstream_failed,1,1)!", 499 },
		{ END("error", "\"code\":\"content_violation\""), "X(invalid_request,0,0)!", 400 },
		{ END("error", "\"code\":\"upstream_failed\""), "X(upstream_failed,1,1)!", 503 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct encoder e = encoder();
		int http_status = 0;
		char *whole = dialect_gemini.whole(&e, NULL, rows[i].end, LANG_EN, NULL, &http_status);

		CU_ASSERT_EQUAL(http_status, rows[i].http_status);
		check_parsed(false, whole, strlen(whole), rows[i].events);
		free(whole);
	}
}

static void
test_errors(void)
{
	static const struct {
		enum status st;
		int http_status;
		const char *status;
	} rows[] = {
		{ E_INVALID_REQUEST, 400, "INVALID_ARGUMENT" },
		{ E_UNAUTHENTICATED, 401, "UNAUTHENTICATED" },
		{ E_INSUFFICIENT_CREDITS, 402, "RESOURCE_EXHAUSTED" },
		{ E_FORBIDDEN, 403, "PERMISSION_DENIED" },
		{ E_NOT_FOUND, 404, "NOT_FOUND" },
		{ E_METHOD_NOT_ALLOWED, 405, "INVALID_ARGUMENT" },
		{ E_CANCELLED, 499, "CANCELLED" },
		{ E_CONFLICT, 409, "ABORTED" },
		{ E_TOO_LARGE, 413, "INVALID_ARGUMENT" },
		{ E_RATE_LIMITED, 429, "RESOURCE_EXHAUSTED" },
		{ E_INTERNAL, 500, "INTERNAL" },
		{ E_UPSTREAM_FAILED, 503, "UNAVAILABLE" },
		{ E_CONTENT_VIOLATION, 400, "INVALID_ARGUMENT" },
		{ E_UNAVAILABLE, 503, "UNAVAILABLE" },
		{ E_UPSTREAM_TIMEOUT, 504, "DEADLINE_EXCEEDED" },
		{ E_STORAGE_FULL, 503, "UNAVAILABLE" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int http_status = status_http(rows[i].st);
		json_t *body = dialect_gemini.error(rows[i].st, "m", NULL, "q", &http_status);
		json_t *meant = json_pack("{s:{s:i, s:s, s:s, s:[]}}", "error", "code", rows[i].http_status, "message",
		    "m", "status", rows[i].status, "details");

		CU_ASSERT_EQUAL(http_status, rows[i].http_status);
		CU_ASSERT_TRUE(json_equal(body, meant));
		json_decref(body);
		json_decref(meant);
	}
}

static void
test_details(void)
{
	int http_status = 429;
	json_t *details = json_pack("{s:s, s:i}", "field", "contents", "limit", 7);
	json_t *body = dialect_gemini.error(E_RATE_LIMITED, "m", details, "q", &http_status);
	char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);

	CU_ASSERT_STRING_EQUAL(text,
	    "{\"error\":{\"code\":429,\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\","
	    "\"domain\":\"weir\",\"metadata\":{\"field\":\"contents\",\"limit\":\"7\"},\"reason\":\"RATE_LIMITED\"}],"
	    "\"message\":\"m\",\"status\":\"RESOURCE_EXHAUSTED\"}}");
	free(text);
	json_decref(body);
}

static CU_TestInfo in_tests[] = {
	{ "reads what real clients send", test_clients },
	{ "reads protobuf's JSON", test_protobuf },
	{ "reads schemas", test_schemas },
	{ "reads choices", test_choices },
	{ "reads calls, results and thoughts", test_conversation },
	{ "names what is wrong", test_problems },
	{ "refuses lists without end", test_limits },
	{ "takes the model from the path", test_model },
	CU_TEST_INFO_NULL,
};

static CU_TestInfo out_tests[] = {
	{ "tells pieces, calls whole", test_told },
	{ "tells how it ended", test_told_ends },
	{ "tells why it goes no further", test_cut },
	{ "tells what its own parser reads, streamed and whole", test_there_and_back },
	{ "tells whole answers", test_whole },
	{ "tells errors by Google's names", test_errors },
	{ "tells their details", test_details },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "in", NULL, NULL, NULL, NULL, in_tests },
	{ "out", NULL, NULL, NULL, NULL, out_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
