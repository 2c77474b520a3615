/* chat/wire: the terminal event of a turn, and the names of outcomes. */
#include "chat/wire.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

static void
test_outcomes(void)
{
	static const char *const none[] = { "pending", "running", "done", "Completed", "complete", "completed ", "",
		NULL };

	for (enum outcome o = OUTCOME_COMPLETED; o <= OUTCOME_CANCELLED; o++)
		CU_ASSERT_EQUAL(outcome_parse(outcome_name(o)), o);
	CU_ASSERT_STRING_EQUAL(outcome_name(OUTCOME_COMPLETED), "completed");
	CU_ASSERT_STRING_EQUAL(outcome_name(OUTCOME_FAILED), "failed");
	CU_ASSERT_STRING_EQUAL(outcome_name(OUTCOME_CANCELLED), "cancelled");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		CU_ASSERT_EQUAL(outcome_parse(none[i]), OUTCOME_FAILED);
}

static void
test_events(void)
{
	static const struct {
		struct turn_end end;
		const char *event;
	} rows[] = {
		{ { .task_id = "t",
		      .outcome = OUTCOME_COMPLETED,
		      .charged_ucr = 1500000,
		      .balance_ucr = 7,
		      .usage = { 9, 2, false },
		      .finish = "stop",
		      .first_token_ms = 120 },
		    "{\"type\":\"done\",\"data\":{\"task_id\":\"t\",\"assistant_message\":null,\"credits_consumed\":1.5,"
		    "\"balance\":0.000007,\"usage\":{\"input_tokens\":9,\"output_tokens\":2,\"estimated\":false,"
		    "\"finish\":\"stop\",\"first_token_ms\":120}}}" },
		{ { .task_id = "t",
		      .outcome = OUTCOME_FAILED,
		      .why = E_INTERRUPTED,
		      .lang = LANG_EN,
		      .usage = { 0, 0, true } },
		    "{\"type\":\"error\",\"data\":{\"task_id\":\"t\",\"assistant_message\":null,\"credits_consumed\":0.0,"
		    "\"balance\":0.0,\"code\":\"interrupted\",\"usage\":{\"input_tokens\":0,"
		    "\"output_tokens\":0,\"estimated\":true,\"finish\":null,\"first_token_ms\":null}}}" },
		{ { .task_id = "t", .outcome = OUTCOME_FAILED, .why = E_INTERRUPTED, .lang = LANG_ZH },
		    "{\"type\":\"error\",\"data\":{\"task_id\":\"t\",\"assistant_message\":null,\"credits_consumed\":0.0,"
		    "\"balance\":0.0,\"code\":\"interrupted\",\"usage\":{\"input_tokens\":0,"
		    "\"output_tokens\":0,\"estimated\":false,\"finish\":null,\"first_token_ms\":null}}}" },
		{ { .task_id = "t", .outcome = OUTCOME_CANCELLED, .why = E_CANCELLED },
		    "{\"type\":\"cancelled\",\"data\":{\"task_id\":\"t\",\"assistant_message\":null,\"credits_consumed\":0.0,"
		    "\"balance\":0.0,\"usage\":{\"input_tokens\":0,\"output_tokens\":0,\"estimated\":false,\"finish\":null,\"first_token_ms\":null}}}" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct turn_end end = rows[i].end;
		char *event;
		json_t *a, *b;

		end.message = json_null();
		event = turn_end_json(&end);
		CU_ASSERT_PTR_NULL(strchr(event, '\n'));
		a = json_loads(event, 0, NULL);
		b = json_loads(rows[i].event, 0, NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(b);
		if (end.outcome == OUTCOME_FAILED)
			json_object_set_new(
			    json_object_get(b, "data"), "message", json_string(status_text(end.why, end.lang)));
		CU_ASSERT_TRUE(json_equal(a, b));
		json_decref(a);
		json_decref(b);
		free(event);
	}
}

static void
test_message(void)
{
	json_t *message = json_pack("{s:s, s:s}", "content", "a\nb", "status", "llm_error"), *data;
	char *text = turn_end_json(&(struct turn_end){
	    .task_id = "t", .outcome = OUTCOME_FAILED, .why = E_UPSTREAM_FAILED, .message = message });
	json_t *event = json_loads(text, 0, NULL);

	CU_ASSERT_PTR_NULL(strchr(text, '\n')); /* one line of a stream */
	data = json_object_get(json_object_get(event, "data"), "assistant_message");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(data, "content")), "a\nb");
	CU_ASSERT_TRUE(json_is_string(json_object_get(data, "error_display"))); /* in the reader's language */
	json_decref(event);
	free(text);
}

static CU_TestInfo tests[] = {
	{ "names of outcomes, and what is none", test_outcomes },
	{ "done, error, cancelled", test_events },
	{ "with the message", test_message },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "turn_end", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
