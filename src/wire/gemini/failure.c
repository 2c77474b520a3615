/*
 * Statuses and error bodies of the Gemini wire, in the engine's words.
 *
 * Source: ai.google.dev/gemini-api/docs/troubleshooting; the shape of errors and
 * their details is that of google.aip.dev/193.
 */
#include <string.h>

#include "wire/gemini/gemini.h"
#include "wire/failure.h"

#define DETAILS_MAX 16
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What the body says of itself; the texts live in the json_t, never NULL. */
struct said {
	const char *message, *status, *reason;
	int64_t retry_after_ms;
};

/* How to treat an error that names itself, whatever its HTTP status.  Looked up
 * by the reason in its details, then by its status. */
static const struct word_row {
	const char *word;
	enum status status;
	bool retryable, next_channel;
	int http; /* what goes with it; 0: it is a reason, not a status */
} words[] = {
	{ "API_KEY_INVALID", E_UPSTREAM_FAILED, false, true, 0 },
	{ "API_KEY_SERVICE_BLOCKED", E_UPSTREAM_FAILED, false, true, 0 },
	{ "BILLING_DISABLED", E_UPSTREAM_FAILED, false, true, 0 },
	{ "CONSUMER_SUSPENDED", E_UPSTREAM_FAILED, false, true, 0 },
	{ "SERVICE_DISABLED", E_UPSTREAM_FAILED, false, true, 0 },

	{ "ABORTED", E_UPSTREAM_FAILED, true, true, 409 },
	{ "ALREADY_EXISTS", E_UPSTREAM_FAILED, true, true, 409 },
	{ "CANCELLED", E_UPSTREAM_FAILED, true, true, 499 },
	{ "DATA_LOSS", E_UPSTREAM_FAILED, true, true, 500 },
	{ "DEADLINE_EXCEEDED", E_UPSTREAM_TIMEOUT, true, true, 504 },
	{ "FAILED_PRECONDITION", E_UPSTREAM_FAILED, false, true, 400 }, /* billing, or the region */
	{ "INTERNAL", E_UPSTREAM_FAILED, true, true, 500 },
	{ "INVALID_ARGUMENT", E_INVALID_REQUEST, false, false, 400 },
	{ "NOT_FOUND", E_UPSTREAM_FAILED, false, true, 404 },
	{ "OUT_OF_RANGE", E_INVALID_REQUEST, false, false, 400 },
	{ "PERMISSION_DENIED", E_UPSTREAM_FAILED, false, true, 403 },
	{ "RESOURCE_EXHAUSTED", E_UPSTREAM_FAILED, true, true, 429 },
	{ "UNAUTHENTICATED", E_UPSTREAM_FAILED, false, true, 401 },
	{ "UNAVAILABLE", E_UPSTREAM_FAILED, true, true, 503 },
	{ "UNIMPLEMENTED", E_UPSTREAM_FAILED, false, true, 501 },
	{ "UNKNOWN", E_UPSTREAM_FAILED, true, true, 500 },
};

/* INVALID_ARGUMENT is also said of what another channel, or a shorter question,
 * would help; only the words tell. */
static const struct phrase_row {
	const char *phrase;
	enum status status;
	bool next_channel;
} phrases[] = {
	{ "API key not valid", E_UPSTREAM_FAILED, true },
	{ "API key expired", E_UPSTREAM_FAILED, true },
	{ "exceeds the maximum number of tokens", E_TOO_LARGE, false },
	{ "payload size exceeds", E_TOO_LARGE, false },
};

/* The details are objects that name their type; two of them matter. */
static void
listen_to_details(const json_t *details, struct said *said)
{
	for (size_t i = 0; i < json_array_size(details) && i < DETAILS_MAX; i++) {
		const json_t *detail = json_array_get(details, i);
		const char *reason = failure_text(json_object_get(detail, "reason"));
		const char *delay = json_string_value(json_object_get(detail, "retryDelay"));

		if (*reason != '\0')
			said->reason = reason;
		if (delay != NULL)
			said->retry_after_ms = failure_wait_ms(delay, "s");
	}
}

static void
listen(const json_t *error, struct said *said)
{
	*said = (struct said){ "", "", "", 0 };
	if (json_is_string(error)) { /* some gateway's */
		said->message = json_string_value(error);
		return;
	}
	said->message = failure_text(json_object_get(error, "message"));
	said->status = failure_text(json_object_get(error, "status"));
	listen_to_details(json_object_get(error, "details"), said);
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
	const struct word_row *word = find_word(said->reason);

	if (word == NULL)
		word = find_word(said->status);
	if (word == NULL) {
		failure_by_http(http_status, out);
	} else {
		out->status = word->status;
		out->retryable = word->retryable;
		out->next_channel = word->next_channel;
	}
	for (size_t i = 0; i < COUNT(phrases) && out->status == E_INVALID_REQUEST; i++) {
		if (strstr(said->message, phrases[i].phrase) == NULL)
			continue;
		out->status = phrases[i].status;
		out->next_channel = phrases[i].next_channel;
	}
}

/* What is wrong with a key is said with the key in it ("Consumer 'api_key:…' has been
 * suspended"). */
static void
describe(int http_status, const struct said *said, struct wire_failure *out)
{
	bool is_secret = strstr(said->message, "api_key:") != NULL;

	failure_describe(
	    http_status, *said->reason != '\0' ? said->reason : said->status, is_secret ? "" : said->message, out);
}

void
gemini_failure(int http_status, const char *retry_after, const char *body, size_t len, struct wire_failure *out)
{
	json_t *root = json_loadb(body == NULL ? "" : body, body == NULL ? 0 : len, 0, NULL);
	const json_t *object = json_is_array(root) ? json_array_get(root, 0) : root; /* of a stream without alt=sse */
	const json_t *error = json_object_get(object, "error");
	struct said said;

	listen(error != NULL ? error : object, &said);
	*out = (struct wire_failure){ .retry_after_ms = said.retry_after_ms };
	if (out->retry_after_ms == 0)
		out->retry_after_ms = failure_wait_ms(retry_after, "");
	classify(http_status, &said, out);
	describe(http_status, &said, out);
	json_decref(root);
}

/* The status an error inside an answer stands for. */
static int
status_inside(const json_t *error, const char *status)
{
	json_int_t code = json_integer_value(json_object_get(error, "code"));
	const struct word_row *word = find_word(status);

	if (code >= 400 && code <= 599)
		return (int)code;
	return word != NULL && word->http != 0 ? word->http : 500;
}

void
gemini_failure_inside(const json_t *error, struct wire_failure *out)
{
	struct said said;
	int http_status;

	listen(error, &said);
	http_status = status_inside(error, said.status);
	*out = (struct wire_failure){ .retry_after_ms = said.retry_after_ms };
	classify(http_status, &said, out);
	describe(http_status, &said, out);
}
