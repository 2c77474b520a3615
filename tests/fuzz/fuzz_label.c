/*
 * A picture that anybody may have made is marked. The first byte says its type. What comes out has the mark, and can be marked again,
 * with all of it in it; nothing is read past the end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lens/label.h"

#define OUT_BYTES (8u << 20)
#define MARK "{&quot;Label&quot;:&quot;1&quot;}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
marks(const struct buf *b)
{
	size_t n = 0;
	const char *at = b->data, *end = at + b->len;

	while ((at = memmem(at, (size_t)(end - at), MARK, strlen(MARK))) != NULL) {
		at += strlen(MARK);
		n++;
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { "image/png", "image/jpeg", "image/webp" };
	const char *type = size == 0 ? NULL : types[data[0] % 3];
	struct buf once = BUF_INIT(OUT_BYTES), twice = BUF_INIT(OUT_BYTES);
	unsigned char *file;

	if (size < 2)
		return 0;
	file = malloc(size - 1);
	if (file == NULL)
		abort();
	memcpy(file, data + 1, size - 1);
	if (label_picture(type, file, size - 1, "{\"Label\":\"1\"}", &once)) {
		if (marks(&once) == 0)
			abort();
		if (!label_picture(type, once.data, once.len, "{\"Label\":\"1\"}", &twice) || marks(&twice) == 0)
			abort();
	}
	buf_free(&once);
	buf_free(&twice);
	free(file);
	return 0;
}
