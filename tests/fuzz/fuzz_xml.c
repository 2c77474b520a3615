/*
 * An object store answers with any bytes: the reader ends, stays inside them, and what it
 * takes is text that ends and a list that goes on only when there is a way to ask.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/s3.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_page(const struct s3_page *page)
{
	for (size_t i = 0; i < page->n; i++)
		if (page->items[i].name[0] == '\0' || strlen(page->items[i].name) >= S3_KEY_BYTES ||
		    strlen(page->items[i].upload_id) >= S3_KEY_BYTES)
			abort();
	if (page->n > S3_LIST_MAX || (page->more && *page->token == '\0' && *page->key_marker == '\0'))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = malloc(size + 1), text[16];
	struct s3_page page = { 0 };

	if (bytes == NULL)
		return 0;
	memcpy(bytes, data, size); /* of exactly its size, for the sanitizer */
	if (s3_read_page(bytes, size, "p/", &page))
		check_page(&page);
	if (s3_read_text(bytes, size, "Code", text, sizeof(text)) && strlen(text) >= sizeof(text))
		abort();
	free(page.items);
	free(bytes);
	return 0;
}
