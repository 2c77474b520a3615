#include "files/uploads.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "core/reply.h"
#include "io/fcgi.h"

#define URL_PATH "/api/uploads/"

/* ---- places -------------------------------------------------------------------- */

const char *
upload_path(struct arena *a, const struct conf *conf, const char *id)
{
	return arena_printf(a, "%s/%s/%s", conf->uploads_folder, id + UUID_LEN - 3, id);
}

/* The site's address with a path, without a slash too many. */
static const char *
url_prefix(struct arena *a, const struct conf *conf)
{
	size_t len = strlen(conf->server_base_url);

	while (len > 0 && conf->server_base_url[len - 1] == '/')
		len--;
	return arena_printf(a, "%.*s" URL_PATH, (int)len, conf->server_base_url);
}

bool
upload_id_of_url(const struct conf *conf, const char *url, char id[UUID_LEN])
{
	const char *base = conf->server_base_url;
	size_t len = strlen(base);

	while (len > 0 && base[len - 1] == '/')
		len--;
	return strncasecmp(url, base, len) == 0 && strncmp(url + len, URL_PATH, strlen(URL_PATH)) == 0 &&
	    uuid_parse(url + len + strlen(URL_PATH), id);
}

/* ---- keeping ----------------------------------------------------------------------- */

/* A rename lasts when its folder is on disk. */
static bool
sync_folder(struct arena *a, const char *path)
{
	int fd = open(dirname(arena_strdup(a, path)), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* From tmp/ to where it is served from, to stay there after a power cut. */
static enum status
settle_file(struct context *cx, struct spool *s, const char *path)
{
	if (fsync(s->fd) != 0)
		return spool_refuse(cx, "fsync", s->path);
	if (rename(s->path, path) != 0 &&
	    (errno != ENOENT || !spool_make_folders(cx, path) || rename(s->path, path) != 0))
		return spool_refuse(cx, "rename", path);
	s->path = NULL;
	return sync_folder(cx->arena, path) ? OK : spool_refuse(cx, "fsync", path);
}

static enum status
refuse_quota(struct context *cx, int64_t used_bytes)
{
	return fail_with(cx, E_STORAGE_QUOTA,
	    json_pack("{s:I, s:I}", "limit_bytes", (json_int_t)cx->conf->uploads_user_bytes, "used_bytes",
		(json_int_t)used_bytes),
	    NULL);
}

static enum status
refuse_type(struct context *cx, struct spool *spool)
{
	spool_close(spool);
	fail(cx, E_UNSUPPORTED_MEDIA_TYPE, "not a kind of file we take");
	fail_message(cx,
	    "This kind of file is not accepted. Send an image (PNG, JPEG, GIF, WebP), audio (MP3, WAV, Ogg, WebM,"
	    " M4A), video (MP4, WebM) or a PDF.",
	    "不支持该类型的文件。请上传图片（PNG、JPEG、GIF、WebP）、音频（MP3、WAV、Ogg、WebM、M4A）、视频（MP4、WebM"
	    "）或"
	    " PDF");
	return E_UNSUPPORTED_MEDIA_TYPE;
}

/* `prefix` of its URL: an argument. */
#define UPLOAD_JSON(prefix) \
	"json_build_object('id', u.id, 'url', " prefix "::text || u.id::text, 'content_type', u.content_type," \
	" 'size_bytes', u.size_bytes, 'created_at', json_time(u.created_at)) AS json"

/* The row; asked again it does no harm, for the id is the same. */
static enum status
add_row(struct context *cx, const struct spool *s, const struct media_type *type, const char *path, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT a.outcome, a.used_bytes, " UPLOAD_JSON(
		"$1") " FROM upload_add($2, $3, $4, $5, $6) AS a LEFT JOIN LATERAL (SELECT (a.added).*) AS u ON true",
	    PS(url_prefix(cx->arena, cx->conf)), PS(s->id), PS(cx->caller.user_id), PS(type->type), PI(s->len),
	    PI(cx->conf->uploads_user_bytes));

	if (st != OK) /* it may have been added: the worker will see */
		return fail(cx, st, "add upload: %s", pg_error(cx->pg));
	if (strcmp(row_text(rows, 0, "outcome"), "ok") != 0) {
		unlink(path);
		return refuse_quota(cx, row_int(rows, 0, "used_bytes"));
	}
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
upload_place(struct context *cx, struct spool *s, const struct media_type **type)
{
	*type = media_sniff(s->head, s->len < sizeof(s->head) ? s->len : sizeof(s->head));
	return *type == NULL ? refuse_type(cx, s) : settle_file(cx, s, upload_path(cx->arena, cx->conf, s->id));
}

enum status
upload_store(struct context *cx, struct spool *s, json_t **out)
{
	const struct media_type *type;
	enum status st = upload_place(cx, s, &type);

	return st == OK ? add_row(cx, s, type, upload_path(cx->arena, cx->conf, s->id), out) : st;
}

const char *
upload_url(struct arena *a, const struct conf *conf, const char *id)
{
	return arena_printf(a, "%s%s", url_prefix(a, conf), id);
}

/* ---- giving -------------------------------------------------------------------------- */

/* nginx wants a path below an internal location; the others the file's own. */
static void
name_file(struct request *rq, const char *id, const char *path)
{
	const char *how = rq->cx.conf->uploads_sendfile, *server = fcgi_param(rq->conn, "SERVER_SOFTWARE");
	bool is_nginx = server != NULL && strncmp(server, "nginx", 5) == 0;

	if (strcmp(how, "x-accel-redirect") == 0 || (strcmp(how, "x-sendfile") != 0 && is_nginx))
		reply_header(rq, "X-Accel-Redirect", UPLOADS_ACCEL_PATH "%s/%s", id + UUID_LEN - 3, id);
	else
		reply_header(rq, "X-Sendfile", "%s", path);
}

enum status
upload_send(struct request *rq, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	const struct media_type *type;
	const char *path;
	enum status st;

	if (id == NULL)
		return fail(&rq->cx, E_NOT_FOUND, "no such upload");
	st = pg_query_again(rq->cx.pg, &rows, "SELECT content_type FROM uploads WHERE id = $1 AND user_id = $2", PS(id),
	    PS(rq->cx.caller.user_id));
	if (st != OK)
		return fail(&rq->cx, st, "find upload: %s", pg_error(rq->cx.pg));
	path = upload_path(rq->cx.arena, rq->cx.conf, id);
	if (rows_count(rows) == 0 || access(path, R_OK) != 0)
		return fail(&rq->cx, E_NOT_FOUND, "upload %s", id);
	type = media_find(row_text(rows, 0, "content_type"));
	if (type == NULL)
		return fail(&rq->cx, E_INTERNAL, "upload %s has a type we do not know", id);
	reply_empty(rq);
	rq->http_status = 200;
	rq->cache_control = "private, no-cache"; /* may be kept, but the owner is checked each time */
	name_file(rq, id, path);
	reply_header(rq, "Content-Type", "%s", type->type);
	reply_header(rq, "Content-Disposition", "%s; filename=\"%s.%s\"",
	    type->kind == MEDIA_DOCUMENT ? "attachment" : "inline", id, type->extension);
	reply_header(rq, "Content-Security-Policy", "default-src 'none'; sandbox");
	return OK;
}

/* ---- the rest ------------------------------------------------------------------------- */

enum status
upload_delete(struct context *cx, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such upload");
	/* not again: a second run would find nothing and say "not found" */
	st = pg_query(cx->pg, &rows, "DELETE FROM uploads WHERE id = $1 AND user_id = $2 RETURNING id", PS(id),
	    PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "delete upload: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "upload %s", id);
	if (unlink(upload_path(cx->arena, cx->conf, id)) != 0 && errno != ENOENT)
		LOG(WARN, "upload_not_removed", LS("id", id), LS("error", strerror(errno)),
		    LS("hint", "weir-worker will try again"));
	return OK;
}

/* $3 user; $4 the prefix of a URL.  Ids are version 7: their order is the order of creation. */
#define UPLOADS(than, order) \
	LIST_SQL("uuid", "SELECT FROM uploads u WHERE u.id = $1::uuid AND u.user_id = $3", \
	    "SELECT " UPLOAD_JSON("$4") ", u.id AS at, u.id AS tie FROM uploads u WHERE u.user_id = $3 AND u.id " than \
					" " LIST_FIRST_UUID, \
	    order)
static const struct list uploads = { "uploads", UPLOADS("<", "DESC"), UPLOADS(">", "ASC") };

enum status
uploads_list(struct context *cx, const struct page *page, json_t **items, bool *more)
{
	return page_run(cx, page, &uploads, items, more, PS(cx->caller.user_id), PS(url_prefix(cx->arena, cx->conf)));
}
