/* parse/text, parse/charset: canonical text, and bytes without a name. */
#include "parse/text.h"

#include <stdlib.h>
#include <string.h>

#include "parse/charset.h"
#include "tap.h"

static struct text t;
static char *taken;

static void
begin(void)
{
	text_init(&t, 1u << 20);
}

static void
add(const char *s)
{
	text_add(&t, s, strlen(s));
}

static void
line(const char *s, bool join)
{
	text_line(&t, s, strlen(s), join);
}

/* The text that came of it; it lives until the next call. */
static const char *
end(void)
{
	size_t len;

	free(taken);
	taken = text_take(&t, &len);
	text_free(&t);
	CU_ASSERT_TRUE_FATAL(taken != NULL && strlen(taken) == len);
	return taken;
}

static void
test_blocks(void)
{
	begin();
	CU_ASSERT_TRUE(text_is_blank(&t));
	text_block(&t, BLOCK_HEADING, 1);
	add("  Title\n of  it ");
	text_block(&t, BLOCK_PARAGRAPH, 0);
	add("one\ttwo\r\n");
	add("three");
	text_break(&t);
	add(" four");
	text_block(&t, BLOCK_PARAGRAPH, 0);
	text_block(&t, BLOCK_ITEM, 0);
	add("a");
	text_block(&t, BLOCK_ITEM, 0);
	add("b");
	text_block(&t, BLOCK_HEADING, 9);
	add("deep");
	text_block(&t, BLOCK_CODE, 0);
	add("if x:\n\ty()  \r\n\n```\n");
	CU_ASSERT_FALSE(text_is_blank(&t));
	CU_ASSERT_STRING_EQUAL(end(),
	    "# Title of it\n\none two three\nfour\n\n- a\n- b\n\n###### deep\n\n```\nif x:\n    y()\n\n ```\n```\n");
}

static void
test_han(void)
{
	begin();
	add("中文\n  中文，\n中文\nLatin 中文 中文");
	text_block(&t, BLOCK_PARAGRAPH, 0);
	add("。\n中");
	CU_ASSERT_STRING_EQUAL(end(), "中文中文，中文 Latin 中文 中文\n\n。 中\n");
	CU_ASSERT_EQUAL(text_width("a中，", strlen("a中，")), 5);
	begin();
	line("这一行是被折断的", true);
	line("  一句话", true);
	line("。完", false);
	line("English stays", true);
	line("on its lines", true);
	CU_ASSERT_STRING_EQUAL(end(), "这一行是被折断的一句话\n。完\nEnglish stays\non its lines\n");
}

static void
test_characters(void)
{
	begin();
	add("a\x01\x02\x7f"
	    "b\xc2\xad"
	    "c\xe2\x80\x8b"
	    "d\xef\xbb\xbf"
	    "e\xe2\x80\xae"
	    "f\xf3\xa0\x81\x81"
	    "g\xc2\x85h\xff"
	    "i");
	text_block(&t, BLOCK_PARAGRAPH, 0);
	add("e\xcc\x81\xc2\xa0\xe3\x80\x80x"); /* combining, no-break and ideographic space */
	CU_ASSERT_STRING_EQUAL(end(), "abcdefg h\xef\xbf\xbdi\n\n\xc3\xa9 x\n");
}

static void
test_tables(void)
{
	begin();
	add("before");
	text_table(&t);
	add("stray");
	text_row(&t);
	text_cell(&t);
	text_block(&t, BLOCK_HEADING, 1);
	add("a|b");
	text_block(&t, BLOCK_PARAGRAPH, 0);
	add("more");
	text_cell_end(&t);
	text_cell(&t);
	text_row_end(&t);
	text_row(&t);
	text_cell(&t);
	text_cell_end(&t);
	text_row_end(&t); /* nothing in it */
	text_row(&t);
	text_cell(&t);
	text_table(&t); /* within the cell */
	text_row(&t);
	text_cell(&t);
	add("x");
	text_cell_end(&t);
	text_cell(&t);
	add("y");
	text_table_end(&t);
	text_cell_end(&t);
	text_cell(&t);
	add("z");
	text_table_end(&t);
	add("after");
	text_table_end(&t); /* one too many */
	CU_ASSERT_STRING_EQUAL(end(), "before\n\n| a\\|b more |  |\n| --- | --- |\n| x y | z |\n\nafter\n");
}

static void
test_pages(void)
{
	begin();
	text_page(&t);
	line("one", false);
	line("", false);
	line("", false);
	line("", false);
	line("two", false);
	text_page(&t);
	text_page(&t);
	line("", false);
	line("four", false);
	CU_ASSERT_STRING_EQUAL(end(), "one\n\ntwo\n\f\ffour\n");
	begin();
	line("before", false);
	text_block(&t, BLOCK_HEADING, 2);
	add("head");
	text_block(&t, BLOCK_PARAGRAPH, 0);
	line("", false);
	line("after", true);
	line("that", true);
	CU_ASSERT_STRING_EQUAL(end(), "before\n\n## head\n\nafter\nthat\n");
	begin();
	text_page(&t);
	text_page(&t);
	CU_ASSERT_TRUE(text_is_blank(&t));
	CU_ASSERT_STRING_EQUAL(end(), "\f");
	begin();
	CU_ASSERT_STRING_EQUAL(end(), "");
}

static void
test_bounds(void)
{
	size_t len;
	char *plain;

	text_init(&t, 10);
	add("0123456789ab");
	CU_ASSERT_PTR_NULL(text_take(&t, &len));
	text_free(&t);
	plain = text_plain(" a\nb\x01 中文中文 ", 8);
	CU_ASSERT_STRING_EQUAL(plain, "a b 中");
	free(plain);
	CU_ASSERT_PTR_NULL(text_plain(" \n", 8));
	CU_ASSERT_PTR_NULL(text_plain(NULL, 8));
}

/* ---- charsets ---- */

static const char *
decode(const char *bytes, size_t size, enum charset_of of, bool zh)
{
	size_t len;

	free(taken);
	taken = charset_decode(bytes, size - 1, of, zh, &len);
	CU_ASSERT_TRUE(taken == NULL || strlen(taken) == len);
	return taken == NULL ? "(null)" : taken;
}

#define DECODE(bytes, of, zh) decode(bytes, sizeof(bytes), CHARSET_##of, zh)

static void
test_marked(void)
{
	CU_ASSERT_STRING_EQUAL(DECODE("\xef\xbb\xbf\xe4\xb8\xad", TEXT, false), "中");
	CU_ASSERT_STRING_EQUAL(DECODE("\xff\xfe\x2d\x4e"
				      "a\0",
				   TEXT, false),
	    "中a");
	CU_ASSERT_STRING_EQUAL(DECODE("\xfe\xff\x4e\x2d\0a", TEXT, false), "中a");
	CU_ASSERT_STRING_EQUAL(DECODE("\xff\xfe\0\0\x2d\x4e\0\0", TEXT, false), "中");
	CU_ASSERT_STRING_EQUAL(DECODE("\xe4\xb8\xad\xe6\x96", TEXT, true), "中"); /* cut off */
	CU_ASSERT_STRING_EQUAL(DECODE("h\0e\0l\0l\0o\0", TEXT, false), "hello");
	CU_ASSERT_STRING_EQUAL(DECODE("\0h\0e\0l\0l\0o", TEXT, false), "hello");
	CU_ASSERT_STRING_EQUAL(DECODE("", TEXT, false), "");
}

static void
test_declared(void)
{
	CU_ASSERT_PTR_NOT_NULL(strstr(DECODE("<meta charset='big5'>\xa4\xa4\xa4\xe5", HTML, false), "中文"));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(DECODE("<meta content='text/html; charset = Shift_JIS'>\x93\xfa\x96{", HTML, true), "日本"));
	CU_ASSERT_PTR_NOT_NULL(strstr(DECODE("<?xml encoding=\"windows-1251\"?>\xcf\xf0\xe8", HTML, false), "При"));
	/* a lie is not believed */
	CU_ASSERT_PTR_NOT_NULL(strstr(DECODE("<meta charset=gbk>\xe4\xb8\xad\xe6\x96\x87", HTML, false), "中文"));
	CU_ASSERT_PTR_NOT_NULL(strstr(DECODE("<meta charset=nonsense>\xd6\xd0\xce\xc4", HTML, true), "中文"));
}

static void
test_guessed(void)
{
	CU_ASSERT_STRING_EQUAL(DECODE("\xb0\xb2\xd7\xb0\xcb\xb5\xc3\xf7", TEXT, false), "安装说明");
	CU_ASSERT_STRING_EQUAL(DECODE("\xc5\xe4\xd6\xc3", TEXT, true), "配置");
	CU_ASSERT_STRING_EQUAL(DECODE("na\xefve caf\xe9 \x93quoted\x94", TEXT, false), "naïve café “quoted”");
	CU_ASSERT_PTR_NOT_NULL(strstr(
	    DECODE(
		"\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0! \xdd\xf2\xee \xf2\xe5\xea\xf1\xf2 \xed\xe0 \xf0\xf3\xf1\xf1\xea\xee\xec"
		" \xff\xe7\xfb\xea\xe5.",
		TEXT, false),
	    "текст"));
	CU_ASSERT_STRING_EQUAL(DECODE("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", TEXT, true), "(null)");
	CU_ASSERT_STRING_EQUAL(DECODE("\1\2\3\4\5\6\7\x0e\xff\xd8\xe0", TEXT, true), "(null)");
}

static CU_TestInfo text_tests[] = {
	{ "blocks", test_blocks },
	{ "Han characters on two lines", test_han },
	{ "characters that are left out", test_characters },
	{ "tables", test_tables },
	{ "pages and lines", test_pages },
	{ "bounds", test_bounds },
	CU_TEST_INFO_NULL,
};
static CU_TestInfo charset_tests[] = {
	{ "marked, UTF-8, UTF-16", test_marked },
	{ "declared", test_declared },
	{ "guessed", test_guessed },
	CU_TEST_INFO_NULL,
};

static int
tear_down(void)
{
	free(taken);
	return 0;
}

static CU_SuiteInfo suites[] = {
	{ "text", NULL, NULL, NULL, NULL, text_tests },
	{ "charset", NULL, tear_down, NULL, NULL, charset_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
