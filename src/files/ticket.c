#include "files/ticket.h"

#include <string.h>

#include "base/media.h"
#include "files/uploads.h"
#include "store/store.h"

#define PUT_S 900	/* the address holds */
#define COMPLETE_S 3600 /* the ticket does */

/* ---- before -------------------------------------------------------------------------- */

static enum status
note(struct context *cx, const char *id, const char *content_type, int64_t size_bytes)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT outcome, used_bytes FROM upload_ticket($1::uuid, $2::uuid, $3, $4::bigint, $5::bigint, $6::int)",
	    PS(id), PS(cx->caller.user_id), PS(content_type), PI(size_bytes), PI(cx->conf->uploads_user_bytes),
	    PI(COMPLETE_S));

	if (st != OK)
		return fail(cx, st, "note a ticket: %s", pg_error(cx->pg));
	if (strcmp(row_text(rows, 0, "outcome"), "ok") == 0)
		return OK;
	return fail_with(cx, E_STORAGE_QUOTA,
	    json_pack("{s:I, s:I}", "limit_bytes", (json_int_t)cx->conf->uploads_user_bytes, "used_bytes",
		(json_int_t)row_int(rows, 0, "used_bytes")),
	    NULL);
}

enum status
ticket_make(struct context *cx, const char *content_type, int64_t size_bytes, json_t **out)
{
	int64_t max_bytes = (int64_t)cx->conf->uploads_max_bytes;
	char id[UUID_LEN];
	const char *url;
	enum status st;

	uuid_v7(id);
	if (*cx->conf->uploads_folder == '\0' ||
	    (url = store_put_url(cx, id, content_type, size_bytes, PUT_S)) == NULL) {
		fail(cx, E_FORBIDDEN, "files are in no bucket");
		fail_message(cx, "Files of this site are not put into a bucket: send them to /api/uploads.",
		    "本站文件不直接上传到存储桶，请发送到 /api/uploads");
		return E_FORBIDDEN;
	}
	if (media_find(content_type) == NULL)
		return upload_refuse_type(cx);
	if (size_bytes > max_bytes)
		return fail_with(cx, E_TOO_LARGE, json_pack("{s:I}", "limit_bytes", (json_int_t)max_bytes), NULL);
	if ((st = note(cx, id, content_type, size_bytes)) != OK)
		return st;
	*out = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}, s:i}", "id", id, "method", "PUT", "url", url, "headers",
	    "Content-Type", content_type, "If-None-Match", "*", "expires_in", PUT_S);
	return OK;
}

/* ---- after ----------------------------------------------------------------------------- */

/* Nobody's: the bucket's sweep removes the file. */
static enum status
give_up(struct context *cx, const char *id, const char *problem)
{
	enum status st = pg_query_again(
	    cx->pg, NULL, "DELETE FROM upload_tickets WHERE id = $1 AND user_id = $2", PS(id), PS(cx->caller.user_id));

	if (st != OK)
		return fail(cx, st, "give up ticket %s: %s", id, pg_error(cx->pg));
	fail_with(cx, E_UNSUPPORTED_MEDIA_TYPE, json_pack("{s:s}", "problem", problem), "ticket %s: %s", id, problem);
	fail_message(cx, "The file is not what it was said to be. Send it again.", "文件与声明的不符，请重新上传");
	return E_UNSUPPORTED_MEDIA_TYPE;
}

/* Is it what it was said to be? */
static enum status
look(struct context *cx, const char *id, const struct rows *ticket)
{
	unsigned char head[MEDIA_HEAD_BYTES];
	size_t len = sizeof(head);
	const struct media_type *type;
	int64_t size_bytes = 0;
	enum status st = store_look(cx, id, &size_bytes, head, &len);

	if (st == E_NOT_FOUND) {
		fail(cx, E_CONFLICT, "ticket %s: no file", id);
		fail_message(cx, "The file has not arrived yet.", "文件尚未上传完成");
		return E_CONFLICT;
	}
	if (st != OK)
		return st;
	type = media_sniff(head, len);
	if (size_bytes != row_int(ticket, 0, "size_bytes"))
		return give_up(cx, id, "it is not as long as was said");
	if (type == NULL || strcmp(type->type, row_text(ticket, 0, "content_type")) != 0)
		return give_up(cx, id, "it is of another type than was said");
	return OK;
}

static enum status
complete(struct context *cx, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT upload_json(u, $4) AS json FROM upload_complete($1::uuid, $2::uuid, $3) AS u", PS(id),
	    PS(cx->caller.user_id), PS(store_name_of(cx->arena, id)), PS(upload_url(cx->arena, cx->conf, "")));

	if (st != OK)
		return fail(cx, st, "complete %s: %s", id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "ticket %s", id);
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
ticket_complete(struct context *cx, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such ticket");
	st = pg_query_again(cx->pg, &rows,
	    "SELECT content_type, size_bytes FROM upload_tickets WHERE id = $1 AND user_id = $2 AND expires_at > now()",
	    PS(id), PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "find ticket: %s", pg_error(cx->pg));
	if (rows_count(rows) > 0 && (st = look(cx, id, rows)) != OK)
		return st;
	/* without one it may have been completed */
	return rows_count(rows) > 0 ? complete(cx, id, out) : upload_find(cx, id, out);
}
