/*
 * Statuses and error bodies of the Anthropic wire, in the engine's words.
 *
 * Source: docs.anthropic.com/en/api/errors and /en/api/rate-limits, read 2026-11.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/anthropic/anthropic.h"

#define RETRY_AFTER_MAX_S 86400
#define NAME_MAX_BYTES 60 /* of an error's type in the log */
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

static const struct status_row {
	int first, last; /* HTTP status */
	enum status status;
	bool retryable, next_channel;
} statuses[] = {
	{ 300, 399, E_UPSTREAM_FAILED, false, true }, /* never followed */
	{ 401, 404, E_UPSTREAM_FAILED, false, true }, /* key, balance, right, model */
	{ 408, 408, E_UPSTREAM_TIMEOUT, true, true }, { 409, 409, E_UPSTREAM_FAILED, true, true },
	{ 413, 413, E_TOO_LARGE, false, false }, { 425, 425, E_UPSTREAM_FAILED, true, true },
	{ 429, 429, E_UPSTREAM_FAILED, true, true }, { 400, 499, E_INVALID_REQUEST, false, false },
	{ 501, 501, E_UPSTREAM_FAILED, false, true }, { 504, 504, E_UPSTREAM_TIMEOUT, true, true },
	{ 500, 599, E_UPSTREAM_FAILED, true, true }, /* 529: overloaded */
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

static const char *
text(const json_t *value)
{
	const char *s = json_string_value(value);

	return s == NULL ? "" : s;
}

static void
listen(const json_t *error, struct said *said)
{
	*said = (struct said){ "", "", "" };
	if (json_is_string(error)) { /* gateways say {"error":"text"} */
		said->message = json_string_value(error);
		return;
	}
	said->message = text(json_object_get(error, "message"));
	said->type = text(json_object_get(error, "type"));
	said->code = text(json_object_get(json_object_get(error, "details"), "error_code"));
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

/* One line for the log.  The message of an authentication failure may repeat a
 * part of the key, so it is left out there. */
static void
describe(int http_status, const struct said *said, struct wire_failure *out)
{
	bool is_secret = http_status == 401 || http_status == 403;
	const char *message = is_secret ? "" : said->message;
	size_t name_len = strnlen(said->type, NAME_MAX_BYTES);

	name_len -= utf8_tail(said->type, name_len);
	snprintf(out->detail, sizeof(out->detail), "HTTP %d%s%.*s%s%s", http_status, name_len > 0 ? " " : "",
	    (int)name_len, said->type, *message ? ": " : "", message);
	clean(out->detail);
}

void
anthropic_failure_strange(const char *before, const char *text, size_t len, struct wire_failure *out)
{
	size_t keep = strlen(before);

	*out = (struct wire_failure){ .status = E_UPSTREAM_FAILED, .next_channel = true };
	keep = sizeof(out->detail) - 1 - keep < len ? sizeof(out->detail) - 1 - keep : len;
	snprintf(out->detail, sizeof(out->detail), "%s%.*s", before, (int)keep, text);
	clean(out->detail);
}

/* Seconds, with or without a fraction.  A date would need a clock and is taken as
 * no wish; this wire's providers send none. */
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
anthropic_failure(int http_status, const char *retry_after, const char *body, size_t len, struct wire_failure *out)
{
	json_t *root = json_loadb(body == NULL ? "" : body, body == NULL ? 0 : len, 0, NULL);
	const json_t *error = json_object_get(root, "error");
	struct said said;

	listen(error != NULL ? error : root, &said);
	*out = (struct wire_failure){ .retry_after_ms = parse_retry_after(retry_after) };
	classify(http_status, &said, out);
	describe(http_status, &said, out);
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
	describe(status, &said, out);
}
