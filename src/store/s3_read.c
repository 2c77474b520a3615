/* What an object store answers: lists and errors. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/s3.h"

bool
s3_read_text(const char *bytes, size_t len, const char *element, char *out, size_t size)
{
	struct xml x;
	bool found = false;

	*out = '\0';
	if (bytes == NULL)
		return false;
	xml_init(&x, bytes, len);
	while (xml_next(&x))
		if (!found && x.what == XML_TEXT && xml_is(&x, 0, element))
			found = xml_decode(&x, out, size);
	return found && xml_end(&x);
}

static bool
is_item(const struct xml *x, unsigned up)
{
	return xml_is(x, up, "Contents") || xml_is(x, up, "Upload");
}

static void
read_time(const struct xml *x, int64_t *ms)
{
	char text[64];

	if (xml_decode(x, text, sizeof(text)))
		(void)clock_parse_rfc3339(text, ms);
}

static void
read_number(const struct xml *x, int64_t *n)
{
	char text[24];

	if (xml_decode(x, text, sizeof(text)))
		*n = strtoll(text, NULL, 10);
}

/* One that is not below the prefix, or too long, has no name and is left out. */
static void
read_key(const struct xml *x, const char *prefix, char name[S3_KEY_BYTES])
{
	size_t n = strlen(prefix);

	if (!xml_decode(x, name, S3_KEY_BYTES) || strncmp(name, prefix, n) != 0)
		*name = '\0';
	else
		memmove(name, name + n, strlen(name) - n + 1);
}

/* A text of an item. */
static void
read_item(const struct xml *x, const char *prefix, struct s3_item *item)
{
	if (xml_is(x, 0, "Key")) {
		read_key(x, prefix, item->name);
	} else if (xml_is(x, 0, "UploadId")) {
		if (!xml_decode(x, item->upload_id, sizeof(item->upload_id)))
			item->upload_id[0] = '\0';
	} else if (xml_is(x, 0, "Size")) {
		read_number(x, &item->size_bytes);
	} else if (xml_is(x, 0, "LastModified") || xml_is(x, 0, "Initiated")) {
		read_time(x, &item->changed_ms);
	}
}

/* A text of the list. */
static bool
read_list(const struct xml *x, struct s3_page *out)
{
	char word[8] = "";

	if (xml_is(x, 0, "IsTruncated")) {
		(void)xml_decode(x, word, sizeof(word));
		out->more = strcmp(word, "true") == 0;
	} else if (xml_is(x, 0, "NextContinuationToken") || xml_is(x, 0, "NextUploadIdMarker")) {
		return xml_decode(x, out->token, sizeof(out->token));
	} else if (xml_is(x, 0, "NextKeyMarker")) {
		return xml_decode(x, out->key_marker, sizeof(out->key_marker));
	}
	return true;
}

static bool
take(const struct xml *x, const char *prefix, struct s3_page *out)
{
	if (x->what == XML_OPEN && x->depth == 2 && is_item(x, 0)) {
		if (out->n == S3_LIST_MAX)
			return false;
		memset(&out->items[out->n++], 0, sizeof(*out->items));
	} else if (x->what == XML_CLOSE && x->depth == 2 && is_item(x, 0)) {
		if (out->items[out->n - 1].name[0] == '\0')
			out->n--;
	} else if (x->what == XML_TEXT && x->depth == 3 && is_item(x, 1)) {
		read_item(x, prefix, &out->items[out->n - 1]);
	} else if (x->what == XML_TEXT && x->depth == 2) {
		return read_list(x, out);
	}
	return true;
}

bool
s3_read_page(const char *bytes, size_t len, const char *prefix, struct s3_page *out)
{
	struct xml x;
	bool ok = bytes != NULL, is_list = false;

	out->n = 0;
	out->more = false;
	out->token[0] = out->key_marker[0] = '\0';
	if (out->items == NULL)
		out->items = xcalloc(S3_LIST_MAX, sizeof(*out->items));
	xml_init(&x, bytes, len);
	while (ok && xml_next(&x)) {
		if (x.what == XML_OPEN && x.depth == 1)
			is_list = xml_is(&x, 0, "ListBucketResult") || xml_is(&x, 0, "ListMultipartUploadsResult");
		ok = is_list && take(&x, prefix, out);
	}
	return ok && xml_end(&x) && !(out->more && *out->token == '\0' && *out->key_marker == '\0');
}
