#include "chat/shares.h"

#include <string.h>

#include "base/crypto.h"
#include "files/uploads.h"

#define TOKEN_BYTES 16
#define SNAPSHOT_BYTES (8 * 1024 * 1024)

/* `site`: an argument, the address of the site without a slash at its end. */
#define SHARE_JSON(site) \
	"jsonb_build_object('id', s.id, 'conversation_id', s.conversation_id, 'title', s.title," \
	" 'url', " site "::text || '/s/' || s.token, 'message_count', jsonb_array_length(s.messages)," \
	" 'created_at', json_time(s.created_at)) AS json"

#define SHARES(than, order) \
	LIST_SQL("uuid", "SELECT FROM conversation_shares s WHERE s.id = $1::uuid AND s.user_id = $3", \
	    "SELECT " SHARE_JSON("$4") ", s.id AS at, s.id AS tie FROM conversation_shares s" \
				       " WHERE s.user_id = $3 AND s.id " than " " LIST_FIRST_UUID, \
	    order)
static const struct list shares = { "shares", SHARES("<", "DESC"), SHARES(">", "ASC") };

static const char *
site(struct context *cx)
{
	const char *base = cx->conf->server_base_url;

	return arena_strndup(cx->arena, base, conf_site_len(cx->conf));
}

static enum status
refuse(struct context *cx, const char *outcome, const char *conversation_id)
{
	if (strcmp(outcome, "not_found") == 0)
		return fail(cx, E_NOT_FOUND, "conversation %s", conversation_id);
	if (strcmp(outcome, "too_large") == 0) {
		fail(cx, E_TOO_LARGE, "conversation %s", conversation_id);
		fail_message(cx, "This conversation is too long to be shared.", "该对话过长，无法分享");
		return E_TOO_LARGE;
	}
	fail(cx, E_CONFLICT, "conversation %s: %s", conversation_id, outcome);
	if (strcmp(outcome, "temporary") == 0)
		fail_message(
		    cx, "A temporary conversation cannot be shared. Keep it first.", "临时对话不能分享，请先保留");
	else if (strcmp(outcome, "empty") == 0)
		fail_message(cx, "There is no answer in this conversation to be shared.", "该对话还没有可分享的回答");
	else
		fail_message(cx, "You share as many conversations as you may. Revoke a link first.",
		    "分享链接已达上限，请先撤销一些");
	return E_CONFLICT;
}

enum status
share_create(struct context *cx, const char *conversation_id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char token[TOKEN_BYTES];
	char id[UUID_LEN];
	const char *outcome;
	enum status st;

	if (conversation_id == NULL)
		return fail(cx, E_NOT_FOUND, "no such conversation");
	uuid_v7(id);
	crypto_random(token, sizeof(token));
	st = pg_query(cx->pg, &rows,
	    "SELECT a.outcome, " SHARE_JSON("$1") " FROM conversation_share($2, $3, $4, $5, $6, $7, $8) AS a"
						  " LEFT JOIN LATERAL (SELECT (a.share).*) AS s ON true",
	    PS(site(cx)), PS(id), PS(crypto_base64url(cx->arena, token, sizeof(token))), PS(cx->caller.user_id),
	    PS(conversation_id), PS(upload_url(cx->arena, cx->conf, "")), PI(SHARES_MAX), PI(SNAPSHOT_BYTES));
	if (st != OK)
		return fail(cx, st, "share conversation %s: %s", conversation_id, pg_error(cx->pg));
	outcome = row_text(rows, 0, "outcome");
	if (strcmp(outcome, "ok") != 0)
		return refuse(cx, outcome, conversation_id);
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
shares_list(struct context *cx, const struct page *page, json_t **items, bool *more)
{
	return page_run(cx, page, &shares, items, more, PS(cx->caller.user_id), PS(site(cx)));
}

enum status
share_revoke(struct context *cx, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such share");
	/* not again: a second run would find nothing and say "not found" */
	st = pg_query(cx->pg, &rows, "DELETE FROM conversation_shares WHERE id = $1 AND user_id = $2 RETURNING id",
	    PS(id), PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "revoke share %s: %s", id, pg_error(cx->pg));
	return rows_count(rows) > 0 ? OK : fail(cx, E_NOT_FOUND, "share %s", id);
}

/* The owner's files get addresses that the link opens; other addresses stay. */
static void
rewrite_files(struct context *cx, json_t *messages, const char *token)
{
	size_t i, k;
	json_t *message, *file;

	json_array_foreach(messages, i, message) {
		json_array_foreach(json_object_get(message, "attachments"), k, file) {
			const char *url = json_string_value(json_object_get(file, "url"));
			char id[UUID_LEN];

			if (url == NULL || !upload_id_of_url(cx->conf, url, id))
				continue;
			json_object_set_new(
			    file, "url", json_string(arena_printf(cx->arena, "/api/share/%s/files/%s", token, id)));
			json_object_del(file, "thumbnail_url"); /* its owner's alone */
		}
	}
}

enum status
share_read(struct context *cx, const char *token, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT jsonb_build_object('title', s.title, 'created_at', json_time(s.created_at), 'messages', s.messages)"
	    " AS json FROM conversation_shares s JOIN users u ON u.id = s.user_id AND u.status = 'active' WHERE s.token = $1",
	    PS(token));

	if (st != OK)
		return fail(cx, st, "read share: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "no such share");
	*out = row_json(rows, 0, "json");
	rewrite_files(cx, json_object_get(*out, "messages"), token);
	return OK;
}

enum status
share_send_file(struct request *rq, const char *token, const char *upload_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (upload_id == NULL)
		return fail(&rq->cx, E_NOT_FOUND, "no such file");
	st = pg_query_again(rq->cx.pg, &rows,
	    "SELECT s.user_id FROM conversation_shares s JOIN users u ON u.id = s.user_id AND u.status = 'active'"
	    " WHERE s.token = $1 AND $2 = ANY (s.uploads)",
	    PS(token), PS(upload_id));
	if (st != OK)
		return fail(&rq->cx, st, "read share: %s", pg_error(rq->cx.pg));
	if (rows_count(rows) == 0)
		return fail(&rq->cx, E_NOT_FOUND, "no such file in the share");
	return upload_send_of(rq, upload_id, row_text(rows, 0, "user_id"));
}
