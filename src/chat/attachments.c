#include "chat/attachments.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "files/uploads.h"
#include "store/store.h"

#define FETCH_MS 5000 /* of a file that has no copy on this host */

/* What of a message may be an upload. */
static const struct file_kind {
	const char *field;
	enum media_kind media;
} kinds[] = {
	[ASK_IMAGE] = { "image_url", MEDIA_IMAGE },
	[ASK_VIDEO] = { "video_url", MEDIA_VIDEO },
	[ASK_AUDIO] = { "audio_url", MEDIA_AUDIO },
};

/* A part whose address names an upload. */
struct place {
	struct ask_part *part;
	const struct file_kind *kind;
	const char *asked; /* of the caller, just now: the field that named it; NULL: it is of an older message */
	char id[UUID_LEN];
};

struct places {
	struct place *list;
	size_t n;
};

static void
note(struct context *cx, struct places *p, struct ask_part *part, const struct question *asked)
{
	struct place *at = &p->list[p->n];

	if (part->url == NULL || !upload_id_of_url(cx->conf, part->url, at->id))
		return;
	at->part = part;
	at->kind = &kinds[part->kind];
	at->asked = asked == NULL ? NULL : part->kind == ASK_IMAGE ? asked->images_field : at->kind->field;
	p->n++;
}

/* Every upload named, newest message first. */
static struct places
find_places(struct context *cx, struct ask_message *m, size_t n, const struct question *asked)
{
	struct places p = { NULL, 0 };
	size_t most = 0;

	for (size_t i = 0; i < n; i++)
		most += m[i].n_parts;
	p.list = xcalloc(most + 1, sizeof(*p.list));
	arena_cleanup(cx->arena, free, p.list);
	for (size_t i = n; i-- > 0;)
		for (size_t k = 0; k < m[i].n_parts; k++)
			note(cx, &p, &m[i].parts[k], i == n - 1 ? asked : NULL);
	return p;
}

/* The ids as a PostgreSQL array. */
static const char *
id_array(struct context *cx, const struct places *p)
{
	struct buf b = BUF_INIT(0);
	const char *text;

	for (size_t i = 0; i < p->n; i++)
		pg_array_add(&b, p->list[i].id);
	pg_array_end(&b);
	text = arena_strdup(cx->arena, buf_str(&b));
	buf_free(&b);
	return text;
}

/* All `len` bytes of a file, to be freed; NULL when they cannot be had. */
static char *
read_file(int fd, size_t len)
{
	char *bytes = xmalloc(len);
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, bytes + got, len - got);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	if (got == len)
		return bytes;
	free(bytes);
	return NULL;
}

/* data:TYPE;base64,… of an upload; E_NOT_FOUND, E_UNAVAILABLE. */
static enum status
data_url(struct context *cx, const struct store_object *o, const char *type, const char **out)
{
	size_t len = (size_t)o->size_bytes;
	const char *before = arena_printf(cx->arena, "data:%s;base64,", type);
	char *bytes, *url;
	enum status st;
	int fd;

	if ((st = store_open(cx, o, FETCH_MS, &fd)) != OK)
		return st;
	bytes = read_file(fd, len);
	close(fd);
	if (bytes == NULL)
		return fail(cx, E_NOT_FOUND, "%s is shorter than it was", o->name);
	url = xmalloc(strlen(before) + CRYPTO_BASE64_LEN(len));
	memcpy(url, before, strlen(before));
	crypto_base64(bytes, len, url + strlen(before));
	free(bytes);
	arena_cleanup(cx->arena, free, url);
	*out = url;
	return OK;
}

/* Left out, or refused when it was asked for just now. */
static enum status
leave_out(struct context *cx, const struct place *p, const char *problem)
{
	if (p->asked != NULL)
		return fail_field(cx, p->asked, "%s", problem);
	LOG(DEBUG, "attachment_left_out", LS("upload_id", p->id), LS("problem", problem));
	p->part->url = NULL;
	return OK;
}

static enum status
put_in(struct context *cx, const struct place *p, const struct rows *rows, size_t *room_bytes)
{
	int row = rows_find(rows, "id", p->id);
	const struct media_type *type = row < 0 ? NULL : media_find(row_text(rows, row, "content_type"));
	size_t len = row < 0 ? 0 : (size_t)row_int(rows, row, "object_bytes");
	struct store_object object = { 0 };
	const char *url = NULL;
	enum status st;

	if (type == NULL)
		return leave_out(cx, p, "is no upload of yours");
	if (type->kind != p->kind->media)
		return leave_out(cx, p, arena_printf(cx->arena, "is %s", type->type));
	if (len > *room_bytes)
		return leave_out(cx, p,
		    arena_printf(
			cx->arena, "is too large for a model: at most %zu bytes", cx->conf->uploads_inline_bytes));
	store_read(rows, row, &object);
	if ((st = data_url(cx, &object, type->type, &url)) != OK && st != E_NOT_FOUND && p->asked != NULL)
		return st;
	if (st != OK) {
		cx->error = OK;
		return leave_out(cx, p, "is no upload of yours");
	}
	p->part->url = url;
	*room_bytes -= len;
	return OK;
}

/* Take out the files without an address. */
static void
close_gaps(struct ask_message *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_parts; i++)
		if (m->parts[i].kind == ASK_TEXT || m->parts[i].url != NULL)
			m->parts[n++] = m->parts[i];
	m->n_parts = n;
}

enum status
attachments_inline(struct context *cx, struct ask_message *messages, size_t n, const struct question *asked)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct places p = find_places(cx, messages, n, asked);
	size_t room_bytes = cx->conf->uploads_inline_bytes;
	enum status st;

	if (p.n == 0)
		return OK;
	st = pg_query_again(cx->pg, &rows,
	    "SELECT u.id, u.content_type, " STORE_COLUMNS " FROM uploads u JOIN objects o ON o.id = u.object_id"
	    " WHERE u.user_id = $1 AND u.id = ANY ($2::uuid[])",
	    PS(cx->caller.user_id), PS(id_array(cx, &p)));
	if (st != OK)
		return fail(cx, st, "find uploads: %s", pg_error(cx->pg));
	for (size_t i = 0; i < p.n; i++)
		if ((st = put_in(cx, &p.list[i], rows, &room_bytes)) != OK)
			return st;
	for (size_t i = 0; i < n; i++)
		close_gaps(&messages[i]);
	return OK;
}
