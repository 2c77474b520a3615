/* mcp/rpc: what is said to a server of tools, and what it may answer. */
#include <stdlib.h>
#include <string.h>

#include "mcp/rpc.h"
#include "tap.h"

#define CAP 4096

/* Read an answer to request 7 in slices of that many bytes. */
static enum rpc_state
read_it(struct rpc_reader *r, const char *text, bool is_events, size_t slice)
{
	size_t len = strlen(text);

	rpc_reader_init(r, 7, CAP, is_events);
	for (size_t at = 0; at < len; at += slice)
		(void)rpc_feed(r, text + at, len - at < slice ? len - at : slice);
	return rpc_end(r);
}

static void
check_error(const char *text, bool is_events, enum rpc_state state, const char *error)
{
	for (size_t slice = 1; slice < 100; slice += 33) {
		struct rpc_reader r;

		CU_ASSERT_EQUAL(read_it(&r, text, is_events, slice), state);
		CU_ASSERT_PTR_NULL(r.result);
		CU_ASSERT_STRING_EQUAL(r.error, error);
		rpc_reader_free(&r);
	}
}

static void
test_requests(void)
{
	struct buf out = BUF_INIT(0);
	json_t *j;

	rpc_initialize(&out, 1);
	j = json_loadb(out.data, out.len, 0, NULL);
	CU_ASSERT_STRING_EQUAL(
	    json_string_value(json_object_get(json_object_get(j, "params"), "protocolVersion")), "2025-06-18");
	json_decref(j);
	buf_clear(&out);
	rpc_list(&out, 2, "a\"b");
	CU_ASSERT_STRING_EQUAL(buf_str(&out),
	    "{\"jsonrpc\":\"2.0\",\"method\":\"tools/list\",\"id\":2,\"params\":{\"cursor\":\"a\\\"b\"}}");
	buf_clear(&out);
	rpc_call(&out, 3, "x y", "{\"a\":[1]}");
	CU_ASSERT_STRING_EQUAL(buf_str(&out),
	    "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"id\":3,\"params\":{\"name\":\"x y\",\"arguments\":{\"a\":[1]}}}");
	buf_clear(&out);
	rpc_initialized(&out);
	CU_ASSERT_PTR_NULL(strstr(out.data, "\"id\""));
	buf_free(&out);
}

static void
test_answers(void)
{
	static const struct {
		const char *text;
		bool is_events;
	} good[] = {
		{ "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"ok\":1}}", false },
		{ "[{\"jsonrpc\":\"2.0\",\"id\":6,\"result\":{}},{\"id\":7,\"result\":{\"ok\":1}}]", false },
		{ ": hi\n\ndata: {\"method\":\"notifications/progress\",\"params\":{}}\n\n"
		  "data: {\"id\":7,\"method\":\"sampling/createMessage\"}\n\nevent: message\nid: 5\n"
		  "data: {\"id\":7,\ndata: \"result\":{\"ok\":1}}\n\ndata: {\"id\":7,\"result\":{\"ok\":2}}\n\n",
		    true },
		{ "event: other\ndata: rubbish\n\ndata: {\"id\":7,\"result\":{\"ok\":1}}", true },
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		for (size_t slice = 1; slice < 300; slice += 7) {
			struct rpc_reader r;

			CU_ASSERT_EQUAL(read_it(&r, good[i].text, good[i].is_events, slice), RPC_DONE);
			CU_ASSERT_EQUAL(json_integer_value(json_object_get(r.result, "ok")), 1);
			rpc_reader_free(&r);
		}
}

static void
test_bad_answers(void)
{
	struct rpc_reader r;
	char *much = malloc(3 * CAP);

	check_error("", false, RPC_BAD, "the answer is no JSON");
	check_error("<html>", false, RPC_BAD, "the answer is no JSON");
	check_error("", true, RPC_BAD, "the server did not answer the request");
	check_error("data: {\"id\":7,\n\n", true, RPC_BAD, "the answer is no JSON");
	check_error("{\"id\":8,\"result\":{}}", false, RPC_BAD, "the server did not answer the request");
	check_error("{\"id\":\"7\",\"result\":{}}", false, RPC_BAD, "the server did not answer the request");
	check_error("{\"id\":7,\"result\":[1]}", false, RPC_BAD, "the answer has neither a result nor an error");
	check_error("{\"id\":7,\"error\":{\"code\":-32601,\"message\":\"no\\nway\"}}", false, RPC_DONE, "no way");
	check_error("{\"id\":7,\"error\":{\"code\":-32601}}", false, RPC_DONE, "error -32601");
	memset(much, 'x', 3 * CAP);
	for (int is_events = 0; is_events < 2; is_events++) {
		rpc_reader_init(&r, 7, CAP, is_events);
		CU_ASSERT_EQUAL(rpc_feed(&r, much, 3 * CAP), RPC_BAD);
		CU_ASSERT_EQUAL(rpc_feed(&r, "x", 1), RPC_BAD);
		CU_ASSERT_STRING_EQUAL(r.error, "the answer is too long");
		rpc_reader_free(&r);
	}
	free(much);
}

static const char *
called(const json_t *tools, size_t i)
{
	return json_string_value(json_object_get(json_array_get(tools, i), "called"));
}

static void
test_tools(void)
{
	json_t *page = json_loads(
	    "{\"tools\":[{\"name\":\"a.b\"},{\"name\":\"a b\",\"inputSchema\":{\"type\":\"object\"}},"
	    "{\"name\":\"a.b\"},{\"name\":\"\"},{\"name\":1},7,{\"name\":\"x\",\"inputSchema\":[]},"
	    "{\"name\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"},"
	    "{\"name\":\"0123456789012345678901234567890123456789012345678901234567890123456789x\"}],"
	    "\"nextCursor\":\"p2\"}",
	    0, NULL);
	json_t *tools = json_array(), *none = json_pack("{s:i}", "tools", 1);
	const char *cursor;

	CU_ASSERT_TRUE(rpc_tools(page, tools, &cursor));
	CU_ASSERT_STRING_EQUAL(cursor, "p2");
	CU_ASSERT_EQUAL_FATAL(json_array_size(tools), 4);
	rpc_name_tools(tools, "srv");
	CU_ASSERT_STRING_EQUAL(called(tools, 0), "srv__a_b");
	CU_ASSERT_STRING_EQUAL(called(tools, 1), "srv__a_b_2");
	CU_ASSERT_EQUAL(strlen(called(tools, 2)), 64);
	CU_ASSERT_EQUAL(strlen(called(tools, 3)), 64);
	CU_ASSERT_STRING_NOT_EQUAL(called(tools, 2), called(tools, 3));
	CU_ASSERT_FALSE(rpc_tools(none, tools, &cursor));
	json_decref(none);
	json_decref(tools);
	json_decref(page);
}

static void
check_content(const char *json, bool good, const char *text, bool cut)
{
	json_t *j = json_loads(json, 0, NULL);
	struct buf out = BUF_INIT(0);
	bool is_cut;

	CU_ASSERT_EQUAL(rpc_content(j, &out, 20, &is_cut), good);
	CU_ASSERT_STRING_EQUAL(buf_str(&out), text);
	CU_ASSERT_EQUAL(is_cut, cut);
	buf_free(&out);
	json_decref(j);
}

static void
test_content(void)
{
	check_content("{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}", true,
	    "a\nb", false);
	check_content("{\"content\":[{\"type\":\"text\",\"text\":\"why\"}],\"isError\":true}", false, "why", false);
	check_content("{\"content\":[{\"type\":\"image\",\"mimeType\":\"image/png\",\"data\":\"AAAA\"}]}", true,
	    "[image image/png]", false);
	check_content("{\"content\":[{\"type\":\"resource\",\"resource\":{\"uri\":\"a:b\",\"text\":\"t\"}}]}", true,
	    "[resource a:b]\nt", false);
	check_content("{\"content\":[],\"structuredContent\":{\"n\":1}}", true, "{\"n\":1}", false);
	check_content("{\"content\":[{\"type\":\"text\",\"text\":\"0123456789012345678\\u00e9x\"}]}", true,
	    "0123456789012345678", true);
	check_content("{\"content\":[7,{\"type\":3}]}", true, "[unknown]\n[unknown]", false);
	check_content("{}", false, "", false);
}

static CU_TestInfo rpc_tests[] = {
	{ "says requests", test_requests },
	{ "reads answers in every slicing", test_answers },
	{ "refuses what is no answer", test_bad_answers },
	{ "takes tools and names them for models", test_tools },
	{ "takes what tools say as text", test_content },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "rpc", NULL, NULL, NULL, NULL, rpc_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
