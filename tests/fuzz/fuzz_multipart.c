/*
 * A form may be anything: the input's first line is its Content-Type, the rest its body.  Parts lie
 * within the body, and what is written of them anew is read as the same parts.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/multipart.h"

#define MARK "0123456789abcdef-fuzz"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

/* The parts of a form, written behind our own mark; how many they are. */
static size_t
rewrite(const char *type, const char *body, size_t len, struct buf *out, bool *is_whole)
{
	struct multipart_part part;
	struct multipart m;
	size_t n = 0;

	*is_whole = false;
	if (!multipart_init(&m, type, body, len))
		return 0;
	while (multipart_next(&m, &part)) {
		check(part.data >= body && part.len <= len && part.data + part.len <= body + len);
		check(memchr(part.name, '\0', sizeof(part.name)) != NULL);
		multipart_put(out, MARK, &part);
		n++;
	}
	multipart_put_end(out, MARK);
	*is_whole = m.is_whole;
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = BUF_INIT(0), twice = BUF_INIT(0);
	const char *bytes = (const char *)data, *line = size == 0 ? NULL : memchr(bytes, '\n', size);
	bool is_whole, is_whole_again;
	char type[256];
	size_t n;

	if (line == NULL || (size_t)(line - bytes) >= sizeof(type) || memmem(bytes, size, MARK, strlen(MARK)) != NULL)
		return 0;
	memcpy(type, bytes, (size_t)(line - bytes));
	type[line - bytes] = '\0';
	n = rewrite(type, line + 1, size - (size_t)(line + 1 - bytes), &once, &is_whole);
	if (n > 0) {
		check(
		    rewrite("multipart/form-data; boundary=" MARK, once.data, once.len, &twice, &is_whole_again) == n);
		check(is_whole_again && twice.len == once.len && memcmp(twice.data, once.data, once.len) == 0);
	}
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
