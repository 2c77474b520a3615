/*
 * What is no chat, in OpenAI's and Gemini's words: requests byte for byte, what answers say that they
 * took, vectors across the wires, and what a stream says of itself in every slicing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "house/wires.h"
#include "wire/gemini/gemini.h"
#include "wire/openai/openai.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- requests ---------------------------------------------------------------- */

/* What a wire asks of what a client said; NULL: it cannot. */
static const char *
asked(struct arena *a, const struct wire *wire, const struct ask *ask, const char *base_url, struct wire_request *rq)
{
	const struct endpoint *e = wire_endpoint(wire, ask->op);
	const struct wire_target to = { .base_url = base_url, .api_key = "k", .model = "up/m" };
	struct wire_body body;

	if (e == NULL || e->body(a, ask, false, &body) != OK || e->head(a, &to, &body, rq) != OK)
		return NULL;
	return arena_strndup(a, rq->body, rq->body_len);
}

static bool
has_header(const struct wire_request *rq, const char *line)
{
	for (const char *const *h = rq->headers; *h != NULL; h++)
		if (strcmp(*h, line) == 0)
			return true;
	return false;
}

#define OWN(op_, words) .op = (op_), .own_wire = "openai", .own_words = (words), .own_words_len = strlen(words)

static void
test_paths(void)
{
	static const struct {
		enum op op;
		const char *base, *path, *url;
	} rows[] = {
		{ OP_EMBED, "https://h/v1", NULL, "https://h/v1/embeddings" },
		{ OP_EMBED, "https://h", NULL, "https://h/v1/embeddings" },
		{ OP_EMBED, "https://h/v1/chat/completions?x=1", NULL, "https://h/v1/embeddings?x=1" },
		{ OP_RERANK, "https://h", "/v1/rerank", "https://h/v1/rerank" },
		{ OP_RERANK, "https://h", "/v2/rerank", "https://h/v2/rerank" },
		{ OP_RERANK, "https://h/v2/", "/v1/rerank", "https://h/v2/rerank" },
		{ OP_MODERATE, "https://h/api/v3", NULL, "https://h/api/v3/moderations" },
		{ OP_IMAGE, "https://h", NULL, "https://h/v1/images/generations" },
		{ OP_SPEECH, "https://h", NULL, "https://h/v1/audio/speech" },
		{ OP_IMAGE, "ftp://h", NULL, NULL },
	};
	struct arena *a = arena_new(4096, 1 << 20);
	struct wire_request rq;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ask ask = { OWN(rows[i].op, "{\"input\":1}") };

		ask.own_path = rows[i].path;
		if (asked(a, &wire_openai, &ask, rows[i].base, &rq) == NULL)
			rq.url = NULL;
		CU_ASSERT_EQUAL(rq.url == NULL, rows[i].url == NULL);
		CU_ASSERT(rq.url == NULL || rows[i].url == NULL || strcmp(rq.url, rows[i].url) == 0);
	}
	arena_free(a);
}

/* Its own words pass, but for the model, however that is spelt. */
static void
test_own_words(void)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct ask ask = { OWN(OP_EMBED,
	    "{ \"mod\\u0065l\" : \"m\", \"input\": [ 1,2 ],\"service_tier\":\"x\", \"Model\":\"y\", \"new\":{\"a\":1.50} }") };
	struct wire_request rq;

	CU_ASSERT_STRING_EQUAL(asked(a, &wire_openai, &ask, "https://h", &rq),
	    "{\"model\":\"up/m\",\"input\": [ 1,2 ],\"new\":{\"a\":1.50}}");
	CU_ASSERT(has_header(&rq, "Authorization: Bearer k"));
	CU_ASSERT(has_header(&rq, "Content-Type: application/json"));
	ask = (struct ask){ OWN(OP_RERANK, "[1]") };
	CU_ASSERT_PTR_NULL(asked(a, &wire_openai, &ask, "https://h", &rq));
	arena_free(a);
}

static void
test_forms(void)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct ask ask = { OWN(OP_TRANSCRIBE,
	    "--q\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nRIFF\r\n--q\r\n"
	    "Content-Disposition: form-data; name=\"MODEL\"\r\n\r\nother\r\n--q--\r\n") };
	struct wire_request rq;
	const char *body, *mark;
	char wanted[512];

	ask.own_type = "multipart/form-data; boundary=q";
	body = asked(a, &wire_openai, &ask, "https://h", &rq);
	CU_ASSERT_PTR_NOT_NULL_FATAL(body);
	mark = strstr(rq.headers[0], "boundary=");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mark);
	mark += strlen("boundary=");
	snprintf(wanted, sizeof(wanted),
	    "--%s\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nup/m\r\n"
	    "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nRIFF\r\n--%s--\r\n",
	    mark, mark, mark);
	CU_ASSERT_STRING_EQUAL(body, wanted);
	ask.own_words_len -= 4; /* cut */
	CU_ASSERT_PTR_NULL(asked(a, &wire_openai, &ask, "https://h", &rq));
	arena_free(a);
}

static void
test_across(void)
{
	static const char *const texts[] = { "one", "zw\"ei" };
	struct ask ask = { .op = OP_EMBED, .embed = { .texts = texts, .n = 2, .dimensions = 8, .purpose = "SEARCH" } };
	struct arena *a = arena_new(4096, 1 << 20);
	struct wire_request rq;

	CU_ASSERT_STRING_EQUAL(asked(a, &wire_openai, &ask, "https://h", &rq),
	    "{\"model\":\"up/m\",\"input\":[\"one\",\"zw\\\"ei\"],\"dimensions\":8}");
	CU_ASSERT_STRING_EQUAL(asked(a, &wire_gemini, &ask, "https://h", &rq),
	    "{\"requests\":[{\"model\":\"up/m\",\"content\":{\"parts\":[{\"text\":\"one\"}]},\"taskType\":\"SEARCH\","
	    "\"outputDimensionality\":8},{\"model\":\"up/m\",\"content\":{\"parts\":[{\"text\":\"zw\\\"ei\"}]},"
	    "\"taskType\":\"SEARCH\",\"outputDimensionality\":8}]}");
	CU_ASSERT_STRING_EQUAL(rq.url, "https://h/v1beta/models/up%2Fm:batchEmbedContents");
	ask.embed.texts = NULL;
	CU_ASSERT_PTR_NULL(asked(a, &wire_openai, &ask, "https://h", &rq));
	CU_ASSERT_PTR_NULL(asked(a, &wire_gemini, &ask, "https://h", &rq));
	arena_free(a);
}

static void
test_gemini_own(void)
{
	static const char one[] = "{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"model\":\"models/x\",\"new\":1}";
	static const char two[] = "{\"requests\": [ {\"model\":\"models/x\",\"new\":1} , {\"new\":2} ]}";
	struct ask ask = { .op = OP_EMBED,
		.own_wire = "gemini",
		.own_words = one,
		.own_words_len = sizeof(one) - 1,
		.embed = { .is_single = true } };
	struct arena *a = arena_new(4096, 1 << 20);
	struct wire_request rq;

	CU_ASSERT_STRING_EQUAL(asked(a, &wire_gemini, &ask, "https://h/v1", &rq),
	    "{\"model\":\"up/m\",\"content\":{\"parts\":[{\"text\":\"a\"}]},\"new\":1}");
	CU_ASSERT_STRING_EQUAL(rq.url, "https://h/v1/models/up%2Fm:embedContent");
	ask.embed.is_single = false;
	ask.own_words = two;
	ask.own_words_len = sizeof(two) - 1;
	CU_ASSERT_STRING_EQUAL(asked(a, &wire_gemini, &ask, "https://h/v1", &rq),
	    "{\"requests\":[{\"model\":\"up/m\",\"new\":1},{\"model\":\"up/m\",\"new\":2}]}");
	arena_free(a);
}

/* ---- what clients ask ------------------------------------------------------------- */

static const char *
refused(const char *json, bool is_gemini, bool is_single)
{
	static struct dialect_problem problem;
	struct arena *a = arena_new(4096, 1 << 20);
	json_t *body = json_loads(json, JSON_DECODE_ANY, NULL);
	struct dialect_ask ask;
	enum status st = (is_gemini ? gemini_embed_read : openai_embed_read)(a, body, NULL, is_single, &ask, &problem);

	json_decref(body);
	arena_free(a);
	return st == OK ? "fine" : problem.field;
}

static void
test_reading(void)
{
	CU_ASSERT_STRING_EQUAL(refused("{\"model\":\"m\",\"input\":\"a\"}", false, false), "fine");
	CU_ASSERT_STRING_EQUAL(refused("{\"model\":\"m\",\"input\":[1,2]}", false, false), "fine");
	CU_ASSERT_STRING_EQUAL(refused("{\"model\":\"m\",\"input\":[[1],[2]]}", false, false), "fine");
	CU_ASSERT_STRING_EQUAL(refused("{\"model\":\"m\",\"input\":[[1],[\"a\"]]}", false, false), "input[1]");
	CU_ASSERT_STRING_EQUAL(refused("{\"model\":\"m\",\"input\":[\"a\",1]}", false, false), "input[1]");
	CU_ASSERT_STRING_EQUAL(refused("{\"model\":\"m\",\"input\":{}}", false, false), "input");
	CU_ASSERT_STRING_EQUAL(refused("{\"model\":3,\"input\":\"a\"}", false, false), "model");
	CU_ASSERT_STRING_EQUAL(
	    refused("{\"model\":\"m\",\"input\":\"a\",\"dimensions\":1.5}", false, false), "dimensions");
	CU_ASSERT_STRING_EQUAL(refused("7", false, false), "body");
	CU_ASSERT_STRING_EQUAL(refused("{\"content\":{\"parts\":[{\"text\":\"a\"}]}}", true, true), "fine");
	CU_ASSERT_STRING_EQUAL(
	    refused("{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"output_dimensionality\":0}", true, true),
	    "outputDimensionality");
	CU_ASSERT_STRING_EQUAL(refused("{\"content\":{}}", true, true), "content");
	CU_ASSERT_STRING_EQUAL(refused("{\"requests\":[{}]}", true, false), "requests[].content");
	CU_ASSERT_STRING_EQUAL(refused("{\"requests\":{}}", true, false), "requests");
	CU_ASSERT_STRING_EQUAL(refused("[]", true, false), "body");
}

/* ---- what answers say ---------------------------------------------------------------- */

static void
test_meter(void)
{
	static const struct {
		const char *json;
		bool ok;
		struct wire_units units;
	} rows[] = {
		{ "{\"data\":[{},{}],\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}", true, { 8, -1, 2, -1, -1 } },
		{ "{\"usage\":{\"total_tokens\":15}}", true, { 15, -1, -1, -1, -1 } },
		{ "{\"usage\":{\"input_tokens\":4,\"output_tokens\":9,\"total_tokens\":13}}", true,
		    { 4, 9, -1, -1, -1 } },
		{ "{\"usage\":{\"type\":\"duration\",\"seconds\":3.2}}", true, { -1, -1, -1, 4, -1 } },
		{ "{\"duration\":8.470000267028809}", true, { -1, -1, -1, 9, -1 } },
		{ "{\"duration\":\"8.47\"}", true, { -1, -1, -1, -1, -1 } },
		{ "{\"meta\":{\"billed_units\":{\"search_units\":2.0,\"input_tokens\":7}}}", true,
		    { 7, -1, -1, -1, 2 } },
		{ "{\"usage\":{\"prompt_tokens\":-5,\"completion_tokens\":1e300}}", true, { -1, -1, -1, -1, -1 } },
		{ "{\"usage\":null,\"error\":null,\"data\":{}}", true, { -1, -1, -1, -1, -1 } },
		{ "{\"error\":{\"message\":\"x\"}}", false, { 0, 0, 0, 0, 0 } },
		{ "[]", false, { 0, 0, 0, 0, 0 } },
		{ "{\"data\":[", false, { 0, 0, 0, 0, 0 } },
		{ "<html>", false, { 0, 0, 0, 0, 0 } },
	};
	struct wire_units u;

	for (size_t i = 0; i < COUNT(rows); i++) {
		CU_ASSERT_EQUAL(openai_op_meter(rows[i].json, strlen(rows[i].json), &u), rows[i].ok);
		CU_ASSERT(!rows[i].ok || memcmp(&u, &rows[i].units, sizeof(u)) == 0);
	}
	CU_ASSERT(gemini_embed_meter("{\"usageMetadata\":{\"promptTokenCount\":6}}", 40, &u) && u.input_tokens == 6);
	CU_ASSERT_FALSE(gemini_embed_meter("{\"error\":{}}", 12, &u));
}

typedef bool vectors_fn(const char *json, size_t len, struct wire_vectors *out);

/* "2x2 0.5 1 …"; "none". */
static const char *
vectors(vectors_fn *read, const char *json)
{
	static char text[256];
	struct wire_vectors v;
	size_t n;

	if (!read(json, strlen(json), &v))
		return "none";
	n = (size_t)snprintf(text, sizeof(text), "%zux%zu", v.n, v.dimensions);
	for (size_t i = 0; i < v.n * v.dimensions; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %g", (double)v.values[i]);
	free(v.values);
	return text;
}

static void
test_vectors(void)
{
	static const struct {
		vectors_fn *read;
		const char *json, *wanted;
	} rows[] = {
		{ openai_vectors, "{\"data\":[{\"index\":1,\"embedding\":[3,4]},{\"index\":0,\"embedding\":[1,2e-1]}]}",
		    "2x2 1 0.2 3 4" },
		{ openai_vectors, "{\"data\":[{\"embedding\":\"AACAPwAAAEA=\"}]}", "1x2 1 2" },
		{ openai_vectors, "{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[1]}]}", "none" },
		{ openai_vectors, "{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":0,\"embedding\":[1]}]}",
		    "none" },
		{ openai_vectors, "{\"data\":[{\"index\":7,\"embedding\":[1]}]}", "none" },
		{ openai_vectors, "{\"data\":[{\"embedding\":[1,null]}]}", "none" },
		{ openai_vectors, "{\"data\":[{\"embedding\":[1e300]}]}", "none" },
		{ openai_vectors, "{\"data\":[{\"embedding\":\"AADAfw==\"}]}", "none" },
		{ openai_vectors, "{\"data\":[{\"embedding\":\"AAA\"}]}", "none" },
		{ openai_vectors, "{\"data\":[{\"embedding\":[]}]}", "none" },
		{ openai_vectors, "{\"data\":[]}", "none" },
		{ openai_vectors, "{\"data\":[{\"embedding\":[1]}]", "none" },
		{ gemini_vectors, "{\"embedding\":{\"values\":[0.5]}}", "1x1 0.5" },
		{ gemini_vectors, "{\"embeddings\":[{\"values\":[1]},{\"values\":[2]}]}", "2x1 1 2" },
		{ gemini_vectors, "{\"embeddings\":[{\"values\":[1]},{\"values\":[2,3]}]}", "none" },
		{ gemini_vectors, "{\"embeddings\":[{}]}", "none" },
		{ gemini_vectors, "{}", "none" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		CU_ASSERT_STRING_EQUAL(vectors(rows[i].read, rows[i].json), rows[i].wanted);
}

static void
test_telling(void)
{
	float values[] = { 0.1f, -2, 3, 4 };
	struct wire_vectors v = { values, 2, 2 };
	struct ask_embed how = { .is_base64 = true };
	struct buf out = BUF_INIT(0);

	openai_put_vectors(&out, &v, &how, "m", 7);
	CU_ASSERT_STRING_EQUAL(out.data,
	    "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":\"zczMPQAAAMA=\"},"
	    "{\"object\":\"embedding\",\"index\":1,\"embedding\":\"AABAQAAAgEA=\"}],\"model\":\"m\","
	    "\"usage\":{\"prompt_tokens\":7,\"total_tokens\":7}}");
	buf_clear(&out);
	gemini_put_vectors(&out, &v, &(struct ask_embed){ .is_single = false }, "m", 7);
	CU_ASSERT_STRING_EQUAL(out.data, "{\"embeddings\":[{\"values\":[0.100000001,-2]},{\"values\":[3,4]}]}");
	buf_free(&out);
}

/* ---- streams ------------------------------------------------------------------------- */

static void
note(void *arg, const struct wire_event *e)
{
	struct buf *told = arg;

	if (e->kind == WIRE_USAGE)
		buf_printf(told, "U(%lld,%lld)", (long long)e->usage.input_tokens, (long long)e->usage.output_tokens);
	else
		buf_printf(told, "X(%s)", status_code(e->failure.status));
}

static void
test_streams(void)
{
	static const struct {
		const char *bytes, *wanted;
	} rows[] = {
		{ "data: {\"type\":\"d\"}\n\nevent: x\ndata: {\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}\n\n",
		    "U(3,4)." },
		{ "data: {\"usage\":{\"input_tokens\":3}}", "U(3,-1)." },
		{ "data: [DONE]\n\n: comment\n\ndata: broken\n\n", "." },
		{ "event: error\ndata: {\"error\":{\"message\":\"m\",\"code\":\"rate_limit_exceeded\"}}\n\ndata: {}\n\n",
		    "X(upstream_failed)" },
		{ "data: {\"error\":{\"code\":\"moderation_blocked\"}}\n\n", "X(content_violation)" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t slice = 1; slice <= strlen(rows[i].bytes); slice++) {
			size_t len = strlen(rows[i].bytes);
			struct buf told = BUF_INIT(0);
			void *p = openai_op_parser.start(true, 65536);
			bool ok = true;

			for (size_t at = 0; ok && at < len; at += slice)
				ok = openai_op_parser.feed(
				    p, rows[i].bytes + at, len - at < slice ? len - at : slice, note, &told);
			if (openai_op_parser.end(p, note, &told))
				buf_puts(&told, ".");
			CU_ASSERT_STRING_EQUAL(buf_str(&told), rows[i].wanted);
			openai_op_parser.free(p);
			buf_free(&told);
		}
}

static CU_TestInfo tests[] = {
	{ "paths below any base", test_paths },
	{ "own words pass but for the model", test_own_words },
	{ "forms are written anew", test_forms },
	{ "vectors are asked for in either wire", test_across },
	{ "Gemini's own words pass", test_gemini_own },
	{ "what is asked is read, or its field named", test_reading },
	{ "what answers say that they took", test_meter },
	{ "vectors are read, in their order", test_vectors },
	{ "vectors are told", test_telling },
	{ "streams say it, too, in any slicing", test_streams },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "ops", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
