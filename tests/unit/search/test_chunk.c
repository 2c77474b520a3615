/* Chunks: where they end, what they repeat, where they say they are. */
#include "search/chunk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "tap.h"

static struct arena *arena;
static const struct chunk_rules rules = { .overlap_percent = -1 };

/* The place of a chunk is that of its body, whole or, of a table, its end. */
static void
check_places(const char *text, size_t len, const struct chunk *chunks, int n, int cap)
{
	for (int i = 0; i < n; i++) {
		const struct chunk *c = &chunks[i];
		size_t from = utf8_prefix(text, len, (size_t)c->c0), to = utf8_prefix(text, len, (size_t)c->c1);

		CU_ASSERT_EQUAL(c->ord, i);
		CU_ASSERT_TRUE_FATAL(to > from && c->body_len >= to - from);
		CU_ASSERT_EQUAL(memcmp(c->body + c->body_len - (to - from), text + from, to - from), 0);
		CU_ASSERT_TRUE(chunk_tokens(c->body, c->body_len) <= cap);
		CU_ASSERT_EQUAL(
		    c->tokens, chunk_tokens(c->body, c->body_len) + chunk_tokens(c->heading, strlen(c->heading)));
		CU_ASSERT_TRUE(i == 0 || c->c1 > chunks[i - 1].c1);
		CU_ASSERT_TRUE(c->page_from >= 1 && c->page_to >= c->page_from);
	}
}

static int
cut(const char *text, struct chunk **chunks)
{
	int n = chunk_text(arena, "Book", text, strlen(text), &rules, chunks);

	check_places(text, strlen(text), *chunks, n, 400);
	return n;
}

static void
test_tokens(void)
{
	CU_ASSERT_EQUAL(chunk_tokens("", 0), 0);
	CU_ASSERT_EQUAL(chunk_tokens(" \n\t", 3), 0);
	CU_ASSERT_EQUAL(chunk_tokens("数据库", 9), 3);
	CU_ASSERT_EQUAL(chunk_tokens("a b c d e f g h i j", 19), 11);
	CU_ASSERT_EQUAL(chunk_tokens("internationally", 15), 3); /* 1.1 + 9 * .15 = 2.45 */
	CU_ASSERT_EQUAL(chunk_tokens("12345", 5), 5);
}

static void
test_headings(void)
{
	struct chunk *c;
	int n = cut("Before.\n# A\nUnder A.\n## B\nUnder B.\n# C\n## D\nUnder D.\n# Empty\n# Last\n", &c);

	CU_ASSERT_EQUAL_FATAL(n, 6);
	CU_ASSERT_STRING_EQUAL(c[0].heading, "Book");
	CU_ASSERT_STRING_EQUAL(c[0].body, "Before.");
	CU_ASSERT_STRING_EQUAL(c[1].heading, "Book › A");
	CU_ASSERT_STRING_EQUAL(c[1].body, "Under A.");
	CU_ASSERT_STRING_EQUAL(c[2].heading, "Book › A › B");
	CU_ASSERT_STRING_EQUAL(c[3].heading, "Book › C › D");
	CU_ASSERT_STRING_EQUAL(c[4].body, "Empty");
	CU_ASSERT_STRING_EQUAL(c[5].body, "Last");
	CU_ASSERT_EQUAL(cut(" \n\f\n", &c), 0);
	CU_ASSERT_EQUAL(cut("# Book\nText.", &c), 1);
	CU_ASSERT_STRING_EQUAL(c[0].heading, "Book");
}

/* Sentences are not cut, and what is repeated is at most 15 %. */
static void
test_prose(void)
{
	struct buf b = BUF_INIT(0);
	struct chunk *c;
	int n;

	for (int i = 0; i < 200; i++)
		buf_printf(&b, "Sentence number %d has some words in it. ", i);
	n = cut(buf_str(&b), &c);
	CU_ASSERT_TRUE_FATAL(n > 5);
	for (int i = 0; i < n; i++) {
		CU_ASSERT_EQUAL(strncmp(c[i].body, "Sentence", 8), 0);
		CU_ASSERT_EQUAL(c[i].body[c[i].body_len - 1], '.');
		CU_ASSERT_TRUE(chunk_tokens(c[i].body, c[i].body_len) <= 250);
		CU_ASSERT_TRUE(i == n - 1 || chunk_tokens(c[i].body, c[i].body_len) > 200);
		CU_ASSERT_TRUE(i == 0 || c[i].c0 < c[i - 1].c1);
		CU_ASSERT_TRUE(i == 0 || c[i - 1].c1 - c[i].c0 < 250);
	}
	buf_clear(&b);
	for (int i = 0; i < 3000; i++)
		buf_puts(&b, "长");
	n = cut(buf_str(&b), &c); /* no end of a sentence at all */
	CU_ASSERT_EQUAL(n, 8);
	buf_free(&b);
}

static void
test_tables(void)
{
	struct buf b = BUF_INIT(0);
	struct chunk *c;
	int n;

	buf_puts(&b, "Intro.\n\n| name | value |\n| --- | --- |\n");
	for (int i = 0; i < 150; i++)
		buf_printf(&b, "| setting %d | on |\n", i);
	n = cut(buf_str(&b), &c);
	CU_ASSERT_TRUE_FATAL(n > 3);
	for (int i = 1; i < n; i++) {
		CU_ASSERT_EQUAL(strncmp(c[i].body, "| name | value |\n| --- | --- |\n| setting", 39), 0);
		CU_ASSERT_EQUAL(c[i].body[c[i].body_len - 1], '|');
	}
	for (int i = 1; i < n; i++)
		CU_ASSERT_TRUE(c[i].c0 > c[i - 1].c1); /* rows are not repeated */
	buf_free(&b);
}

/* Code and lists below the cap stay whole. */
static void
test_blocks(void)
{
	struct buf b = BUF_INIT(0);
	struct chunk *c;
	int n, whole = 0;

	for (int i = 0; i < 30; i++)
		buf_printf(&b, "Sentence number %d has some words in it. ", i);
	buf_puts(&b, "\n```c\n");
	for (int i = 0; i < 30; i++)
		buf_printf(&b, "int a%d;\n\n", i);
	buf_puts(&b, "```\nAfter it.\n");
	n = cut(buf_str(&b), &c);
	for (int i = 0; i < n; i++)
		whole += strstr(c[i].body, "```c") != NULL && strstr(c[i].body, "a29;\n\n```") != NULL;
	CU_ASSERT_EQUAL(whole, 1);
	buf_clear(&b);
	for (int i = 0; i < 400; i++)
		buf_printf(&b, "- item number %d of a list\n", i);
	n = cut(buf_str(&b), &c);
	CU_ASSERT_TRUE(n > 10);
	for (int i = 0; i < n; i++)
		CU_ASSERT_EQUAL(strncmp(c[i].body, "- item", 6), 0);
	buf_free(&b);
}

static void
test_pages(void)
{
	struct chunk *c;
	int n = cut("# One\nFirst page.\f# Two\nSecond\npage.\fThird page.\n", &c);

	CU_ASSERT_EQUAL_FATAL(n, 2);
	CU_ASSERT_EQUAL(c[0].page_from, 1);
	CU_ASSERT_EQUAL(c[0].page_to, 1);
	CU_ASSERT_EQUAL(c[1].page_from, 2);
	CU_ASSERT_EQUAL(c[1].page_to, 3);
	CU_ASSERT_EQUAL(c[1].c0, 24);
}

/* Whatever the rules: the cap holds and nothing is lost. */
static void
test_rules(void)
{
	struct buf b = BUF_INIT(0);
	struct chunk *c;

	for (int i = 0; i < 300; i++)
		buf_printf(
		    &b, "%s%d 数据库里的第 %d 句话。%s", i % 7 == 0 ? "- " : "", i, i, i % 5 == 0 ? "\n\n" : " ");
	for (int tokens = 1; tokens < 200; tokens += 13)
		for (int overlap = 0; overlap <= 60; overlap += 20) {
			struct chunk_rules r = {
				.tokens = tokens, .cap_tokens = tokens + 5, .overlap_percent = overlap
			};
			int n = chunk_text(arena, NULL, buf_str(&b), b.len, &r, &c);
			int64_t end = 0;

			check_places(
			    buf_str(&b), b.len, c, n, tokens < 20 ? (tokens < 15 ? 20 : tokens + 5) : tokens + 5);
			for (int i = 0; i < n; i++) {
				CU_ASSERT_TRUE(c[i].c0 <= end + 2);
				end = c[i].c1;
			}
			CU_ASSERT_TRUE(end + 3 >= (int64_t)utf8_length(buf_str(&b), b.len));
		}
	buf_free(&b);
}

/* The bodies of all chunks, with a bar between them. */
static void
check_bodies(const char *text, const char *expected)
{
	struct chunk *c;
	int n = cut(text, &c);
	char *got = arena_strdup(arena, "");

	for (int i = 0; i < n; i++)
		got = arena_printf(arena, "%s%s%s", got, i > 0 ? "!" : "", c[i].body);
	if (strcmp(got, expected) != 0)
		fprintf(stderr, "# got  %s\n# want %s\n", got, expected);
	CU_ASSERT_STRING_EQUAL(got, expected);
}

/* What is nearly Markdown, and what ends what. */
static void
test_messy(void)
{
	check_bodies("####### seven\n#no\n#\nhash", "####### seven\n#no\n#\nhash");
	check_bodies("# \ntext", "text");
	check_bodies("#\tTab\n\ntext", "text");
	check_bodies("a\n# H\nb", "a!b");
	check_bodies("a\n```\ncode", "a\n```\ncode");
	check_bodies("- a\n- b\n# H\nc", "- a\n- b!c");
	check_bodies("1. a\n22) b\n333333. no\n * c\n\t+ d\n-e", "1. a\n22) b\n333333. no\n * c\n\t+ d\n-e");
	check_bodies(
	    "- a\n\n- b\n```\nc\n```\n| d | e |\n- f\n| g |", "- a\n\n- b\n```\nc\n```\n| d | e |\n- f\n| g |");
	check_bodies("- a\f- b\fc", "- a\f- b\fc");
	check_bodies("| a |\n| b |\ntext\n| c |\n|:-:|\n| d |", "| a |\n| b |\ntext\n| c |\n|:-:|\n| d |");
	check_bodies("|\n| - x |\n--\n", "|\n| - x |\n--");
	check_bodies("text\n- item\n```x", "text\n- item\n```x");
	check_bodies("Said \"so.\" Then (it.) And \xe2\x80\x9cno!\xe2\x80\x9d e.g. this v1.2.3 end?",
	    "Said \"so.\" Then (it.) And \xe2\x80\x9cno!\xe2\x80\x9d e.g. this v1.2.3 end?");
	check_bodies("# A\n# B\n## C\n# D\nx", "A!C!x");
	check_bodies("\xe0\xb8\xaa\xe0\xb8\xa7 \xd0\xbf \xf0\x9f\x98\x80 \xe3\x80\x80",
	    "\xe0\xb8\xaa\xe0\xb8\xa7 \xd0\xbf \xf0\x9f\x98\x80");
}

/* A header that is as large as a chunk is a row as others, and rows that are too large are cut. */
static void
test_large_rows(void)
{
	struct buf b = BUF_INIT(0);
	struct chunk *c;
	int n;

	buf_puts(&b, "| ");
	for (int i = 0; i < 400; i++)
		buf_printf(&b, "column%d ", i);
	buf_puts(&b, "|\n| --- |\n");
	for (int i = 0; i < 300; i++)
		buf_puts(&b, "| cell ");
	n = cut(buf_str(&b), &c);
	CU_ASSERT_TRUE(n > 3);
	for (int i = 1; i < n; i++)
		CU_ASSERT_PTR_NULL(strstr(c[i].body, "column0 "));
	buf_clear(&b);
	buf_puts(&b, "| a | b |\n|---|---|\n| ");
	for (int i = 0; i < 900; i++)
		buf_printf(&b, "word%d%s", i, i % 50 == 49 ? "" : " ");
	n = cut(buf_str(&b), &c);
	CU_ASSERT_TRUE_FATAL(n > 3);
	CU_ASSERT_EQUAL(strncmp(c[n - 1].body, "| a | b |\n|---|---|\n", 20), 0);
	/* A list that is longer than the cap, and an item of its own that is. */
	buf_clear(&b);
	buf_puts(&b, "Some words before it.\n\n- ");
	for (int i = 0; i < 900; i++)
		buf_puts(&b, "word ");
	buf_puts(&b, "\n- last\n\nAfter. ");
	for (int i = 0; i < 300; i++)
		buf_puts(&b, "Short one. ");
	CU_ASSERT_TRUE(cut(buf_str(&b), &c) > 4);
	buf_free(&b);
}

/* Sentences one by one. */
static void
test_sentences(void)
{
	const char *text = " One. Two\nlines.\n\n- item\n| row |\fThree";
	static const char *const expected[] = { "One.", "Two\nlines.", "- item", "| row |", "Three" };
	size_t at = 0, from, to, n = 0, len = strlen(text);

	while (chunk_next_sentence(text, len, &at, &from, &to)) {
		CU_ASSERT_TRUE_FATAL(n < 5);
		CU_ASSERT_STRING_EQUAL(arena_strndup(arena, text + from, to - from), expected[n]);
		n++;
	}
	CU_ASSERT_EQUAL(n, 5);
	CU_ASSERT_EQUAL(chunk_last_sentence(text, 0, 17), 6);
	CU_ASSERT_EQUAL(chunk_last_sentence(text, 3, 3), 3);
}

static CU_TestInfo tests[] = {
	{ "what is nearly Markdown", test_messy },
	{ "rows and items that are too large", test_large_rows },
	{ "sentences", test_sentences },
	{ "tokens", test_tokens },
	{ "headings end chunks and name them", test_headings },
	{ "sentences are not cut", test_prose },
	{ "tables repeat their header", test_tables },
	{ "code and lists stay whole", test_blocks },
	{ "pages", test_pages },
	{ "any rules", test_rules },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "chunk", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	int failed;

	arena = arena_new(1u << 16, 1u << 26);
	failed = tap_run(suites);
	arena_free(arena);
	return failed;
}
