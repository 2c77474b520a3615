#include "parse/zipbox.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "base/memory.h"

#define PIECE_BYTES 65536u

struct zipbox {
	struct doc *doc;
	zip_t *zip;
	size_t total_bytes; /* that came out so far */
	enum code code;
};

static enum code
code_of(int zip_error)
{
	switch (zip_error) {
	case ZIP_ER_WRONGPASSWD:
	case ZIP_ER_NOPASSWD:
	case ZIP_ER_ENCRNOTSUPP: return CODE_ENCRYPTED;
	default: return CODE_DAMAGED;
	}
}

struct zipbox *
zipbox_open(struct doc *d, enum code *code)
{
	struct zipbox *z;
	int fd, error = 0;
	zip_int64_t n;
	zip_t *zip;

	*code = CODE_OK;
	fd = lseek(d->fd, 0, SEEK_SET) == 0 ? dup(d->fd) : -1;
	zip = fd < 0 ? NULL : zip_fdopen(fd, 0, &error);
	if (zip == NULL) {
		if (fd >= 0)
			close(fd);
		*code = doc_fail(d, code_of(error), "the archive cannot be opened (%d)", error);
		return NULL;
	}
	n = zip_get_num_entries(zip, 0);
	if (n > ZIP_ENTRIES_MAX) {
		*code = doc_fail(d, CODE_TOO_LARGE, "%lld entries", (long long)n);
		zip_discard(zip);
		return NULL;
	}
	z = xcalloc(1, sizeof(*z));
	z->doc = d;
	z->zip = zip;
	return z;
}

void
zipbox_free(struct zipbox *z)
{
	if (z == NULL)
		return;
	zip_discard(z->zip);
	free(z);
}

enum code
zipbox_code(const struct zipbox *z)
{
	return z->code;
}

/* Where an entry is; some writers are loose about capitals. */
static zip_int64_t
locate(struct zipbox *z, const char *name)
{
	zip_int64_t at = zip_name_locate(z->zip, name, 0);

	return at >= 0 ? at : zip_name_locate(z->zip, name, ZIP_FL_NOCASE);
}

bool
zipbox_has(struct zipbox *z, const char *name)
{
	return locate(z, name) >= 0;
}

/* The bytes of an open entry, as many as there may be.  `packed_bytes`: what they take in the archive. */
static bool
inflate_all(struct zipbox *z, zip_file_t *f, const char *name, size_t packed_bytes, struct buf *out)
{
	size_t ratio_bytes = packed_bytes * ZIP_RATIO_MAX;
	zip_int64_t n;
	char *to;

	while ((to = buf_reserve(out, PIECE_BYTES)) != NULL && (n = zip_fread(f, to, PIECE_BYTES)) > 0) {
		buf_commit(out, (size_t)n);
		z->total_bytes += (size_t)n;
		if (z->total_bytes > ZIP_TOTAL_MAX_BYTES)
			break;
		if (out->len > ZIP_RATIO_FROM_BYTES && out->len > ratio_bytes)
			break;
	}
	if (to == NULL || n > 0)
		z->code = doc_fail(z->doc, CODE_TOO_LARGE, "%.60s: grows from %zu to more than %zu bytes", name,
		    packed_bytes, out->len);
	else if (n < 0)
		z->code = doc_fail(z->doc, code_of(zip_error_code_zip(zip_file_get_error(f))), "%.60s: %s", name,
		    zip_file_strerror(f));
	return z->code == CODE_OK;
}

char *
zipbox_read(struct zipbox *z, const char *name, size_t *len)
{
	zip_int64_t at = locate(z, name);
	struct buf out = BUF_INIT(ZIP_TOTAL_MAX_BYTES + 2 * PIECE_BYTES);
	zip_stat_t stat;
	zip_file_t *f;
	size_t packed;

	*len = 0;
	if (at < 0 || z->code != CODE_OK)
		return NULL;
	zip_stat_init(&stat);
	if (zip_stat_index(z->zip, (zip_uint64_t)at, 0, &stat) == 0 && stat.valid & ZIP_STAT_ENCRYPTION_METHOD &&
	    stat.encryption_method != ZIP_EM_NONE) {
		z->code = doc_fail(z->doc, CODE_ENCRYPTED, "%.60s is encrypted", name);
		return NULL;
	}
	/* More than the file has cannot be packed in it, whatever the archive says. */
	packed = stat.valid & ZIP_STAT_COMP_SIZE && stat.comp_size < z->doc->size_bytes ? (size_t)stat.comp_size
											: z->doc->size_bytes;
	f = zip_fopen_index(z->zip, (zip_uint64_t)at, 0);
	if (f == NULL) {
		z->code = doc_fail(z->doc, code_of(zip_error_code_zip(zip_get_error(z->zip))), "%.60s: %s", name,
		    zip_strerror(z->zip));
		return NULL;
	}
	inflate_all(z, f, name, packed, &out);
	zip_fclose(f);
	if (z->code != CODE_OK) {
		buf_free(&out);
		return NULL;
	}
	if (out.data == NULL)
		buf_puts(&out, "");
	*len = out.len;
	return out.data;
}
