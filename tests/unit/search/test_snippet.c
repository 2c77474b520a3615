/* Pieces of texts: where they are cut, and what is marked in them. */
#include <stdio.h>
#include <string.h>

#include "search/snippet.h"
#include "tap.h"

static struct arena *arena;

/* What is found: the text, with [ and ] around what is marked. */
static const char *
cut(const char *text, const char *query)
{
	static char out[4096];
	struct terms_wanted wanted;
	struct snippet s;
	size_t at = 0, next = 0;
	int chars = 0;

	terms_want(arena, query, &wanted);
	snippet_cut(arena, text, &wanted, &s);
	for (const char *p = s.text;; p++) {
		if (((unsigned char)*p & 0xc0) != 0x80) {
			if (next < s.count && s.marks[next].to == chars) {
				out[at++] = ']';
				next++;
			}
			if (next < s.count && s.marks[next].from == chars)
				out[at++] = '[';
			chars++;
		}
		out[at++] = *p;
		if (*p == '\0')
			break;
	}
	CU_ASSERT_EQUAL(next, s.count);
	CU_ASSERT_TRUE(chars - 1 <= SNIPPET_CHARS + 2);
	return out;
}

static void
test_short(void)
{
	CU_ASSERT_STRING_EQUAL(cut("A weir\nis a low dam.", "dams"), "A weir is a low [dam].");
	CU_ASSERT_STRING_EQUAL(cut("什么是知识库？", "知识库"), "什么是[知识库]？");
	CU_ASSERT_STRING_EQUAL(cut("知识就是力量", "知识库"), "[知识]就是力量");
	CU_ASSERT_STRING_EQUAL(cut("nothing of it", "weir"), "nothing of it");
	CU_ASSERT_STRING_EQUAL(cut("", "weir"), "");
	CU_ASSERT_STRING_EQUAL(cut("pg_hba.conf is read", "pg_hba.conf "), "[pg_hba.conf] is read");
}

/* Of a long text the piece where most of the words are, begun at a blank. */
static void
test_long(void)
{
	char text[8000] = "weir ";
	const char *got;

	for (int i = 0; i < 200; i++)
		strcat(text, "water flows ");
	strcat(text, "over the weir of Arnhem at noon ");
	for (int i = 0; i < 200; i++)
		strcat(text, "water flows ");
	got = cut(text, "weir arnhem");
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "the [weir] of [Arnhem] at"));
	CU_ASSERT_EQUAL(strncmp(got,
			    "\xe2\x80\xa6"
			    "flows water",
			    14),
	    0);
	CU_ASSERT_STRING_EQUAL(got + strlen(got) - 3, "\xe2\x80\xa6");
}

/* Characters of several bytes are counted as one, and none is cut. */
static void
test_wide(void)
{
	char text[8000] = "";
	const char *got;

	for (int i = 0; i < 500; i++)
		strcat(text, "水");
	strcat(text, "坝");
	for (int i = 0; i < 500; i++)
		strcat(text, "流");
	got = cut(text, "坝");
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "水[坝]流"));
	CU_ASSERT_EQUAL(strncmp(got, "…水", 6), 0);
}

/* So many marks that not all are told. */
static void
test_many(void)
{
	char text[1000] = "";

	for (int i = 0; i < 200; i++)
		strcat(text, "a1 ");
	CU_ASSERT_PTR_NOT_NULL(strstr(cut(text, "a1 "), "[a1] a1"));
}

static CU_TestInfo tests[] = {
	{ "a short text is shown whole", test_short },
	{ "of a long one where most words are", test_long },
	{ "characters, not bytes", test_wide },
	{ "marks have an end", test_many },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "snippet", NULL, NULL, NULL, NULL, tests },
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
