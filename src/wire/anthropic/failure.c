/*
 * Statuses and error bodies of the Anthropic wire, in the engine's words.
 *
 * Source: docs.anthropic.com/en/api/errors and /en/api/rate-limits, read 2026-11.
 */
#include <string.h>

#include "wire/anthropic/anthropic.h"
#include "wire/failure.h"

#define STATUS_INSIDE 500 /* of an error inside an answer that does not say */

/* What the body says of itself; the texts live in the json_t, never NULL. */
struct said {
	const char *message, *type, *code;
};

/* Balances, spending limits, long prompts and filters all come as
 * invalid_request_error or rate_limit_error: only their words tell them apart. */
static const struct phrase_row {
	const char *words;
	enum status status;
	bool next_channel;
} phrases[] = {
	{ "prompt is too long", E_TOO_LARGE, false },
	{ "exceed context limit", E_TOO_LARGE, false },
	{ "credit balance is too low", E_UPSTREAM_FAILED, true },
	{ "usage limits", E_UPSTREAM_FAILED, true },
	{ "spend limit", E_UPSTREAM_FAILED, true },
	{ "spend_limit", E_UPSTREAM_FAILED, true },
	{ "content filtering policy", E_CONTENT_VIOLATION, false },
};

/* The status each type of error comes with, for those inside an answer. */
static const struct type_row {
	const char *type;
	int http_status;
} types[] = {
	{ "invalid_request_error", 400 },
	{ "authentication_error", 401 },
	{ "billing_error", 402 },
	{ "permission_error", 403 },
	{ "not_found_error", 404 },
	{ "request_too_large", 413 },
	{ "rate_limit_error", 429 },
	{ "timeout_error", 504 },
	{ "overloaded_error", 529 },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
listen(const json_t *error, struct said *said)
{
	*said = (struct said){ "", "", "" };
	if (json_is_string(error)) { /* gateways say {"error":"text"} */
		said->message = json_string_value(error);
		return;
	}
	said->message = failure_text(json_object_get(error, "message"));
	said->type = failure_text(json_object_get(error, "type"));
	said->code = failure_text(json_object_get(json_object_get(error, "details"), "error_code"));
}

static bool
classify_by_words(const struct said *said, struct wire_failure *out)
{
	for (size_t i = 0; i < COUNT(phrases); i++) {
		if (strstr(said->message, phrases[i].words) == NULL && strstr(said->code, phrases[i].words) == NULL)
			continue;
		out->status = phrases[i].status;
		out->next_channel = phrases[i].next_channel;
		return true;
	}
	return false;
}

static void
classify(int http_status, const struct said *said, struct wire_failure *out)
{
	/* What a 5xx says is about itself. */
	if (http_status < 500 && classify_by_words(said, out))
		return;
	failure_by_http(http_status, out);
}

void
anthropic_failure(int http_status, const char *retry_after, const char *body, size_t len, struct wire_failure *out)
{
	json_t *root = json_loadb(body == NULL ? "" : body, body == NULL ? 0 : len, 0, NULL);
	const json_t *error = json_object_get(root, "error");
	struct said said;

	listen(error != NULL ? error : root, &said);
	*out = (struct wire_failure){ .retry_after_ms = failure_wait_ms(retry_after, "") };
	classify(http_status, &said, out);
	failure_describe(http_status, said.type, said.message, out);
	json_decref(root);
}

static int
status_inside(const char *type)
{
	for (size_t i = 0; i < COUNT(types); i++)
		if (strcmp(types[i].type, type) == 0)
			return types[i].http_status;
	return STATUS_INSIDE;
}

void
anthropic_failure_inside(const json_t *error, struct wire_failure *out)
{
	struct said said;
	int status;

	listen(error, &said);
	status = status_inside(said.type);
	*out = (struct wire_failure){ .retry_after_ms = 0 };
	classify(status, &said, out);
	failure_describe(status, said.type, said.message, out);
}
