/*
 * The scanner and jansson must agree on what is JSON and on what a string
 * says, but where they differ by design: depth, numbers that are too large,
 * NUL and half surrogate pairs, UTF-8.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/scan.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

/* Bytes on which the two may differ. */
static bool
is_special(const char *bytes, size_t size)
{
	unsigned opened = 0, digits = 0;

	for (size_t i = 0; i < size; i++) {
		opened += bytes[i] == '[' || bytes[i] == '{';
		digits += bytes[i] >= '0' && bytes[i] <= '9';
	}
	/* jansson takes a NUL behind the value for the end. */
	return memchr(bytes, 0, size) != NULL || opened > SCAN_DEPTH_MAX || digits > 2 || !utf8_valid(bytes, size) ||
	    memmem(bytes, size, "\\ud", 3) != NULL || memmem(bytes, size, "\\uD", 3) != NULL;
}

static void
check_string(const char *bytes, size_t size, const json_t *value)
{
	struct scan_text text;
	struct scan s;
	char *out;

	scan_init(&s, bytes, size);
	check(scan_string(&s, &text) && scan_end(&s));
	out = malloc(text.len + 1);
	check(scan_decode(&text, out) == json_string_length(value));
	check(memcmp(out, json_string_value(value), json_string_length(value)) == 0);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	json_t *value;
	struct scan s;
	bool is_json;

	scan_init(&s, bytes, size);
	scan_skip(&s);
	is_json = scan_end(&s);
	if (is_special(bytes, size))
		return 0;
	value = json_loadb(bytes, size, JSON_DECODE_ANY, NULL);
	/* jansson refuses \u0000 here, the scanner leaves it out. */
	if (memmem(bytes, size, "\\u0000", 6) == NULL)
		check(is_json == (value != NULL));
	if (json_is_string(value))
		check_string(bytes, size, value);
	json_decref(value);
	return 0;
}
