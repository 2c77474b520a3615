/*
 * JSON bodies of strangers against a table with every type: whatever is
 * accepted must be within what the table promises the handler.
 */
#include <curl/curl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fields.h"
#include "base/ids.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct field table[] = {
	{ "text", F_TEXT, 0, 1, 20 },
	{ "prose", F_PROSE, 0, 1, 20 },
	{ "line", F_LINE, F_NULLABLE, 1, 10 },
	{ "int", F_INT, 0, -5, 5 },
	{ "bool", F_BOOL },
	{ "credits", F_CREDITS, 0, 0, 5000000 },
	{ "number", F_NUMBER, 0, 0, 2 },
	{ "uuid", F_UUID },
	{ "url", F_URL, 0, 0, 100 },
	{ "email", F_EMAIL },
	{ "phone", F_PHONE },
	{ "choice", F_CHOICE, 0, .choices = "one two" },
	{ "object", F_OBJECT },
	{ "array", F_ARRAY, 0, 0, 3 },
	{ "texts", F_TEXTS, 0, 0, 3 },
	{ NULL },
};

static void
check(bool ok)
{
	if (!ok)
		abort();
}

/* Our rule is the stricter one: libcurl must read the same scheme and a host. */
static void
check_url(const char *url)
{
	CURLU *parts = curl_url();
	char *scheme = NULL, *host = NULL, *user = NULL;

	check(parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK);
	check(curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && strncmp(scheme, "http", 4) == 0);
	check(curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK && *host != '\0');
	check(curl_url_get(parts, CURLUPART_USER, &user, 0) != CURLUE_OK);
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(parts);
}

static void
check_accepted(const json_t *in)
{
	const char *text = field_text(in, "text"), *line = field_text(in, "line"), *url = field_text(in, "url");
	const char *prose = field_text(in, "prose"), *email = field_text(in, "email"), *uuid = field_text(in, "uuid");
	char id[UUID_LEN];

	check(text == NULL || (utf8_length(text, strlen(text)) >= 1 && utf8_length(text, strlen(text)) <= 20));
	check(prose == NULL || (strlen(prose) > 0 && strpbrk(prose, "\x01\x08\f\x1b\x7f") == NULL));
	check(line == NULL || strpbrk(line, "\r\n") == NULL);
	check(field_int(in, "int", 0) >= -5 && field_int(in, "int", 0) <= 5);
	check(field_ucr(in, "credits", 0) >= 0 && field_ucr(in, "credits", 0) <= 5000000);
	check(uuid == NULL || uuid_parse(uuid, id));
	check(email == NULL || strpbrk(email, "\r\n <>") == NULL);
	if (url != NULL)
		check_url(url);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(8192, 64 << 20);
	json_t *in = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
	struct field_problem problem = { 0 };

	if (json_is_object(in)) {
		if (fields_check(a, table, in, &problem))
			check_accepted(in);
		else
			check(problem.field != NULL && problem.message != NULL);
	}
	json_decref(in);
	/* and the bare text as an address */
	if (field_is_url(arena_strndup(a, (const char *)data, size), 2048))
		check_url(arena_strndup(a, (const char *)data, size));
	arena_free(a);
	return 0;
}
