/*
 * A stranger's document has any bytes: each reader ends, stays inside them, and what it
 * makes of them is canonical text within its bound.  PDF is poppler's to fuzz.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/utf8.h"
#include "parse/doc.h"

#define TEXT_MAX_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(const char *text, size_t len)
{
	if (len > 3 * TEXT_MAX_BYTES || strlen(text) != len || !utf8_valid(text, len)) /* NFC may make it longer */
		abort();
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 && text[i] != '\n' && text[i] != '\f')
			abort();
}

static bool
read_as(int fd, size_t size, const char *hint)
{
	struct doc d = { .fd = fd, .size_bytes = size, .hint = hint, .is_zh = size & 1, .pages_max = 100 };
	bool is_plain;
	char *text;
	size_t len;
	enum code code;

	text_init(&d.text, TEXT_MAX_BYTES);
	code = doc_read(&d);
	is_plain = d.kind != NULL && strcmp(d.kind, "txt") == 0;
	if (code != CODE_OK && doc_code_name(code) == NULL)
		abort();
	if (code == CODE_OK && (text = text_take(&d.text, &len)) != NULL) {
		check_text(text, len);
		free(text);
	}
	if (d.title != NULL)
		check_text(d.title, strlen(d.title));
	doc_free(&d);
	return is_plain;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const hints[] = { "md", "csv", "html" };
	int fd;

	if (memmem(data, size, "%PDF-", 5) != NULL)
		return 0;
	fd = memfd_create("document", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	if (read_as(fd, size, ""))
		for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
			read_as(fd, size, hints[i]);
	close(fd);
	return 0;
}
