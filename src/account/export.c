#include "account/export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/jwt.h"
#include "base/clock.h"
#include "core/reply.h"
#include "jobs/queue.h"
#include "store/store.h"

#define URL_PATH "/api/account-exports/"
/* Of the list of keys: a link stays good over a rotation. */
#define KEYS_TRIED 8

/* ---- links ------------------------------------------------------------- */

static bool
sign(struct context *cx, int n, const char *id, char **out)
{
	unsigned char mac[SHA256_BYTES];

	if (!token_key_mac(cx->arena, cx->conf, n, "account_export", id, mac))
		return false;
	*out = crypto_base64url(cx->arena, mac, sizeof(mac));
	return true;
}

static const char export_json[] =
    "SELECT id, status, json_build_object('status', status, 'url', NULL, 'size_bytes', size_bytes,"
    " 'created_at', json_time(created_at), 'expires_at', json_time(expires_at)) AS json"
    " FROM account_exports WHERE user_id = $1 AND expires_at > now() ORDER BY id DESC LIMIT 1";

enum status
export_find(struct context *cx, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows, export_json, PS(cx->caller.user_id));
	const char *id;
	char *signature;

	if (st != OK)
		return fail(cx, st, "reading an export");
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "no export");
	id = row_text(rows, 0, "id");
	if (!sign(cx, 0, id, &signature))
		return fail(cx, E_UNAVAILABLE, "no key to sign a link with");
	*out = row_json(rows, 0, "json");
	if (strcmp(row_text(rows, 0, "status"), "ready") == 0)
		json_object_set_new(*out, "url",
		    json_string(arena_printf(cx->arena, "%.*s" URL_PATH "%s?signature=%s", (int)conf_site_len(cx->conf),
			cx->conf->server_base_url, id, signature)));
	return OK;
}

/* In a transaction: the row of one that is not being made, and its job. */
static enum status
begin(struct context *cx)
{
	AUTO_ROWS struct rows *rows = NULL;
	char id[UUID_LEN];
	enum status st;

	uuid_v7(id);
	/* one after the other; no key of it changes */
	st = pg_query(cx->pg, NULL, "SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE", PS(cx->caller.user_id));
	if (st == OK)
		st = pg_query(cx->pg, &rows,
		    "WITH old AS (DELETE FROM account_exports WHERE user_id = $1 AND (status = 'ready' OR expires_at <= now()))"
		    " INSERT INTO account_exports (id, user_id, expires_at)"
		    " SELECT $2::uuid, $1::uuid, now() + make_interval(secs => $3) WHERE NOT EXISTS (SELECT FROM"
		    " account_exports WHERE user_id = $1 AND status = 'pending' AND expires_at > now())",
		    PS(cx->caller.user_id), PS(id), PI(cx->conf->auth_export_ttl / 1000));
	if (st != OK)
		return fail(cx, st, "making an export: %s", pg_error(cx->pg));
	return job_submit(cx,
	    &(struct job_ask){
		.kind = "account_export", .unique_key = cx->caller.user_id, .user_id = cx->caller.user_id },
	    NULL);
}

enum status
export_begin(struct context *cx, json_t **out)
{
	enum status st;

	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "making an export");
	if ((st = begin(cx)) != OK) {
		context_rollback(cx);
		return st;
	}
	if ((st = context_commit(cx)) != OK)
		return fail(cx, st, "making an export");
	return export_find(cx, out);
}

enum status
export_send(struct request *rq, const char *id, const char *signature)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct store_object object = { 0 };
	bool holds = false;
	char *wanted;
	enum status st;

	for (int n = 0; id != NULL && signature != NULL && n < KEYS_TRIED && sign(&rq->cx, n, id, &wanted); n++)
		holds = holds ||
		    (strlen(signature) == strlen(wanted) && crypto_equal(signature, wanted, strlen(wanted)));
	if (!holds)
		return fail(&rq->cx, E_NOT_FOUND, "no link of ours");
	st = pg_query_again(rq->cx.pg, &rows,
	    "SELECT " STORE_COLUMNS
	    ", json_time(e.created_at) AS made FROM account_exports e JOIN objects o ON o.id = e.object_id"
	    " JOIN users u ON u.id = e.user_id WHERE e.id = $1 AND e.status = 'ready' AND e.expires_at > now()"
	    " AND u.status = 'active'",
	    PS(id));
	if (st != OK)
		return fail(&rq->cx, st, "reading an export");
	if (rows_count(rows) == 0)
		return fail(&rq->cx, E_NOT_FOUND, "export %s is over", id);
	store_read(rows, 0, &object);
	return store_send(rq, &object,
	    &(struct store_show){ .content_type = "application/json",
		.disposition = arena_printf(
		    rq->cx.arena, "attachment; filename=\"weir-%.10s.json\"", row_text(rows, 0, "made")) });
}

/* ---- writing it -------------------------------------------------------- */

/* What stands in the file: $1 the user, $2 after which row (NULL: from the first); columns json and at, in
 * order.  Pages, so that no account is too large. */
static const struct part {
	const char *name, *sql;
	bool has_urls; /* $3: what stands before the id of an upload */
} parts[] = {
	{ "conversations",
	    "SELECT c.id AS at, json_build_object('id', c.id, 'title', c.title, 'folder',"
	    " (SELECT f.name FROM conversation_folders f WHERE f.id = c.folder_id), 'created_at', json_time(c.created_at),"
	    " 'updated_at', json_time(c.updated_at), 'messages', (SELECT coalesce(json_agg(json_build_object('id', m.id,"
	    " 'role', m.role, 'content', m.content, 'reasoning', m.reasoning, 'status', m.status, 'model', m.model,"
	    " 'calls', CASE WHEN m.has_calls THEN tool_calls_json(m.id) END,"
	    " 'attachments', m.attachments, 'input_tokens', m.input_tokens, 'output_tokens', m.output_tokens,"
	    " 'credits_cost', trim_scale(m.credits_cost), 'shown', m.active, 'created_at', json_time(m.created_at))"
	    " ORDER BY m.sequence), '[]') FROM conversation_messages m WHERE m.conversation_id = c.id AND m.user_id = $1)) AS json"
	    " FROM conversations c WHERE c.user_id = $1 AND ($2::uuid IS NULL OR c.id > $2::uuid) ORDER BY c.id LIMIT 1" },
	{ "assistants",
	    "SELECT a.id AS at, json_build_object('id', a.id, 'name', a.name, 'description', a.description, 'prompt', a.prompt,"
	    " 'temperature', a.temperature, 'top_p', a.top_p, 'max_tokens', a.max_tokens, 'context_messages', a.context_messages,"
	    " 'openers', a.openers, 'share', a.share, 'created_at', json_time(a.created_at)) AS json"
	    " FROM assistants a WHERE a.user_id = $1 AND ($2::uuid IS NULL OR a.id > $2::uuid) ORDER BY a.id LIMIT 100" },
	{ "prompts",
	    "SELECT p.id AS at, json_build_object('id', p.id, 'name', p.name, 'text', p.text,"
	    " 'created_at', json_time(p.created_at)) AS json"
	    " FROM prompts p WHERE p.user_id = $1 AND ($2::uuid IS NULL OR p.id > $2::uuid) ORDER BY p.id LIMIT 100" },
	{ "uploads",
	    "SELECT u.id AS at, json_build_object('id', u.id, 'url', $3::text || u.id, 'content_type', u.content_type,"
	    " 'size_bytes', u.size_bytes, 'is_ai_made', u.is_ai_made, 'created_at', json_time(u.created_at)) AS json"
	    " FROM uploads u WHERE u.user_id = $1 AND ($2::uuid IS NULL OR u.id > $2::uuid) ORDER BY u.id LIMIT 500",
	    .has_urls = true },
	{ "made",
	    "SELECT t.id AS at, json_build_object('id', t.id, 'type', t.type, 'status', t.status, 'asked', t.asked,"
	    " 'result', t.result, 'credits_used', trim_scale(t.credits_used), 'created_at', json_time(t.created_at)) AS json"
	    " FROM tasks t WHERE t.user_id = $1 AND t.type IN ('image', 'video') AND ($2::uuid IS NULL OR t.id > $2::uuid)"
	    " ORDER BY t.id LIMIT 200" },
	{ "knowledge",
	    "SELECT k.id AS at, json_build_object('id', k.id, 'name', k.name, 'created_at', json_time(k.created_at),"
	    " 'documents', (SELECT coalesce(json_agg(json_build_object('id', d.id, 'title', v.title, 'version', d.version,"
	    " 'size_bytes', v.size_bytes) ORDER BY d.id), '[]') FROM kb_document d JOIN kb_version v ON v.document_id = d.id"
	    " AND v.version = d.version WHERE d.kb_id = k.id)) AS json"
	    " FROM kb k WHERE k.user_id = $1 AND k.deleted_at IS NULL AND ($2::uuid IS NULL OR k.id > $2::uuid)"
	    " ORDER BY k.id LIMIT 1" },
	{ "preferences",
	    "SELECT p.user_id AS at, p.preferences AS json FROM user_preferences p"
	    " WHERE p.user_id = $1 AND $2::uuid IS NULL" },
	{ "devices",
	    "SELECT s.id AS at, json_build_object('id', s.id, 'user_agent', s.user_agent, 'created_at', json_time(s.created_at),"
	    " 'last_ok_at', json_time(s.last_ok_at)) AS json FROM push_subscriptions s"
	    " WHERE s.user_id = $1 AND ($2::uuid IS NULL OR s.id > $2::uuid) ORDER BY s.id LIMIT 100" },
	{ "keys",
	    "SELECT k.id AS at, json_build_object('id', k.id, 'name', k.name, 'prefix', k.prefix, 'status', k.status,"
	    " 'created_at', json_time(k.created_at), 'expires_at', json_time(k.expires_at),"
	    " 'last_used_at', json_time(k.last_used_at), 'spent', trim_scale(k.spent)) AS json"
	    " FROM api_keys k WHERE k.user_id = $1 AND ($2::uuid IS NULL OR k.id > $2::uuid) ORDER BY k.id LIMIT 500" },
	{ "credits",
	    "SELECT h.id::text AS at, json_build_object('id', h.id, 'change_type', h.change_type,"
	    " 'change_amount', trim_scale(h.change_amount), 'balance_after', trim_scale(h.balance_after),"
	    " 'description', h.description, 'task_id', h.task_id, 'created_at', json_time(h.created_at)) AS json"
	    " FROM credits_history h WHERE h.user_id = $1 AND ($2::bigint IS NULL OR h.id > $2::bigint)"
	    " ORDER BY h.id LIMIT 1000" },
};

static enum status
add(struct context *cx, struct spool *s, const char *text)
{
	return spool_add(s, text, strlen(text)) ? OK : spool_refuse(cx, "write", s->path);
}

static enum status
add_part(struct context *cx, struct job *job, struct spool *s, const struct part *part, const char *prefix)
{
	char at[UUID_LEN] = "";
	bool first = true;
	enum status st;

	if ((st = add(cx, s, arena_printf(cx->arena, ",\n\"%s\": [", part->name))) != OK)
		return st;
	for (;;) {
		AUTO_ROWS struct rows *rows = NULL;
		struct pg_arg after;

		if (job_stopping(job))
			return fail(cx, E_UNAVAILABLE, "the process is stopping");
		after = PS(*at == '\0' ? NULL : at);
		st = part->has_urls ? pg_query_again(cx->pg, &rows, part->sql, PS(job->user_id), after, PS(prefix))
				    : pg_query_again(cx->pg, &rows, part->sql, PS(job->user_id), after);
		if (st != OK)
			return fail(cx, st, "exporting %s: %s", part->name, pg_error(cx->pg));
		if (rows_count(rows) == 0)
			return add(cx, s, "]");
		for (int i = 0; i < rows_count(rows); i++, first = false)
			if ((st = add(cx, s, first ? "\n" : ",\n")) != OK ||
			    (st = add(cx, s, row_text(rows, i, "json"))) != OK)
				return st;
		snprintf(at, sizeof(at), "%s", row_text(rows, rows_count(rows) - 1, "at"));
	}
}

static enum status
add_head(struct context *cx, struct job *job, struct spool *s)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT json_time(now()) AS now, json_build_object('id', u.id, 'email', u.email, 'phone', u.phone,"
	    " 'nickname', u.nickname, 'role', u.role, 'locale', u.locale, 'credits', trim_scale(u.credits),"
	    " 'created_at', json_time(u.created_at), 'last_login_at', json_time(u.last_login_at)) AS json"
	    " FROM users u WHERE u.id = $1",
	    PS(job->user_id));

	if (st != OK)
		return fail(cx, st, "exporting an account: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return job_give_up(job, fail(cx, E_NOT_FOUND, "the account is gone"));
	return add(cx, s,
	    arena_printf(cx->arena,
		"{\"format\": \"weir-account\", \"version\": 1, \"made_at\": \"%s\",\n\"account\": %s",
		row_text(rows, 0, "now"), row_text(rows, 0, "json")));
}

/* Whose name *kept is; nobody's (NULL) when the export is not wanted any more. */
static enum status
keep(struct context *cx, const struct store_new *placed, const char *export_id, const char **kept)
{
	AUTO_ROWS struct rows *rows = NULL;
	char id[UUID_LEN];
	enum status st;

	uuid_v7(id);
	st = pg_query(cx->pg, &rows,
	    "WITH wanted AS MATERIALIZED (SELECT id FROM account_exports WHERE id = $1 AND status = 'pending' FOR UPDATE),"
	    " o AS MATERIALIZED (SELECT p.id, p.name FROM wanted, object_put($2::uuid, $3, $4::bytea, $5::bigint) AS p)"
	    " UPDATE account_exports e SET status = 'ready', object_id = o.id, size_bytes = $5::bigint FROM o WHERE e.id = $1"
	    " RETURNING o.name",
	    PS(export_id), PS(id), PS(placed->name), PX(placed->sha256, SHA256_BYTES), PI(placed->size_bytes));
	if (st != OK)
		return fail(cx, st, "keeping an export: %s", pg_error(cx->pg));
	*kept = rows_count(rows) == 0 ? NULL : arena_strdup(cx->arena, row_text(rows, 0, "name"));
	return OK;
}

static enum status
write_file(struct context *cx, struct job *job, const char *export_id)
{
	const char *prefix = arena_printf(
	    cx->arena, "%.*s/api/uploads/", (int)conf_site_len(cx->conf), cx->conf->server_base_url);
	struct spool *s = ARENA_NEW(cx->arena, struct spool);
	struct store_new placed;
	const char *kept = NULL;
	enum status st;

	if (!spool_open(cx, s))
		return spool_refuse(cx, "open", cx->conf->uploads_folder);
	st = add_head(cx, job, s);
	for (size_t i = 0; st == OK && i < sizeof(parts) / sizeof(parts[0]); i++)
		st = add_part(cx, job, s, &parts[i], prefix);
	if (st == OK)
		st = add(cx, s, "\n}\n");
	if (st != OK || (st = store_place(cx, s, &placed)) != OK)
		return st;
	st = keep(cx, &placed, export_id, &kept);
	store_placed(cx, &placed, kept);
	return st;
}

enum status
j_account_export(struct context *cx, struct job *job)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (job->user_id == NULL)
		return job_give_up(job, fail(cx, E_INVALID_REQUEST, "of which account?"));
	st = pg_query_again(cx->pg, &rows,
	    "SELECT id FROM account_exports WHERE user_id = $1 AND status = 'pending' AND expires_at > now()"
	    " ORDER BY id DESC LIMIT 1",
	    PS(job->user_id));
	if (st != OK)
		return fail(cx, st, "reading an export: %s", pg_error(cx->pg));
	return rows_count(rows) == 0 ? OK : write_file(cx, job, arena_strdup(cx->arena, row_text(rows, 0, "id")));
}
