/* wire/account: what providers tell of an account, and what is no such thing. */
#include <string.h>

#include "tap.h"
#include "wire/account.h"
#include "wire_test.h"

static struct arena *arena;

static void
set_up(void)
{
	arena = arena_new(4096, 1 << 20);
}

static void
tear_down(void)
{
	arena_free(arena);
}

static const struct {
	enum account_what what;
	const char *provider, *base, *url, *key; /* url NULL: is not asked */
} asks[] = {
	{ ACCOUNT_MODELS, "openai", "https://api.openai.com/v1", "https://api.openai.com/v1/models",
	    "Authorization: Bearer k" },
	{ ACCOUNT_MODELS, "openai", "https://a.example", "https://a.example/v1/models", "Authorization: Bearer k" },
	{ ACCOUNT_MODELS, "openai", "https://a.example/v1/chat/completions", "https://a.example/v1/models",
	    "Authorization: Bearer k" },
	{ ACCOUNT_MODELS, "openai", "https://a.example/x/v4/", "https://a.example/x/v4/models",
	    "Authorization: Bearer k" },
	{ ACCOUNT_MODELS, "anthropic", "https://api.anthropic.com", "https://api.anthropic.com/v1/models?limit=1000",
	    "x-api-key: k" },
	{ ACCOUNT_MODELS, "gemini", "https://g.example", "https://g.example/v1beta/models?pageSize=1000",
	    "x-goog-api-key: k" },
	{ ACCOUNT_MODELS, "unheard-of", "https://a.example", "https://a.example/v1/models", "Authorization: Bearer k" },
	{ ACCOUNT_MODELS, "openai", "ftp://a.example", NULL, NULL },
	{ ACCOUNT_BALANCE, "openai", "https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1/credits",
	    "Authorization: Bearer k" },
	{ ACCOUNT_BALANCE, "anthropic", "https://api.deepseek.com/anthropic", "https://api.deepseek.com/user/balance",
	    "x-api-key: k" },
	{ ACCOUNT_BALANCE, "openai", "https://api.deepseek.com", "https://api.deepseek.com/user/balance",
	    "Authorization: Bearer k" },
	{ ACCOUNT_BALANCE, "openai", "https://api.openai.com/v1", NULL, NULL },
	{ ACCOUNT_BALANCE, "openai", "https://openrouter.ai.example/v1", NULL, NULL },
	{ ACCOUNT_BALANCE, "openai", "https://notopenrouter.ai/v1", NULL, NULL },
};

static void
test_asks(void)
{
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		struct wire_target to = { .base_url = asks[i].base, .api_key = "k" };
		struct wire_request rq;
		bool is_asked = account_ask(arena, asks[i].what, asks[i].provider, &to, &rq);

		CU_ASSERT_EQUAL(is_asked, asks[i].url != NULL);
		if (!is_asked || asks[i].url == NULL)
			continue;
		CU_ASSERT_STRING_EQUAL(rq.url, asks[i].url);
		CU_ASSERT_STRING_EQUAL(rq.method, "GET");
		CU_ASSERT_TRUE(has_line(rq.headers, asks[i].key));
	}
}

static void
check_models(const char *body, const char *wanted)
{
	json_t *models = account_models(body, strlen(body));
	char *text = json_dumps(models, JSON_COMPACT | JSON_ENCODE_ANY);

	CU_ASSERT_STRING_EQUAL(text == NULL ? "none" : text, wanted);
	free(text);
	json_decref(models);
}

static void
test_models(void)
{
	check_models("{\"data\":[{\"id\":\"b\"},{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":7},{},null,\"x\",{\"id\":\"\"}]}",
	    "[\"a\",\"b\"]");
	check_models("{\"models\":[{\"name\":\"models/gemini-x\"},{\"name\":\"models/\"}]}", "[\"gemini-x\"]");
	check_models("{\"data\":[]}", "[]");
	check_models("{\"data\":{}}", "none");
	check_models("{\"models\":\"none\"}", "none");
	check_models("<html>", "none");
	check_models("", "none");
}

static void
test_many_models(void)
{
	struct buf body = BUF_INIT(0);
	json_t *models;

	buf_puts(&body, "{\"data\":[");
	for (int i = 0; i < 3 * ACCOUNT_MODELS_MAX; i++)
		buf_printf(&body, "%s{\"id\":\"m%d\"}", i == 0 ? "" : ",", i);
	buf_puts(&body, "]}");
	models = account_models(body.data, body.len);
	CU_ASSERT_EQUAL(json_array_size(models), ACCOUNT_MODELS_MAX);
	json_decref(models);
	buf_free(&body);
}

static void
check_balance(const char *body, const char *amount, const char *currency)
{
	struct account_balance b = { "", "" };
	bool told = account_balance(body, strlen(body), &b);

	CU_ASSERT_EQUAL(told, amount != NULL);
	if (!told || amount == NULL)
		return;
	CU_ASSERT_STRING_EQUAL(b.amount, amount);
	CU_ASSERT_STRING_EQUAL(b.currency, currency);
}

static void
test_balances(void)
{
	check_balance("{\"data\":{\"total_credits\":100.5,\"total_usage\":25.25}}", "75.250000", "USD");
	check_balance("{\"data\":{\"total_credits\":1,\"total_usage\":3}}", "-2.000000", "USD");
	check_balance("{\"balance_infos\":[{\"currency\":\"USD\",\"total_balance\":\"0.00\"},"
		      "{\"currency\":\"CNY\",\"total_balance\":\"110.00\"}]}",
	    "110.000000", "CNY");
	check_balance("{\"balance_infos\":[{\"currency\":\"USD\",\"total_balance\":\"0.00\"}]}", "0.000000", "USD");
	check_balance("{\"balance_infos\":[{\"currency\":\"LONGER THAN THAT\",\"total_balance\":\"1\"}]}", NULL, NULL);
	check_balance("{\"balance_infos\":[{\"currency\":\"USD\",\"total_balance\":\"much\"}]}", NULL, NULL);
	check_balance("{\"balance_infos\":[{\"total_balance\":\"1\"}]}", NULL, NULL);
	check_balance("{\"balance_infos\":{}}", NULL, NULL);
	check_balance("{\"data\":{\"total_credits\":1e300,\"total_usage\":0}}", NULL, NULL);
	check_balance("{\"data\":{\"total_credits\":\"1\",\"total_usage\":0}}", NULL, NULL);
	check_balance("[]", NULL, NULL);
	check_balance("", NULL, NULL);
}

static CU_TestInfo tests[] = {
	{ "where and how it is asked", test_asks },
	{ "models", test_models },
	{ "more models than are read", test_many_models },
	{ "balances", test_balances },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "account", NULL, NULL, set_up, tear_down, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
