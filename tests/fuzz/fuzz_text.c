/*
 * UTF-8 cut anywhere: a valid text stays valid when it is split at
 * utf8_tail(), prefixes count what they say, and percent-decoding never yields
 * anything that is not text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "core/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_cuts(const char *s, size_t len)
{
	for (size_t cut = 0; cut <= len; cut++) {
		size_t tail = utf8_tail(s, cut);

		if (tail > 3 || !utf8_valid(s, cut - tail) || !utf8_valid(s + cut - tail, len - cut + tail))
			abort();
	}
	for (size_t chars = 0; chars <= 8; chars++) {
		size_t keep = utf8_prefix(s, len, chars);

		if (!utf8_valid(s, keep) || utf8_length(s, keep) > chars)
			abort();
	}
}

/* What buf_json() writes, jansson reads back unchanged. */
static void
check_json(const char *s, size_t len)
{
	struct buf b = BUF_INIT(0);
	json_t *j;

	if (memchr(s, 0, len) != NULL)
		return;
	buf_json(&b, s, len);
	j = json_loadb(b.data, b.len, JSON_DECODE_ANY, NULL);
	if (j == NULL || json_string_length(j) != len || memcmp(json_string_value(j), s, len) != 0)
		abort();
	json_decref(j);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(4096, 1 << 20);
	const char *s = (const char *)data;
	char *decoded;

	if (size <= 512 && utf8_valid(s, size)) {
		check_cuts(s, size);
		check_json(s, size);
	}
	decoded = size > 4096 ? NULL : percent_decode(a, s, size, size % 2 == 0);
	if (decoded != NULL && (strlen(decoded) > size || !utf8_valid(decoded, strlen(decoded))))
		abort();
	utf8_tail(s, size);
	arena_free(a);
	return 0;
}
