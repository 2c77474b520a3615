/* Terms: scripts, identifiers, stems, positions, what a query leaves out. */
#include "search/terms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

static struct arena *arena;

static void
check_vector(const char *heading, const char *body, const char *expected)
{
	char *got = terms_tsvector(arena, heading, body);

	if (strcmp(got, expected) != 0)
		fprintf(stderr, "# %s\n# got  %s\n# want %s\n", body, got, expected);
	CU_ASSERT_STRING_EQUAL(got, expected);
}

static void
check_query(const char *query, const char *expected)
{
	const char *terms[TERMS_QUERY_MAX];
	size_t n = terms_query(arena, query, terms);
	char *got = n == 0 ? "" : terms_tsquery(arena, terms, n);

	if (strcmp(got, expected) != 0)
		fprintf(stderr, "# %s\n# got  %s\n# want %s\n", query, got, expected);
	CU_ASSERT_STRING_EQUAL(got, expected);
}

static void
test_english(void)
{
	check_vector(NULL, "", "");
	check_vector(NULL, "The connections are connecting.", "'connect':2,4");
	check_vector(NULL, "Don't panic", "'don':1 'panic':3 't':2");
	check_vector("Files", "A file", "'file':1,3");
	check_vector(NULL, "sha256 of 4096 bytes", "'4096':3 'byte':4 'sha256':1");
}

static void
test_identifiers(void)
{
	check_vector(NULL, "set max_connections now", "'connect':3 'max':2 'max_connections':2 'now':4 'set':1");
	check_vector(NULL, "pg_hba.conf.", "'conf':3 'hba':2 'pg':1 'pg_hba.conf':1");
	check_vector(NULL, "WorkMem HTTPServer", "'http':3 'httpserver':3 'mem':2 'server':4 'work':1 'workmem':1");
	check_vector(NULL, "log -- in", "'log':1");
	check_vector(NULL, "--dry-run", "'dri':1 'dry-run':1 'run':2");
	check_query("MAX_CONNECTIONS", "'max_connections' | 'max' | 'connect'");
}

static void
test_chinese(void)
{
	check_vector(NULL, "数据库连接", "'库连':3 '据库':2 '数据':1 '连接':4");
	check_vector(NULL, "資料庫連線", "'库连':3 '料库':2 '资料':1 '连线':4");
	check_vector(NULL, "锁", "'锁':1");
	check_vector(NULL, "用vacuum清理", "'vacuum':2 '清理':3 '用':1");
	check_vector(NULL, "ＡＢＣ　１２３", "'123':2 'abc':1");
	check_vector(NULL, "データ", "'デー':1 'ータ':2");
}

static void
test_other_scripts(void)
{
	check_vector(NULL, "Привет МИР", "'мир':2 'привет':1");
	check_vector(NULL, "Straße STRASSE", "'strass':1,2");
	check_vector(NULL, "cafe\xcc\x81 CAFÉ", "'café':1,2");
	check_vector(NULL, "a'b\\c", "'b':2 'c':3");
}

static void
test_queries(void)
{
	check_query("请问如何删除索引？", "'删除' | '除索' | '索引'");
	check_query("怎么备份", "'备份'");
	check_query("什么", "'什么'");
	check_query("What is the best way to delete a file?", "'best' | 'way' | 'delet' | 'file'");
	check_query("file files FILE", "'file'");
	check_query("?!", "");
}

/* Long words are cut alike, positions stop, and a query has an end. */
static void
test_limits(void)
{
	char *word = arena_alloc(arena, 3000), *text = arena_alloc(arena, 200000);
	const char *terms[TERMS_QUERY_MAX];
	size_t n, at = 0;

	memset(word, 'q', 2999);
	n = terms_query(arena, word, terms);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_EQUAL(strlen(terms[0]), TERM_MAX_BYTES);
	for (int i = 0; i < 20000; i++)
		at += (size_t)sprintf(text + at, "w%d ", i % 90);
	CU_ASSERT_EQUAL(terms_query(arena, text, terms), TERMS_QUERY_MAX);
	word = terms_tsvector(arena, NULL, text);
	CU_ASSERT_PTR_NULL(strstr(word, "16384"));
	for (const char *p = word; p != NULL && *p != '\0'; p = strchr(p, ' ') == NULL ? NULL : strchr(p, ' ') + 1) {
		size_t commas = 0;

		for (const char *q = p; *q != '\0' && *q != ' '; q++)
			commas += *q == ',';
		CU_ASSERT_TRUE(commas < 255);
	}
}

static void
check_set(const char *text, const char *expected)
{
	char *got = terms_set(arena, text);

	if (strcmp(got, expected) != 0)
		fprintf(stderr, "# %s\n# got  %s\n# want %s\n", text, got, expected);
	CU_ASSERT_STRING_EQUAL(got, expected);
}

static void
check_all(const char *query, const char *expected)
{
	struct terms_wanted wanted;
	char *got;

	terms_want(arena, query, &wanted);
	got = terms_all(arena, &wanted, "=me");
	if (strcmp(got, expected) != 0)
		fprintf(stderr, "# %s\n# got  %s\n# want %s\n", query, got, expected);
	CU_ASSERT_STRING_EQUAL(got, expected);
}

/* The places of a query in a text, as 0:from-to of each. */
static void
check_places(const char *query, const char *text, const char *expected)
{
	struct terms_wanted wanted;
	struct terms_place places[16];
	char got[256] = "";
	size_t n, at = 0;

	terms_want(arena, query, &wanted);
	n = terms_find(arena, text, &wanted, places, 16);
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(got + at, sizeof got - at, "%s%zu:%zu-%zu", i > 0 ? " " : "", places[i].word,
		    places[i].from, places[i].to);
	if (strcmp(got, expected) != 0)
		fprintf(stderr, "# %s in %s\n# got  %s\n# want %s\n", query, text, got, expected);
	CU_ASSERT_STRING_EQUAL(got, expected);
}

/* What a text has, each once, and the last character of each run. */
static void
test_set(void)
{
	check_set("", "");
	check_set("Files, a file", "'file'");
	check_set("数据库，锁", "'库' '据库' '数据' '锁'");
	check_set("max_connections it's", "'connect' 'max' 'max_connections' 's'");
}

static void
test_wanted(void)
{
	check_all("files Sizes ", "'=me' & 'file' & 'size'");
	check_all("files siz", "'=me' & 'file' & ('siz' | 'siz':*)");
	check_all("connections", "'=me' & ('connect' | 'connections':*)");
	check_all("max_conn", "'=me' & ('max_conn' | 'max_conn':*)");
	check_all("数据库", "'=me' & '数据' & '据库'");
	check_all("資料 the 库", "'=me' & '资料' & ('库' | '库':*)");
	check_all("如何备份", "'=me' & '备份'");
	check_all("the", "'=me' & ('the' | 'the':*)");
	check_all("the file the", "'=me' & 'file'");
	check_all("file FILES file", "'=me' & ('file' | 'file':*)");
	check_all("При", "'=me' & ('при' | 'при':*)");
	check_all("it's o'clock\\", "'=me' & 's' & 'o' & 'clock'");
	check_all("?!", "'=me'");
}

static void
test_places(void)
{
	check_places("connect", "Two connections.", "0:4-15");
	check_places("conn", "Two connections, disconnect", "0:4-15");
	check_places("数据库 ", "大数据库。库", "0:3-9 1:6-12");
	check_places("库", "库存、数据库", "0:0-3 0:15-18");
	check_places("資料", "资料", "0:0-6");
	check_places("connections", "max_connections", "0:4-15");
	check_places("café ", "A CAFE\xcc\x81 and a cafe", "0:2-8");
	check_places("nothing ", "Something", "");
}

static CU_TestInfo tests[] = {
	{ "English is stemmed, without stop words", test_english },
	{ "identifiers are found whole and in parts", test_identifiers },
	{ "Chinese in pairs, traditional as simplified", test_chinese },
	{ "other scripts are folded", test_other_scripts },
	{ "a query leaves out what only asks", test_queries },
	{ "limits", test_limits },
	{ "what a text has, each once", test_set },
	{ "all words of a query, the last may be unfinished", test_wanted },
	{ "where they stand", test_places },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "terms", NULL, NULL, NULL, NULL, tests },
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
