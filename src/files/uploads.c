#include "files/uploads.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "store/local.h"
#include "store/store.h"

#define URL_PATH "/api/uploads/"

/* ---- places -------------------------------------------------------------------- */

/* The site's address with a path, without a slash too many. */
static const char *
url_prefix(struct arena *a, const struct conf *conf)
{
	return arena_printf(a, "%.*s" URL_PATH, (int)conf_site_len(conf), conf->server_base_url);
}

bool
upload_id_of_url(const struct conf *conf, const char *url, char id[UUID_LEN])
{
	const char *base = conf->server_base_url;
	size_t len = conf_site_len(conf);

	return strncasecmp(url, base, len) == 0 && strncmp(url + len, URL_PATH, strlen(URL_PATH)) == 0 &&
	    uuid_parse(url + len + strlen(URL_PATH), id);
}

/* ---- keeping ----------------------------------------------------------------------- */

static enum status
refuse_quota(struct context *cx, int64_t used_bytes)
{
	return fail_with(cx, E_STORAGE_QUOTA,
	    json_pack("{s:I, s:I}", "limit_bytes", (json_int_t)cx->conf->uploads_user_bytes, "used_bytes",
		(json_int_t)used_bytes),
	    NULL);
}

enum status
upload_refuse_type(struct context *cx)
{
	fail(cx, E_UNSUPPORTED_MEDIA_TYPE, "not a kind of file we take");
	fail_message(cx,
	    "This kind of file is not accepted. Send an image (PNG, JPEG, GIF, WebP), audio (MP3, WAV, Ogg, WebM,"
	    " M4A), video (MP4, WebM) or a PDF.",
	    "不支持该类型的文件。请上传图片（PNG、JPEG、GIF、WebP）、音频（MP3、WAV、Ogg、WebM、M4A）、视频（MP4、WebM"
	    "）或"
	    " PDF");
	return E_UNSUPPORTED_MEDIA_TYPE;
}

const char *
upload_plain_name(struct arena *a, const char *name)
{
	char *out = arena_strdup(a, name == NULL ? "" : name), *to = out;
	const char *last = out;

	for (const char *p = out; *p != '\0'; p++)
		if (*p == '/' || *p == '\\')
			last = p + 1;
	for (const char *p = last; *p != '\0'; p++)
		if ((unsigned char)*p >= ' ' && *p != 0x7f)
			*to++ = *p;
	*to = '\0';
	return out;
}

static enum status
refuse_type(struct context *cx, struct spool *spool)
{
	spool_close(spool);
	return upload_refuse_type(cx);
}

/* The row; asked again it does no harm, for the id is the same. */
static enum status
add_row(struct context *cx, const char *id, const struct store_new *placed, const struct media_type *type,
    const char *filename, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT a.outcome, a.used_bytes, a.object_name, upload_json(a.added, $1) AS json"
	    " FROM upload_put($2, $3, $4, $5, $6, $7, $8, $9, $10) AS a",
	    PS(url_prefix(cx->arena, cx->conf)), PS(id), PS(cx->caller.user_id), PS(type->type), PI(placed->size_bytes),
	    PI(cx->conf->uploads_user_bytes), PS(placed->name), PX(placed->sha256, sizeof(placed->sha256)),
	    PS(filename), PS(cx->lang == LANG_ZH ? "zh" : "en"));

	if (st != OK) /* it may have been added: the worker will see */
		return fail(cx, st, "add upload: %s", pg_error(cx->pg));
	if (strcmp(row_text(rows, 0, "outcome"), "ok") != 0) {
		store_placed(cx, placed, NULL);
		return refuse_quota(cx, row_int(rows, 0, "used_bytes"));
	}
	store_placed(cx, placed, row_text(rows, 0, "object_name"));
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
upload_store(struct context *cx, struct spool *s, const char *filename, json_t **out)
{
	const struct media_type *type = media_sniff(s->head, s->len < sizeof(s->head) ? s->len : sizeof(s->head));
	struct store_new placed;
	enum status st;

	if (type == NULL && filename == NULL)
		return refuse_type(cx, s);
	if ((st = store_place(cx, s, &placed)) != OK)
		return st;
	return add_row(cx, s->id, &placed, type == NULL ? &media_other : type,
	    filename == NULL ? NULL : upload_plain_name(cx->arena, filename), out);
}

/* Under its id, as file_upload() of functions/storage.sql finds it. */
enum status
upload_place(struct context *cx, struct spool *s, const struct media_type **type)
{
	*type = media_sniff(s->head, s->len < sizeof(s->head) ? s->len : sizeof(s->head));
	return *type == NULL ? refuse_type(cx, s) : local_keep(cx, s, store_name_of(cx->arena, s->id));
}

const char *
upload_url(struct arena *a, const struct conf *conf, const char *id)
{
	return arena_printf(a, "%s%s", url_prefix(a, conf), id);
}

/* ---- giving -------------------------------------------------------------------------- */

/* For a header: what is no plain ASCII is told by its bytes (RFC 8187). */
const char *
upload_disposition(struct arena *a, const char *how, const char *name)
{
	struct buf b = BUF_INIT(2048);
	const char *out;

	for (const unsigned char *p = (const unsigned char *)name; *p != '\0'; p++)
		if ((*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') ||
		    strchr("-._~", *p) != NULL)
			buf_printf(&b, "%c", *p);
		else
			buf_printf(&b, "%%%02X", *p);
	out = arena_printf(a, "%s; filename*=UTF-8''%s", how, buf_str(&b));
	buf_free(&b);
	return out;
}

/* A document by the name its sender gave it; anything else by its id. */
static const char *
disposition(struct arena *a, const char *id, const struct media_type *type, const char *filename)
{
	const char *how = type->kind == MEDIA_DOCUMENT ? "attachment" : "inline";

	if (filename != NULL && *filename != '\0')
		return upload_disposition(a, how, filename);
	return arena_printf(a, "%s; filename=\"%s.%s\"", how, id, type->extension);
}

static const struct media_type *
type_named(const char *name)
{
	return strcmp(name, media_other.type) == 0 ? &media_other : media_find(name);
}

static enum status
send_row(struct request *rq, const char *id, const struct rows *rows)
{
	const struct media_type *type = type_named(row_text(rows, 0, "content_type"));
	struct store_object object = { 0 };
	struct store_show show;

	if (type == NULL)
		return fail(&rq->cx, E_INTERNAL, "upload %s has a type we do not know", id);
	store_read(rows, 0, &object);
	show.content_type = type->type;
	show.disposition = disposition(rq->cx.arena, id, type, row_text(rows, 0, "filename"));
	return store_send(rq, &object, &show);
}

enum status
upload_send(struct request *rq, const char *id)
{
	return upload_send_of(rq, id, rq->cx.caller.user_id);
}

enum status
upload_send_of(struct request *rq, const char *id, const char *user_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(&rq->cx, E_NOT_FOUND, "no such upload");
	st = pg_query_again(rq->cx.pg, &rows,
	    "SELECT u.content_type, t.filename, " STORE_COLUMNS " FROM uploads u JOIN objects o ON o.id = u.object_id"
	    " LEFT JOIN upload_texts t ON t.upload_id = u.id WHERE u.id = $1 AND u.user_id = $2",
	    PS(id), PS(user_id));
	if (st != OK)
		return fail(&rq->cx, st, "find upload: %s", pg_error(rq->cx.pg));
	if (rows_count(rows) == 0)
		return fail(&rq->cx, E_NOT_FOUND, "upload %s", id);
	return send_row(rq, id, rows);
}

/* Of the small picture of it; of a picture without one, itself. */
enum status
upload_send_small(struct request *rq, const char *id)
{
	return upload_send_small_of(rq, id, rq->cx.caller.user_id);
}

enum status
upload_send_small_of(struct request *rq, const char *id, const char *user_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(&rq->cx, E_NOT_FOUND, "no such upload");
	st = pg_query_again(rq->cx.pg, &rows,
	    "SELECT CASE WHEN p.object_id IS NULL THEN u.content_type ELSE 'image/webp' END AS content_type,"
	    " NULL AS filename, " STORE_COLUMNS " FROM uploads u LEFT JOIN previews p ON p.of_id = u.object_id"
	    " JOIN objects o ON o.id = coalesce(p.object_id, u.object_id)"
	    " WHERE u.id = $1 AND u.user_id = $2 AND (p.object_id IS NOT NULL OR u.content_type LIKE 'image/%')",
	    PS(id), PS(user_id));
	if (st != OK)
		return fail(&rq->cx, st, "find upload: %s", pg_error(rq->cx.pg));
	if (rows_count(rows) == 0)
		return fail(&rq->cx, E_NOT_FOUND, "upload %s, or a picture of it", id);
	return send_row(rq, id, rows);
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
	st = pg_query(cx->pg, &rows, "DELETE FROM uploads WHERE id = $1 AND user_id = $2 RETURNING object_id", PS(id),
	    PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "delete upload: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "upload %s", id);
	store_release(cx, row_text(rows, 0, "object_id"));
	return OK;
}

enum status
upload_find(struct context *cx, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT upload_json(u, $3) AS json FROM uploads u WHERE u.id = $1 AND u.user_id = $2", PS(id),
	    PS(cx->caller.user_id), PS(url_prefix(cx->arena, cx->conf)));

	if (st != OK)
		return fail(cx, st, "find upload: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "upload %s", id);
	*out = row_json(rows, 0, "json");
	return OK;
}

/* $3 user; $4 the prefix of a URL.  Ids are version 7: their order is the order of creation. */
#define UPLOADS(than, order) \
	LIST_SQL("uuid", "SELECT FROM uploads u WHERE u.id = $1::uuid AND u.user_id = $3", \
	    "SELECT upload_json(u, $4) AS json, u.id AS at, u.id AS tie FROM uploads u WHERE u.user_id = $3 AND u.id " than \
	    " " LIST_FIRST_UUID, \
	    order)
static const struct list uploads = { "uploads", UPLOADS("<", "DESC"), UPLOADS(">", "ASC") };

enum status
uploads_list(struct context *cx, const struct page *page, json_t **items, bool *more)
{
	return page_run(cx, page, &uploads, items, more, PS(cx->caller.user_id), PS(url_prefix(cx->arena, cx->conf)));
}
