/*
 * Statuses and error bodies of the OpenAI wire, in the engine's words.
 *
 * Source: platform.openai.com/docs/guides/error-codes; content_filter as in
 * learn.microsoft.com/azure/ai-services/openai/concepts/content-filter.
 */
#include <stdio.h>
#include <string.h>

#include "wire/failure.h"
#include "wire/openai/openai.h"

/* What the body says of itself; the texts live in the json_t, never NULL, but that
 * number is the code when the provider numbers its errors. */
struct said {
	const char *message, *type, *code;
	char number[24];
};

/* How to treat an error that names itself, whatever its HTTP status.  Looked
 * up in `code`, then in `type`. */
static const struct word_row {
	const char *word;
	enum status status;
	bool retryable, next_channel;
} words[] = {
	{ "1301", E_CONTENT_VIOLATION, false, false }, /* Zhipu */
	{ "DataInspectionFailed", E_CONTENT_VIOLATION, false, false },
	{ "billing_hard_limit_reached", E_UPSTREAM_FAILED, false, true },
	{ "billing_not_active", E_UPSTREAM_FAILED, false, true },
	{ "content_filter", E_CONTENT_VIOLATION, false, false },
	{ "content_policy_violation", E_CONTENT_VIOLATION, false, false },
	{ "context_length_exceeded", E_TOO_LARGE, false, false },
	{ "credit_balance_exhausted", E_UPSTREAM_FAILED, false, true },
	{ "data_inspection_failed", E_CONTENT_VIOLATION, false, false },
	{ "insufficient_quota", E_UPSTREAM_FAILED, false, true },
	{ "invalid_api_key", E_UPSTREAM_FAILED, false, true },
	{ "model_not_found", E_UPSTREAM_FAILED, false, true },
	{ "moderation_blocked", E_CONTENT_VIOLATION, false, false },
	{ "organization_spend_limit_exceeded", E_UPSTREAM_FAILED, false, true },
	{ "rate_limit_exceeded", E_UPSTREAM_FAILED, true, true },
	{ "safety", E_CONTENT_VIOLATION, false, false },
	{ "sensitive", E_CONTENT_VIOLATION, false, false },
	{ "string_above_max_length", E_TOO_LARGE, false, false },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
listen(const json_t *error, struct said *said)
{
	static const char *const codes[] = { "error_code", "code", "status_code" };

	*said = (struct said){ "", "", "", "" };
	/* Some gateways say {"error":"text"} or put the message on the top level. */
	if (json_is_string(error)) {
		said->message = json_string_value(error);
		return;
	}
	said->message = failure_text(json_object_get(error, "message"));
	if (*said->message == '\0')
		said->message = failure_text(json_object_get(error, "error_msg"));
	if (*said->message == '\0')
		said->message = failure_text(json_object_get(error, "status_msg"));
	said->type = failure_text(json_object_get(error, "type"));
	said->code = failure_text(json_object_get(error, "code"));
	if (*said->code == '\0')
		said->code = failure_text(json_object_get(error, "error_code"));
	for (size_t i = 0; i < COUNT(codes) && *said->code == '\0' && *said->type == '\0'; i++) {
		json_int_t n = json_integer_value(json_object_get(error, codes[i]));

		if (n != 0 && (n < 400 || n > 599)) { /* those are statuses */
			snprintf(said->number, sizeof(said->number), "%lld", (long long)n);
			said->code = said->number;
		}
	}
}

static const struct word_row *
find_word(const char *word)
{
	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return &words[i];
	return NULL;
}

static void
classify(int http_status, const struct said *said, struct wire_failure *out)
{
	const struct word_row *word = find_word(said->code);

	if (word == NULL)
		word = find_word(said->type);
	if (word != NULL) {
		out->status = word->status;
		out->retryable = word->retryable;
		out->next_channel = word->next_channel;
		return;
	}
	failure_by_http(http_status, out);
}

/* The message of an authentication failure repeats a part of the key. */
static void
describe(int http_status, const struct said *said, struct wire_failure *out)
{
	bool is_secret = strcmp(said->code, "invalid_api_key") == 0;

	failure_describe(
	    http_status, *said->code != '\0' ? said->code : said->type, is_secret ? "" : said->message, out);
}

void
openai_failure(int http_status, const char *retry_after, const char *body, size_t len, struct wire_failure *out)
{
	json_t *root = json_loadb(body == NULL ? "" : body, body == NULL ? 0 : len, 0, NULL);
	const json_t *object = json_is_array(root) ? json_array_get(root, 0) : root; /* Google's are listed */
	const json_t *error = json_object_get(object, "error");
	struct said said;

	listen(error != NULL ? error : object, &said);
	*out = (struct wire_failure){ .retry_after_ms = failure_wait_ms(retry_after, "") };
	classify(http_status, &said, out);
	describe(http_status, &said, out);
	json_decref(root);
}

/* The status an error inside a stream stands for. */
static int
status_inside(const json_t *error, const char *type)
{
	json_int_t code = json_integer_value(json_object_get(error, "code")); /* OpenRouter: the status */

	if (code >= 400 && code <= 599)
		return (int)code;
	if (strcmp(type, "invalid_request_error") == 0)
		return 400;
	if (strcmp(type, "requests") == 0 || strcmp(type, "tokens") == 0 || strcmp(type, "rate_limit_error") == 0)
		return 429;
	return 500;
}

void
openai_failure_inside(const json_t *error, struct wire_failure *out)
{
	struct said said;
	int status;

	listen(error, &said);
	status = status_inside(error, said.type);
	*out = (struct wire_failure){ .retry_after_ms = 0 };
	classify(status, &said, out);
	describe(status, &said, out);
}
