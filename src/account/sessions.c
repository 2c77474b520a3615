#include "account/sessions.h"

#include <string.h>

#include "base/crypto.h"
#include "account/accounts.h"
#include "core/audit.h"
#include "account/jwt.h"
#include "core/reply.h"

#define TOKEN_BYTES 32
#define TOKEN_PREFIX "wr_"
#define TOKEN_LEN (sizeof(TOKEN_PREFIX) - 1 + 43)

/* A new refresh token: its text for the client, its hash for us. */
static char *
new_token(struct arena *a, unsigned char hash[SHA256_BYTES])
{
	unsigned char bytes[TOKEN_BYTES];
	char *text;

	crypto_random(bytes, sizeof(bytes));
	text = arena_printf(a, TOKEN_PREFIX "%s", crypto_base64url(a, bytes, sizeof(bytes)));
	crypto_sha256(text, strlen(text), hash);
	return text;
}

/* False when `text` cannot be one of ours: no need to ask the database. */
static bool
hash_token(const char *text, unsigned char hash[SHA256_BYTES])
{
	if (text == NULL || strlen(text) != TOKEN_LEN || strncmp(text, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) != 0)
		return false;
	crypto_sha256(text, strlen(text), hash);
	return true;
}

static enum status
grant_access(struct context *cx, struct session_grant *grant)
{
	grant->expires_in_s = cx->conf->auth_access_ttl / 1000;
	if (access_token_issue(cx->arena, cx->conf, grant->user_id, grant->session_id, &grant->access_token) != OK)
		return fail(cx, E_UNAVAILABLE, "no access token could be issued");
	return OK;
}

enum status
session_open(struct context *cx, const char *user_id, const char *password_hash, struct session_grant *out)
{
	AUTO_ROWS struct rows *rows = NULL;
	char *id = arena_alloc(cx->arena, UUID_LEN), token_id[UUID_LEN];
	unsigned char hash[SHA256_BYTES];
	enum status st;

	*out = (struct session_grant){ .user_id = user_id, .session_id = id };
	uuid_v7(id);
	uuid_v7(token_id);
	out->refresh_token = new_token(cx->arena, hash);
	out->refresh_expires_in_s = cx->conf->auth_refresh_ttl / 1000;
	if ((st = grant_access(cx, out)) != OK)
		return st;
	st = pg_query(cx->pg, &rows,
	    "WITH who AS (UPDATE users SET last_login_at = now()"
	    "	WHERE id = $1 AND status = 'active' AND password_hash = $2 RETURNING id),"
	    " session AS (INSERT INTO sessions (id, user_id, expires_at, user_agent, ip)"
	    "	SELECT $3::uuid, id, now() + make_interval(secs => $4), $5, $6::inet FROM who RETURNING id, expires_at)"
	    " INSERT INTO refresh_tokens (id, session_id, token_hash, expires_at)"
	    " SELECT $7::uuid, id, $8::bytea, expires_at FROM session RETURNING session_id",
	    PS(user_id), PS(password_hash), PS(id), PI(out->refresh_expires_in_s), PS(cx->user_agent),
	    PS(audit_address(cx->client_ip)), PS(token_id), PX(hash, sizeof(hash)));
	if (st != OK)
		return fail(cx, st, "opening a session");
	if (rows_count(rows) == 0)
		return fail(cx, E_BAD_CREDENTIALS, "password or status changed meanwhile");
	return OK;
}

/* The token could not be exchanged: why?  One that was used before gives its
 * session away. */
static enum status
refuse_refresh(struct context *cx, const unsigned char hash[SHA256_BYTES], struct session_grant *out, bool *reused)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows,
	    "WITH token AS (SELECT t.session_id, s.user_id, t.used_at IS NOT NULL AS used"
	    "	FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE t.token_hash = $1),"
	    " revoked AS (UPDATE sessions s SET revoked_at = now(), revoke_reason = 'token_reuse' FROM token"
	    "	WHERE s.id = token.session_id AND token.used AND s.revoked_at IS NULL)"
	    " SELECT session_id, user_id, used FROM token",
	    PX(hash, SHA256_BYTES));

	if (st != OK)
		return fail(cx, st, "refusing a refresh token");
	if (rows_count(rows) == 0)
		return fail(cx, E_UNAUTHENTICATED, "unknown refresh token");
	out->user_id = arena_strdup(cx->arena, row_text(rows, 0, "user_id"));
	out->session_id = arena_strdup(cx->arena, row_text(rows, 0, "session_id"));
	*reused = row_bool(rows, 0, "used");
	return fail(cx, E_UNAUTHENTICATED,
	    *reused ? "refresh token used before: session revoked" : "session revoked, over or its user disabled");
}

enum status
session_refresh(struct context *cx, const char *refresh_token, struct session_grant *out, bool *reused)
{
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char hash[SHA256_BYTES], next_hash[SHA256_BYTES];
	char next_id[UUID_LEN];
	enum status st;

	*out = (struct session_grant){ 0 };
	*reused = false;
	if (!hash_token(refresh_token, hash))
		return fail(cx, E_UNAUTHENTICATED, "no refresh token of ours");
	uuid_v7(next_id);
	out->refresh_token = new_token(cx->arena, next_hash);
	st = pg_query(cx->pg, &rows,
	    "WITH used AS (UPDATE refresh_tokens t SET used_at = now() FROM sessions s JOIN users u ON u.id = s.user_id"
	    "	WHERE t.token_hash = $1 AND t.used_at IS NULL AND t.expires_at > now() AND s.id = t.session_id"
	    "	AND s.revoked_at IS NULL AND s.expires_at > now() AND u.status = 'active'"
	    "	RETURNING t.session_id, s.user_id, s.expires_at),"
	    " next AS (INSERT INTO refresh_tokens (id, session_id, token_hash, expires_at)"
	    "	SELECT $2::uuid, session_id, $3::bytea, expires_at FROM used)"
	    " SELECT session_id, user_id, extract(epoch FROM expires_at - now())::bigint AS left_s FROM used",
	    PX(hash, sizeof(hash)), PS(next_id), PX(next_hash, sizeof(next_hash)));
	if (st != OK)
		return fail(cx, st, "exchanging a refresh token");
	if (rows_count(rows) == 0)
		return refuse_refresh(cx, hash, out, reused);
	out->user_id = arena_strdup(cx->arena, row_text(rows, 0, "user_id"));
	out->session_id = arena_strdup(cx->arena, row_text(rows, 0, "session_id"));
	out->refresh_expires_in_s = row_int(rows, 0, "left_s");
	return grant_access(cx, out);
}

enum status
session_close(struct context *cx, const char *refresh_token, const char **user_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char hash[SHA256_BYTES];
	enum status st;

	*user_id = NULL;
	if (!hash_token(refresh_token, hash))
		return OK;
	st = pg_query_again(cx->pg, &rows,
	    "UPDATE sessions s SET revoked_at = coalesce(s.revoked_at, now()),"
	    " revoke_reason = coalesce(s.revoke_reason, 'logout')"
	    " FROM refresh_tokens t WHERE t.token_hash = $1 AND s.id = t.session_id RETURNING s.user_id",
	    PX(hash, sizeof(hash)));
	if (st != OK)
		return fail(cx, st, "closing a session");
	if (rows_count(rows) > 0)
		*user_id = arena_strdup(cx->arena, row_text(rows, 0, "user_id"));
	return OK;
}

enum status
sessions_revoke(
    struct pg *pg, const char *user_id, const char *id, const char *keep, const char *reason, int64_t *count)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(pg, &rows,
	    "UPDATE sessions SET revoked_at = now(), revoke_reason = $4"
	    " WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now()"
	    " AND ($2::uuid IS NULL OR id = $2) AND ($3::uuid IS NULL OR id <> $3)",
	    PS(user_id), PS(id), PS(keep), PS(reason));

	if (st == OK)
		*count = rows_affected(rows);
	return st;
}

enum status
sessions_list(struct context *cx, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT coalesce(json_agg(json_build_object('id', id, 'current', id = $2::uuid,"
	    " 'created_at', json_time(created_at), 'expires_at', json_time(expires_at),"
	    " 'user_agent', user_agent, 'ip', host(ip)) ORDER BY created_at DESC), '[]') AS json"
	    " FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now()",
	    PS(cx->caller.user_id), PS(cx->caller.session_id));

	if (st != OK)
		return fail(cx, st, "listing sessions");
	*out = row_json(rows, 0, "json");
	return OK;
}

const char *
session_token_given(struct request *rq)
{
	const char *token = rq->json == NULL ? NULL : field_text(rq->json, "refresh_token");

	return token != NULL ? token : request_cookie(rq, SESSION_COOKIE);
}

static void
set_cookie(struct request *rq, const char *value, int64_t max_age_s)
{
	reply_header(rq, "Set-Cookie", SESSION_COOKIE "=%s; Max-Age=%lld; Path=/api/auth; HttpOnly; SameSite=Strict%s",
	    value, (long long)max_age_s, rq->cx.conf->auth_secure_cookie ? "; Secure" : "");
}

void
session_set_cookie(struct request *rq, const struct session_grant *grant)
{
	set_cookie(rq, grant->refresh_token, grant->refresh_expires_in_s);
}

void
session_clear_cookie(struct request *rq)
{
	set_cookie(rq, "", 0);
}

enum status
session_reply(struct request *rq, int http_status, const struct session_grant *grant)
{
	json_t *user;
	enum status st;

	if ((st = account_json(&rq->cx, grant->user_id, &user)) != OK)
		return st;
	session_set_cookie(rq, grant);
	return reply_json(rq, http_status,
	    json_pack("{s:o, s:s, s:s, s:I, s:s}", "user", user, "access_token", grant->access_token, "token_type",
		"Bearer", "expires_in", (json_int_t)grant->expires_in_s, "refresh_token", grant->refresh_token));
}
