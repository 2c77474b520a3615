#include "media/lend.h"

#include <string.h>

#include "base/crypto.h"
#include "files/uploads.h"

/* ---- lending ----------------------------------------------------------------------- */

static enum status
is_theirs(struct context *cx, const struct work_task *w, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT FROM uploads u WHERE u.id = $1 AND u.user_id = $2 AND u.content_type LIKE 'image/%'", PS(id),
	    PS(w->task.user_id));

	if (st != OK)
		return fail(cx, st, "find upload: %s", pg_error(cx->pg));
	return rows_count(rows) == 1 ? OK : fail(cx, E_INVALID_REQUEST, "%s is no picture of that user", id);
}

/* What stands in the place of a value: itself, or the address at which it is lent. */
static enum status
lend_text(struct context *cx, const struct work_task *w, const char *callback, json_t *value, json_t **out)
{
	char id[UUID_LEN];
	enum status st;

	*out = NULL;
	if (!json_is_string(value) || !upload_id_of_url(cx->conf, json_string_value(value), id))
		return OK;
	if ((st = is_theirs(cx, w, id)) == OK)
		*out = json_string(arena_printf(cx->arena, "%s/%s", callback, id));
	return st;
}

static enum status
lend_list(struct context *cx, const struct work_task *w, const char *callback, json_t *list)
{
	json_t *value, *lent;
	enum status st;
	size_t i;

	json_array_foreach(list, i, value) {
		if ((st = lend_text(cx, w, callback, value, &lent)) != OK)
			return st;
		if (lent != NULL)
			json_array_set_new(list, i, lent);
	}
	return OK;
}

enum status
media_lend(struct context *cx, const struct work_task *w, const char *callback, const json_t **input)
{
	json_t *own = json_own(cx->arena, json_deep_copy(w->input)), *value, *lent;
	const char *name;
	enum status st;

	json_object_foreach(own, name, value) {
		if ((st = lend_list(cx, w, callback, value)) != OK ||
		    (st = lend_text(cx, w, callback, value, &lent)) != OK)
			return st;
		if (lent != NULL)
			json_object_set_new(own, name, lent);
	}
	*input = own;
	return OK;
}

/* ---- reading what is lent ------------------------------------------------------------- */

enum status
media_lent(struct request *rq, const char *provider, const char *task_id, const char *token, const char *upload_id)
{
	struct context *cx = &rq->cx;
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char hash[SHA256_BYTES];
	enum status st;

	if (task_id == NULL || upload_id == NULL)
		return fail(cx, E_NOT_FOUND, "nothing is lent there");
	crypto_sha256(token, strlen(token), hash);
	st = pg_query_again(cx->pg, &rows,
	    "SELECT t.user_id FROM media_submits m JOIN tasks t ON t.id = m.task_id JOIN channels c ON c.id = m.channel_id"
	    " WHERE m.task_id = $1::uuid AND m.token_hash = $2::bytea AND c.provider = $3 AND m.state <> 'over'"
	    " AND strpos(lower(media_pictures(t.asked)::text), $4) > 0",
	    PS(task_id), PX(hash, SHA256_BYTES), PS(provider), PS(upload_id));
	if (st != OK)
		return fail(cx, st, "what is lent: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "%s is not lent to task %s", upload_id, task_id);
	return upload_send_of(rq, upload_id, row_text(rows, 0, "user_id"));
}
