#include "wire/failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define WAIT_MAX_S 86400
#define NAME_MAX_BYTES 60 /* of what a failure is called, in the log */

/* The first row that fits. */
static const struct status_row {
	int first, last; /* HTTP status */
	enum status status;
	bool retryable, next_channel;
} statuses[] = {
	{ 300, 399, E_UPSTREAM_FAILED, false, true }, /* never followed */
	{ 401, 404, E_UPSTREAM_FAILED, false, true }, /* key, balance, right or region, model */
	{ 408, 408, E_UPSTREAM_TIMEOUT, true, true }, { 409, 409, E_UPSTREAM_FAILED, true, true },
	{ 413, 413, E_TOO_LARGE, false, false }, { 425, 425, E_UPSTREAM_FAILED, true, true },
	{ 429, 429, E_UPSTREAM_FAILED, true, true },
	{ 499, 499, E_UPSTREAM_FAILED, true, true }, /* somebody between us gave up */
	{ 400, 499, E_INVALID_REQUEST, false, false }, { 501, 501, E_UPSTREAM_FAILED, false, true },
	{ 504, 504, E_UPSTREAM_TIMEOUT, true, true },
	{ 500, 599, E_UPSTREAM_FAILED, true, true }, /* also 529, overloaded */
};

void
failure_by_http(int http_status, struct wire_failure *out)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
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

void
failure_describe(int http_status, const char *name, const char *message, struct wire_failure *out)
{
	size_t name_len = strnlen(name, NAME_MAX_BYTES);

	if (http_status == 401 || http_status == 403)
		message = "";
	name_len -= utf8_tail(name, name_len);
	snprintf(out->detail, sizeof(out->detail), "HTTP %d%s%.*s%s%s", http_status, name_len > 0 ? " " : "",
	    (int)name_len, name, *message ? ": " : "", message);
	clean(out->detail);
}

void
failure_strange(const char *before, const char *text, size_t len, struct wire_failure *out)
{
	size_t room = sizeof(out->detail) - 1 - strlen(before);

	*out = (struct wire_failure){ .status = E_UPSTREAM_FAILED, .next_channel = true };
	snprintf(out->detail, sizeof(out->detail), "%s%.*s", before, (int)(room < len ? room : len), text);
	clean(out->detail);
}

int64_t
failure_wait_ms(const char *value, const char *unit)
{
	char *end;
	double s;

	if (value == NULL || *value < '0' || *value > '9')
		return 0;
	s = strtod(value, &end);
	while (*end == ' ')
		end++;
	if (strcmp(end, unit) != 0)
		return 0;
	return (int64_t)((s < WAIT_MAX_S ? s : WAIT_MAX_S) * 1000);
}

json_t *
failure_read(const char *text, size_t len)
{
	json_t *root = json_loadb(text, len, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);

	return root != NULL ? root : json_stringn(text, len);
}

const char *
failure_text(const json_t *value)
{
	const char *s = json_string_value(value);

	return s == NULL ? "" : s;
}
