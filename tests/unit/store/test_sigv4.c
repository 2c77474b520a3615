/* store/sigv4: the examples of AWS' documentation, "Signature Calculations for the Authorization Header" and "… Query Parameters". */
#include <string.h>

#include "store/sigv4.h"
#include "tap.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define AT_S 1369353600 /* 2013-05-24T00:00:00Z */

static const struct sigv4_key key = { "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1" };
static struct arena *arena;

static struct sigv4_request
get(const char *path)
{
	return (struct sigv4_request){
		.method = "GET", .host = "examplebucket.s3.amazonaws.com", .path = path, .payload = EMPTY, .at_s = AT_S
	};
}

/* Ends with this. */
static void
signs(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	CU_ASSERT_FATAL(len >= n);
	CU_ASSERT_STRING_EQUAL(text + len - n, end);
}

static void
test_header(void)
{
	static const struct sigv4_pair range[] = { { "range", "bytes=0-9" } };
	static const struct sigv4_pair put[] = { { "x-amz-storage-class", "REDUCED_REDUNDANCY" },
		{ "date", "Fri, 24 May 2013 00:00:00 GMT" } };
	struct sigv4_request rq = get("/test.txt");

	rq.headers = range;
	rq.n_headers = 1;
	CU_ASSERT_STRING_EQUAL(sigv4_authorization(arena, &key, &rq),
	    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
	    "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
	    "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
	rq = get(sigv4_encode(arena, "/test$file.text", true));
	rq.method = "PUT";
	rq.headers = put;
	rq.n_headers = 2;
	rq.payload = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
	signs(
	    sigv4_authorization(arena, &key, &rq), "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void
test_query(void)
{
	static const struct sigv4_pair lifecycle[] = { { "lifecycle", "" } };
	static const struct sigv4_pair list[] = { { "prefix", "J" }, { "max-keys", "2" } };
	struct sigv4_request rq = get("/");

	rq.query = lifecycle;
	rq.n_query = 1;
	signs(
	    sigv4_authorization(arena, &key, &rq), "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
	rq.query = list;
	rq.n_query = 2;
	signs(
	    sigv4_authorization(arena, &key, &rq), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void
test_presign(void)
{
	struct sigv4_request rq = get("/test.txt");

	CU_ASSERT_STRING_EQUAL(sigv4_presign(arena, &key, &rq, 86400),
	    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
	    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
	    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

static void
test_encoding(void)
{
	static const struct sigv4_pair pairs[] = { { "b", "2" }, { "a", "x y" }, { "a", "\xc3\xa4" }, { "A", "+/=~" } };

	CU_ASSERT_STRING_EQUAL(sigv4_encode(arena, "/a b/\xe4\xb8\xad*~.-_", true), "/a%20b/%E4%B8%AD%2A~.-_");
	CU_ASSERT_STRING_EQUAL(sigv4_encode(arena, "/", false), "%2F");
	CU_ASSERT_STRING_EQUAL(sigv4_query(arena, pairs, 4), "A=%2B%2F%3D~&a=%C3%A4&a=x%20y&b=2");
	CU_ASSERT_STRING_EQUAL(sigv4_query(arena, NULL, 0), "");
}

static int
set_up(void)
{
	arena = arena_new(4096, 1 << 20);
	return 0;
}

static int
tear_down(void)
{
	arena_free(arena);
	return 0;
}

static CU_TestInfo sigv4_tests[] = {
	{ "signs the headers of AWS' examples", test_header },
	{ "signs the queries of AWS' examples", test_query },
	{ "presigns the address of AWS' example", test_presign },
	{ "encodes and sorts", test_encoding },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "sigv4", set_up, tear_down, NULL, NULL, sigv4_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
