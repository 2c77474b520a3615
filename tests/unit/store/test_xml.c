/* store/xml, store/s3_read: what an object store says, and what it should not. */
#include <stdlib.h>
#include <string.h>

#include "store/s3.h"
#include "tap.h"

static const char list[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
    "<Name>files</Name><Prefix>a&amp;b/</Prefix><!-- two --><IsTruncated>true</IsTruncated>"
    "<NextContinuationToken>to=ken&lt;</NextContinuationToken>"
    "<Contents><Key>a&amp;b/one</Key><LastModified>2026-11-29T16:00:00.000Z</LastModified>"
    "<ETag>&quot;x&quot;</ETag><Size>12</Size><Owner><ID>Key</ID></Owner></Contents>"
    "<Contents><Key>elsewhere</Key><Size>1</Size></Contents>"
    "<Contents><Key>a&amp;b/&#20013;&#x1F600;</Key><Size>7</Size></Contents>"
    "<Contents/>"
    "<CommonPrefixes><Prefix>a&amp;b/c/</Prefix></CommonPrefixes></ListBucketResult>\n";

static void
test_list(void)
{
	struct s3_page page = { 0 };

	CU_ASSERT_FATAL(s3_read_page(list, strlen(list), "a&b/", &page));
	CU_ASSERT_EQUAL_FATAL(page.n, 2);
	CU_ASSERT_STRING_EQUAL(page.items[0].name, "one");
	CU_ASSERT_EQUAL(page.items[0].size_bytes, 12);
	CU_ASSERT_EQUAL(page.items[0].changed_ms, 1795968000000);
	CU_ASSERT_STRING_EQUAL(page.items[1].name, "\xe4\xb8\xad\xf0\x9f\x98\x80");
	CU_ASSERT_EQUAL(page.items[1].changed_ms, 0);
	CU_ASSERT_TRUE(page.more);
	CU_ASSERT_STRING_EQUAL(page.token, "to=ken<");
	free(page.items);
}

static void
test_uploads(void)
{
	static const char text[] =
	    "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><Upload><Key>p/k</Key><UploadId>id</UploadId>"
	    "<Initiated>2026-11-29T16:00:00.000Z</Initiated></Upload></ListMultipartUploadsResult>";
	struct s3_page page = { 0 };

	CU_ASSERT_FATAL(s3_read_page(text, strlen(text), "p/", &page));
	CU_ASSERT_EQUAL_FATAL(page.n, 1);
	CU_ASSERT_STRING_EQUAL(page.items[0].name, "k");
	CU_ASSERT_STRING_EQUAL(page.items[0].upload_id, "id");
	CU_ASSERT_TRUE(page.items[0].changed_ms > 0);
	CU_ASSERT_FALSE(page.more);
	free(page.items);
}

static void
test_every_cut(void)
{
	struct s3_page page = { 0 };

	for (size_t n = 0; n + 1 < strlen(list); n++) /* only the newline at the end may be missing */
		CU_ASSERT_FALSE(s3_read_page(list, n, "a&b/", &page));
	free(page.items);
}

static void
test_what_is_wrong(void)
{
	static const char *const wrong[] = { "", "text", "<a>", "</a>", "<a></b>", "<a/><b/>", "<a/>text", "<a b></a>",
		"<a b=\"<\"/>", "<a b='1\"/>", "<!DOCTYPE a><a/>", "<a><![CDATA[x]]></a>", "<>x</>", "<a", "<a/",
		"<a><!-- </a>", "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>" };
	static const char *const undecodable[] = { "<a>&nbsp;</a>", "<a>&amp</a>", "<a>&#0;</a>", "<a>&#xD800;</a>",
		"<a>&#x110000;</a>", "<a>&#99999999999;</a>", "<a>&#;</a>", "<a>&;</a>", "<a>0123456789012345</a>" };
	struct s3_page page = { 0 };
	char text[16];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		CU_ASSERT_FALSE(s3_read_text(wrong[i], strlen(wrong[i]), "a", text, sizeof(text)));
		CU_ASSERT_FALSE(s3_read_page(wrong[i], strlen(wrong[i]), "", &page));
	}
	for (size_t i = 0; i < sizeof(undecodable) / sizeof(*undecodable); i++)
		CU_ASSERT_FALSE(s3_read_text(undecodable[i], strlen(undecodable[i]), "a", text, sizeof(text)));
	CU_ASSERT_FALSE(s3_read_page("<Error><Code>x</Code></Error>", 29, "", &page));
	free(page.items);
}

static void
test_more_without_a_way(void)
{
	static const char text[] = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
	struct s3_page page = { 0 };

	CU_ASSERT_FALSE(s3_read_page(text, strlen(text), "", &page)); /* it would be asked for ever */
	free(page.items);
}

static void
test_error(void)
{
	static const char text[] = "<Error><Code>NoSuchKey</Code><Message>it&apos;s &lt;gone&gt;</Message></Error>";
	char out[32];

	CU_ASSERT_TRUE(s3_read_text(text, strlen(text), "Code", out, sizeof(out)));
	CU_ASSERT_STRING_EQUAL(out, "NoSuchKey");
	CU_ASSERT_TRUE(s3_read_text(text, strlen(text), "Message", out, sizeof(out)));
	CU_ASSERT_STRING_EQUAL(out, "it's <gone>");
	CU_ASSERT_FALSE(s3_read_text(NULL, 0, "Code", out, sizeof(out)));
}

static CU_TestInfo tests[] = {
	{ "a list", test_list },
	{ "uploads in parts", test_uploads },
	{ "whatever is cut off is refused", test_every_cut },
	{ "what is wrong is refused", test_what_is_wrong },
	{ "more to come and no way to ask", test_more_without_a_way },
	{ "an error", test_error },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "xml", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
