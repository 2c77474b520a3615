/* chat/titles: what of a model's answer is a title. */
#include "chat/titles.h"

#include <string.h>

#include "base/utf8.h"
#include "tap.h"

static void
test_titles(void)
{
	static const struct {
		const char *answer, *title; /* NULL: none */
	} rows[] = {
		{ "Rivers and their sources", "Rivers and their sources" },
		{ "\"Rivers and their sources.\"", "Rivers and their sources" },
		{ "**Title: Rivers**\n\nIt is about rivers.", "Rivers" },
		{ "\n\n  # Rivers  \r\nmore", "Rivers" },
		{ "标题：《河流的源头》", "河流的源头" },
		{ "“河流的源头”。", "河流的源头" },
		{ "<think>They ask about\nrivers.</think>\n\nRivers", "Rivers" },
		{ "<think>They ask about rivers, and", NULL },
		{ "\"\"\n'Rivers'", "Rivers" },
		{ "Don't \"quote\" me", "Don't \"quote\" me" },
		{ "Question: What is a weir?", "What is a weir?" },
		{ "", NULL },
		{ " \n.\n\t", NULL },
		{ "Ri\tvers\x01", "Ri vers " },
		{ "\xff\xfe", NULL },
	};
	struct arena *a = arena_new(1024, 65536);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *title = title_of_answer(a, rows[i].answer);

		CU_ASSERT_EQUAL(title == NULL, rows[i].title == NULL);
		if (title != NULL && rows[i].title != NULL)
			CU_ASSERT_STRING_EQUAL(title, rows[i].title);
	}
	arena_free(a);
}

static void
test_length(void)
{
	struct arena *a = arena_new(1024, 65536);
	char answer[3 * 100 + 1] = "";
	const char *title;

	for (int i = 0; i < 100; i++)
		strcat(answer, "水");
	title = title_of_answer(a, answer);
	CU_ASSERT_EQUAL(utf8_length(title, strlen(title)), TITLE_CHARS);
	CU_ASSERT_TRUE(utf8_valid(title, strlen(title)));
	arena_free(a);
}

static CU_TestInfo tests[] = {
	{ "a title in an answer", test_titles },
	{ "is not too long", test_length },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "titles", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
