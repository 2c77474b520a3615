#include "media/inputs.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/media.h"
#include "files/uploads.h"
#include "media/fetch.h"
#include "store/store.h"

#define FILE_BYTES_MAX (INT64_C(32) << 20)
#define PATIENCE_MS 60000

static void
free_bytes(void *bytes)
{
	buf_free(bytes);
}

static bool
read_all(int fd, struct buf *out)
{
	char piece[16384];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, piece, sizeof(piece), at)) > 0) {
		if (!buf_add(out, piece, (size_t)n))
			return false;
		at += n;
	}
	return n == 0;
}

/* One of the user's own. */
static enum status
read_upload(struct context *cx, const struct work_task *w, const char *id, struct buf *out)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct store_object object = { 0 };
	bool is_read;
	int fd;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT " STORE_COLUMNS
	    " FROM uploads u JOIN objects o ON o.id = u.object_id WHERE u.id = $1 AND u.user_id = $2",
	    PS(id), PS(w->task.user_id));

	if (st != OK)
		return fail(cx, st, "find upload: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_INVALID_REQUEST, "no upload %s of that user", id);
	store_read(rows, 0, &object);
	if ((st = store_open(cx, &object, PATIENCE_MS, &fd)) != OK)
		return st == E_NOT_FOUND ? E_INVALID_REQUEST : st;
	is_read = read_all(fd, out);
	close(fd);
	return is_read ? OK : fail(cx, E_INVALID_REQUEST, "upload %s cannot be read, or is too large", id);
}

/* What strangers name is never fetched from private addresses, whatever the channel may. */
static enum status
read_address(struct context *cx, const struct job *job, const char *url, struct buf *out)
{
	static const struct offer_account stranger = { .allow_private = false };
	struct spool *file = ARENA_NEW(cx->arena, struct spool);
	enum status st;

	*file = (struct spool){ .fd = -1 };
	if (!spool_open(cx, file))
		return spool_refuse(cx, "open", file->path);
	st = media_get(cx, job, &stranger, FILE_BYTES_MAX, url, file);
	if (st == OK && !read_all(file->fd, out))
		st = fail(cx, E_INVALID_REQUEST, "a picture cannot be read");
	spool_close(file);
	return st == E_FORBIDDEN || st == E_UPSTREAM_FAILED ? E_INVALID_REQUEST : st;
}

static enum status
load(struct context *cx, const struct job *job, const struct work_task *w, const char *url, struct media_file *out)
{
	struct buf *bytes = ARENA_NEW(cx->arena, struct buf);
	const struct media_type *type;
	char id[UUID_LEN];
	enum status st;

	*bytes = BUF_INIT((size_t)FILE_BYTES_MAX);
	arena_cleanup(cx->arena, free_bytes, bytes);
	st = upload_id_of_url(cx->conf, url, id) ? read_upload(cx, w, id, bytes) : read_address(cx, job, url, bytes);
	if (st != OK)
		return st;
	type = media_sniff(buf_str(bytes), bytes->len < MEDIA_HEAD_BYTES ? bytes->len : MEDIA_HEAD_BYTES);
	if (type == NULL || type->kind != MEDIA_IMAGE)
		return fail(cx, E_INVALID_REQUEST, "what is given is no picture");
	*out = (struct media_file){ .type = type->type, .data = buf_str(bytes), .len = bytes->len };
	out->name = type->extension;
	return OK;
}

enum status
media_inputs(struct context *cx, const struct job *job, const struct work_task *w, const char *member,
    struct media_file **files, size_t *n)
{
	json_t *urls = json_object_get(w->input, member), *url;
	struct media_file *list = ARENA_ARRAY(cx->arena, struct media_file, json_array_size(urls) + 1);
	int64_t all = 0;
	enum status st;
	size_t i;

	*files = list;
	*n = json_array_size(urls);
	json_array_foreach(urls, i, url) {
		if (!json_is_string(url))
			return fail(cx, E_INVALID_REQUEST, "a picture without an address");
		if ((st = load(cx, job, w, json_string_value(url), &list[i])) != OK)
			return st;
		list[i].name = arena_printf(cx->arena, "%zu.%s", i + 1, list[i].name);
		if ((all += (int64_t)list[i].len) > MEDIA_INPUTS_BYTES_MAX)
			return fail(cx, E_INVALID_REQUEST, "the pictures are too large together");
	}
	return OK;
}
