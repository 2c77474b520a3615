/* Marks in answers, and the sentences that they mean. */
#include "search/cite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

static struct arena *arena;

/* Marks as "n:claim|n:claim". */
static void
check_marks(const char *text, int most, const char *expected)
{
	struct mark *marks;
	size_t n = cite_marks(arena, text, most, &marks);
	char *got = arena_strdup(arena, "");

	for (size_t i = 0; i < n; i++)
		got = arena_printf(arena, "%s%s%d:%.*s", got, i > 0 ? "|" : "", marks[i].n,
		    (int)(marks[i].to - marks[i].from), text + marks[i].from);
	if (strcmp(got, expected) != 0)
		fprintf(stderr, "# %s\n# got  %s\n# want %s\n", text, got, expected);
	CU_ASSERT_STRING_EQUAL(got, expected);
}

static void
test_marks(void)
{
	check_marks("", 3, "");
	check_marks("One. Two is so [1].", 3, "1:Two is so ");
	check_marks("One. Two. [2]", 3, "2:Two. ");
	check_marks("It is [1][3] so, and [2] so.", 3, "1:It is |3:It is |2:so, and ");
	check_marks("All [1, 2] of it", 3, "1:All |2:All ");
	check_marks("数据在这里【2】。", 3, "2:数据在这里");
	check_marks("None [0] [4] [x] [] [1](http://x) [1]: x ![1]", 3, "");
	check_marks("Not `a[1]` nor\n```\nb[2]\n```\nbut [3]", 3, "3:```\nbut ");
	check_marks("open ` [1]", 3, "1:open ` ");
	check_marks("[1", 3, "");
	check_marks("[99999999999999999999]", 3, "");
}

static void
check_sentence(const char *claim, const char *body, const char *expected, int shared)
{
	size_t from, to;
	int n = cite_sentence(arena, claim, strlen(claim), body, strlen(body), &from, &to);

	CU_ASSERT_EQUAL(n, shared);
	CU_ASSERT_STRING_EQUAL(arena_strndup(arena, body + from, to - from), expected);
}

static void
test_sentences(void)
{
	const char *body =
	    "Pay comes late. Leave is 25 days a year. Ask first.\n- one item\n- another thing\n\n| a | 5 |\n| b | 6 |";

	check_sentence("You have 25 days of leave", body, "Leave is 25 days a year.", 3);
	check_sentence("the other thing", body, "- another thing", 1);
	check_sentence("b has 6", body, "| b | 6 |", 2);
	check_sentence("nothing of it", body, "Pay comes late.", 0);
	check_sentence("删除索引", "备份很重要。删除索引要小心！完", "删除索引要小心！", 3);
	check_sentence("x", "", "", 0);
}

/* Whatever stands there ends. */
static void
test_long(void)
{
	char *text = arena_alloc(arena, 400001);
	struct mark *marks;

	for (size_t i = 0; i < 400000; i++)
		text[i] = "`[1] "[i % 5];
	CU_ASSERT_TRUE(cite_marks(arena, text, 1, &marks) <= 200);
	memset(text, '`', 400000);
	CU_ASSERT_EQUAL(cite_marks(arena, text, 1, &marks), 0);
	for (size_t i = 0; i < 400000; i++)
		text[i] = i % 1000 == (i / 1000) ? ' ' : '`';
	CU_ASSERT_TRUE(cite_marks(arena, text, 1, &marks) <= 200);
}

static CU_TestInfo tests[] = {
	{ "marks", test_marks },
	{ "sentences", test_sentences },
	{ "long answers", test_long },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "cite", NULL, NULL, NULL, NULL, tests },
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
