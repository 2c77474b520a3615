/* parse/doc: what a file is found to be and what its reader makes of it, without the program around it.
 * All formats: tests/it/parse; all files, through the program: tests/unit/knowledge/test_parse. */
#include "parse/doc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static struct doc d;
static char *text;

/* Read a file below the sources; its text, if it has any, is in `text`. */
static enum code
read_file(const char *path, int pages_max, const char *password)
{
	const char *src = getenv("srcdir");
	char name[4096];
	struct stat st;
	enum code code;
	size_t len;

	snprintf(name, sizeof(name), "%s/tests/%s", src == NULL ? "." : src, path);
	doc_free(&d);
	free(text);
	text = NULL;
	d = (struct doc){
		.fd = open(name, O_RDONLY | O_CLOEXEC), .hint = "", .pages_max = pages_max, .password = password
	};
	CU_ASSERT_FATAL(d.fd >= 0 && fstat(d.fd, &st) == 0);
	d.size_bytes = (size_t)st.st_size;
	text_init(&d.text, 1u << 20);
	code = doc_read(&d);
	if (code == CODE_OK)
		text = text_take(&d.text, &len);
	close(d.fd);
	return code;
}

static int
tear_down(void)
{
	doc_free(&d);
	free(text);
	return 0;
}

static void
test_pdf(void)
{
	CU_ASSERT_EQUAL(read_file("fuzz/corpus/parse/pdf-paragraphs-and-outline-1", 10, NULL), CODE_OK);
	CU_ASSERT_STRING_EQUAL(d.kind, "pdf");
	CU_ASSERT_EQUAL(d.pages, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "# 1.2 Getting started\n\nThis is"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "ends.\n\nA second"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\f## Second page\n"));
	CU_ASSERT_EQUAL(read_file("fuzz/corpus/parse/pdf-paragraphs-and-outline-1", 1, NULL), CODE_TOO_LARGE);
	CU_ASSERT_EQUAL(read_file("fuzz/corpus/parse/pdf-headings-by-size-1", 1, NULL), CODE_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "# A long title that takes two lines\n\nText"));
	CU_ASSERT_EQUAL(read_file("fuzz/corpus/parse/pdf-outline-loops-1", 10, NULL), CODE_NO_TEXT_LAYER);
	CU_ASSERT_EQUAL(read_file("data/kbfiles/made-zh-unembedded-font.pdf", 10, NULL), CODE_OK);
	CU_ASSERT_STRING_EQUAL(text, "知识库测试：中文字体未嵌入\n");
}

static void
test_refused(void)
{
	CU_ASSERT_EQUAL(read_file("data/kbfiles/libreoffice-writer-password.pdf", 10, NULL), CODE_ENCRYPTED);
	CU_ASSERT_EQUAL(read_file("data/kbfiles/libreoffice-writer-password.pdf", 10, "wrong"), CODE_ENCRYPTED);
	CU_ASSERT_EQUAL(read_file("data/kbfiles/libreoffice-writer-password.pdf", 10, "openpassword"), CODE_OK);
	CU_ASSERT_EQUAL(read_file("data/kbfiles/bad7.pdf", 10, NULL), CODE_DAMAGED);
	CU_ASSERT_EQUAL(read_file("data/kbfiles/many-nulls.pdf", 10, NULL), CODE_DAMAGED);
	CU_ASSERT_EQUAL(read_file("data/kbfiles/made-zip-bomb.docx", 10, NULL), CODE_TOO_LARGE);
	CU_ASSERT_TRUE(d.detail[0] != '\0');
	CU_ASSERT_EQUAL(read_file("data/kbfiles/doc-word-default-blank.docx", 10, NULL), CODE_EMPTY);
}

static void
test_names(void)
{
	CU_ASSERT_PTR_NULL(doc_code_name(CODE_OK));
	CU_ASSERT_STRING_EQUAL(doc_code_name(CODE_EMPTY), "empty");
	CU_ASSERT_STRING_EQUAL(doc_code_name(CODE_PARSER_FAILED), "parser_failed");
}

static CU_TestInfo tests[] = {
	{ "PDF: pages, paragraphs, outline", test_pdf },
	{ "what is refused, and why", test_refused },
	{ "codes have names", test_names },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "doc", NULL, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
