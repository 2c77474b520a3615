/*
 * Statuses and error bodies of the OpenAI wire, in the engine's words.
 *
 * Source: platform.openai.com/docs/guides/error-codes; content_filter as in
 * learn.microsoft.com/azure/ai-services/openai/concepts/content-filter.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/openai/openai.h"

#define RETRY_AFTER_MAX_S 86400
#define NAME_MAX_BYTES 60 /* of an error's code in the log */

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

static const struct status_row {
	int first, last; /* HTTP status */
	enum status status;
	bool retryable, next_channel;
} statuses[] = {
	{ 300, 399, E_UPSTREAM_FAILED, false, true }, /* never followed */
	{ 401, 404, E_UPSTREAM_FAILED, false, true }, /* key, balance, region, model */
	{ 408, 408, E_UPSTREAM_TIMEOUT, true, true },
	{ 409, 409, E_UPSTREAM_FAILED, true, true },
	{ 413, 413, E_TOO_LARGE, false, false },
	{ 425, 425, E_UPSTREAM_FAILED, true, true },
	{ 429, 429, E_UPSTREAM_FAILED, true, true },
	{ 400, 499, E_INVALID_REQUEST, false, false },
	{ 504, 504, E_UPSTREAM_TIMEOUT, true, true },
	{ 501, 501, E_UPSTREAM_FAILED, false, true },
	{ 500, 599, E_UPSTREAM_FAILED, true, true },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *
text(const json_t *value)
{
	const char *s = json_string_value(value);

	return s == NULL ? "" : s;
}

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
	said->message = text(json_object_get(error, "message"));
	if (*said->message == '\0')
		said->message = text(json_object_get(error, "error_msg"));
	if (*said->message == '\0')
		said->message = text(json_object_get(error, "status_msg"));
	said->type = text(json_object_get(error, "type"));
	said->code = text(json_object_get(error, "code"));
	if (*said->code == '\0')
		said->code = text(json_object_get(error, "error_code"));
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
	for (size_t i = 0; i < COUNT(statuses); i++) {
		if (http_status < statuses[i].first || http_status > statuses[i].last)
			continue;
		out->status = statuses[i].status;
		out->retryable = statuses[i].retryable;
		out->next_channel = statuses[i].next_channel;
		return;
	}
	/* A status no provider should send: not ours to understand, so try elsewhere. */
	out->status = E_UPSTREAM_FAILED;
	out->next_channel = true;
}

/* Foreign text that goes into the log: no control characters, UTF-8. */
static void
clean(char *detail)
{
	size_t len = strlen(detail);

	detail[len - utf8_tail(detail, len)] = '\0';
	for (char *p = detail; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	if (utf8_valid(detail, strlen(detail)))
		return;
	for (char *p = detail; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
}

/* One line for the log.  The message of an authentication failure repeats a
 * part of the key, so it is left out there. */
static void
describe(int http_status, const struct said *said, struct wire_failure *out)
{
	const char *name = *said->code != '\0' ? said->code : said->type;
	bool is_secret = http_status == 401 || http_status == 403 || strcmp(said->code, "invalid_api_key") == 0;
	const char *message = is_secret ? "" : said->message;
	size_t name_len = strnlen(name, NAME_MAX_BYTES);

	name_len -= utf8_tail(name, name_len);
	snprintf(out->detail, sizeof(out->detail), "HTTP %d%s%.*s%s%s", http_status, name_len > 0 ? " " : "",
	    (int)name_len, name, *message ? ": " : "", message);
	clean(out->detail);
}

void
openai_failure_strange(const char *before, const char *text, size_t len, struct wire_failure *out)
{
	size_t keep = strlen(before);

	*out = (struct wire_failure){ .status = E_UPSTREAM_FAILED, .next_channel = true };
	keep = sizeof(out->detail) - 1 - keep < len ? sizeof(out->detail) - 1 - keep : len;
	snprintf(out->detail, sizeof(out->detail), "%s%.*s", before, (int)keep, text);
	clean(out->detail);
}

/* Seconds, with or without a fraction.  A date would need a clock and is
 * taken as no wish; no provider of this wire sends one. */
static int64_t
parse_retry_after(const char *value)
{
	char *end;
	double s;

	if (value == NULL || *value < '0' || *value > '9')
		return 0;
	s = strtod(value, &end);
	while (*end == ' ')
		end++;
	if (*end != '\0')
		return 0;
	return (int64_t)((s < RETRY_AFTER_MAX_S ? s : RETRY_AFTER_MAX_S) * 1000);
}

void
openai_failure(int http_status, const char *retry_after, const char *body, size_t len, struct wire_failure *out)
{
	json_t *root = json_loadb(body == NULL ? "" : body, body == NULL ? 0 : len, 0, NULL);
	const json_t *object = json_is_array(root) ? json_array_get(root, 0) : root; /* Google's are listed */
	const json_t *error = json_object_get(object, "error");
	struct said said;

	listen(error != NULL ? error : object, &said);
	*out = (struct wire_failure){ .retry_after_ms = parse_retry_after(retry_after) };
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
