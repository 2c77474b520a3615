/* core/request: paths against patterns. */
#include "core/request.h"

#include <string.h>

#include "tap.h"

static void
test_match(void)
{
	static const struct {
		const char *pattern, *path;
		const char *values[2]; /* NULL: no match at all */
	} rows[] = {
		{ "/healthz", "/healthz", { "", "" } },
		{ "/healthz", "/healthz/", { NULL, NULL } },
		{ "/healthz", "/health", { NULL, NULL } },
		{ "/tasks/{id}", "/tasks/7", { "7", "" } },
		{ "/tasks/{id}", "/tasks/", { NULL, NULL } },
		{ "/tasks/{id}", "/tasks/7/abort", { NULL, NULL } },
		{ "/tasks/{id}/abort", "/tasks/7/abort", { "7", "" } },
		{ "/a/{x}/b/{y}", "/a/1%2F2/b/3", { "1%2F2", "3" } },
		{ "/models/{model}:generate", "/models/gemini-pro:generate", { "gemini-pro", "" } },
		{ "/models/{model}:generate", "/models/qwen:7b:generate", { "qwen:7b", "" } },
		{ "/models/{model}:generate", "/models/:generate", { NULL, NULL } },
		{ "/models/{model}:generate", "/models/gemini-pro", { NULL, NULL } },
		{ "/models/{model}:generate", "/models/a/b:generate", { NULL, NULL } },
		{ "/models/{model}:generate", "/models/a:generateMore", { NULL, NULL } },
		{ "/models/{model}:{verb}", "/models/a:b:c", { "a:b", "c" } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *a = arena_new(1024, 65536);
		struct request rq = { .cx = { .arena = a }, .path = rows[i].path };
		bool found = request_match(&rq, rows[i].pattern);

		CU_ASSERT_EQUAL(found, rows[i].values[0] != NULL);
		for (int n = 0; found && n < 2; n++)
			CU_ASSERT_STRING_EQUAL(
			    rq.path_params[n].name == NULL ? "" : rq.path_params[n].value, rows[i].values[n]);
		arena_free(a);
	}
}

static CU_TestInfo tests[] = {
	{ "a path matches a pattern", test_match },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "request", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
