#include "account/sessions.h"

#include <string.h>

#include "base/crypto.h"
#include "account/accounts.h"
#include "core/audit.h"
#include "account/jwt.h"
#include "core/reply.h"
#include "limits/rates.h"

#define TOKEN_BYTES 32
#define TOKEN_PREFIX "wr_"
#define TOKEN_LEN (sizeof(TOKEN_PREFIX) - 1 + 43)
/* How long the device that used a token may use it again: tabs that refresh at
 * the same moment, an answer that was lost. */
#define REPEAT_WINDOW "10 seconds"
/* Refreshes of a device within that window that are followed to the newest token. */
#define REPEAT_STEPS_MAX 8

/* A refresh token of these bytes: its text for the client, its hash for us. */
static char *
token_text(struct arena *a, const unsigned char bytes[TOKEN_BYTES], unsigned char hash[SHA256_BYTES])
{
	char *text = arena_printf(a, TOKEN_PREFIX "%s", crypto_base64url(a, bytes, TOKEN_BYTES));

	crypto_sha256(text, strlen(text), hash);
	return text;
}

/* The token that follows `token` when this request's device uses it, made with
 * the `n`th of jwt_keys; NULL when there is none.  Nothing of it is stored but
 * its hash: who has the old token, on the same device, gets it again. */
static char *
next_token(struct request *rq, const char *token, int n, unsigned char hash[SHA256_BYTES])
{
	const char *agent = request_header(rq, "User-Agent");
	char address[LIMITS_ADDRESS_LEN], *from;
	unsigned char bytes[SHA256_BYTES];

	limits_address(rq->cx.client_ip, address);
	from = arena_printf(rq->cx.arena, "%s %s %s", token, address, agent == NULL ? "" : agent);
	if (!token_key_mac(rq->cx.arena, rq->cx.conf, n, "refresh", from, bytes))
		return NULL;
	return token_text(rq->cx.arena, bytes, hash);
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
	unsigned char bytes[TOKEN_BYTES], hash[SHA256_BYTES];
	enum status st;

	*out = (struct session_grant){ .user_id = user_id, .session_id = id };
	uuid_v7(id);
	uuid_v7(token_id);
	crypto_random(bytes, sizeof(bytes));
	out->refresh_token = token_text(cx->arena, bytes, hash);
	out->refresh_expires_in_s = cx->conf->auth_refresh_ttl / 1000;
	if ((st = grant_access(cx, out)) != OK)
		return st;
	st = pg_query(cx->pg, &rows,
	    "WITH who AS (UPDATE users SET last_login_at = now()"
	    "	WHERE id = $1 AND status = 'active' AND ($2::text IS NULL OR password_hash = $2) RETURNING id),"
	    " stays AS (DELETE FROM account_exits x USING who WHERE x.user_id = who.id AND x.begun_at IS NULL),"
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
refuse_refresh(struct context *cx, const unsigned char hash[SHA256_BYTES], struct session_grant *out, enum refresh *how)
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
	if (row_bool(rows, 0, "used"))
		*how = REFRESH_REUSED;
	return fail(cx, E_UNAUTHENTICATED,
	    *how == REFRESH_REUSED ? "refresh token used before: session revoked"
				   : "session revoked, over or its user disabled");
}

/* What a query told about the session of a token that may be exchanged. */
static void
fill_grant(struct context *cx, const struct rows *rows, struct session_grant *out)
{
	out->user_id = arena_strdup(cx->arena, row_text(rows, 0, "user_id"));
	out->session_id = arena_strdup(cx->arena, row_text(rows, 0, "session_id"));
	out->refresh_expires_in_s = row_int(rows, 0, "left_s");
}

/* The token that followed `token` when this device used it a moment ago; *token
 * becomes NULL when it did not.  *fresh: that one was not used in turn. */
static enum status
find_next(struct request *rq, const char **token, struct session_grant *out, bool *fresh)
{
	unsigned char hash[SHA256_BYTES], next_hash[SHA256_BYTES];
	enum status st = OK;
	const char *next;

	crypto_sha256(*token, strlen(*token), hash);
	/* around a change of jwt_keys another key may have made it */
	for (int n = 0; (next = next_token(rq, *token, n, next_hash)) != NULL; n++) {
		AUTO_ROWS struct rows *rows = NULL;

		st = pg_query_again(rq->cx.pg, &rows,
		    "SELECT s.id AS session_id, s.user_id, n.used_at IS NULL AS fresh,"
		    " extract(epoch FROM s.expires_at - now())::bigint AS left_s"
		    " FROM refresh_tokens t JOIN refresh_tokens n ON n.session_id = t.session_id"
		    " JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id"
		    " WHERE t.token_hash = $1 AND n.token_hash = $2"
		    " AND t.used_at > now() - interval '" REPEAT_WINDOW "'"
		    " AND s.revoked_at IS NULL AND s.expires_at > now() AND u.status = 'active'",
		    PX(hash, sizeof(hash)), PX(next_hash, sizeof(next_hash)));
		if (st != OK)
			return fail(&rq->cx, st, "looking up a refresh token used before");
		if (rows_count(rows) == 0)
			continue;
		*fresh = row_bool(rows, 0, "fresh");
		fill_grant(&rq->cx, rows, out);
		break;
	}
	*token = next;
	return OK;
}

/* The token was used: if this device did that a moment ago it gets what it got
 * then, or the newest of what came since; *found says so. */
static enum status
repeat_refresh(struct request *rq, const char *token, struct session_grant *out, bool *found)
{
	bool fresh = false;
	enum status st;

	*found = false;
	for (int i = 0; i < REPEAT_STEPS_MAX && token != NULL && !fresh; i++)
		if ((st = find_next(rq, &token, out, &fresh)) != OK)
			return st;
	if (token == NULL || !fresh)
		return OK;
	*found = true;
	out->refresh_token = arena_strdup(rq->cx.arena, token);
	return grant_access(&rq->cx, out);
}

/* Exchange the token with `hash` for the one with `next_hash`; no rows: it cannot be. */
static enum status
exchange(struct context *cx, const unsigned char hash[SHA256_BYTES], const unsigned char next_hash[SHA256_BYTES],
    struct rows **rows)
{
	char next_id[UUID_LEN];
	enum status st;

	uuid_v7(next_id);
	st = pg_query(cx->pg, rows,
	    "WITH used AS (UPDATE refresh_tokens t SET used_at = now() FROM sessions s JOIN users u ON u.id = s.user_id"
	    "	WHERE t.token_hash = $1 AND t.used_at IS NULL AND t.expires_at > now() AND s.id = t.session_id"
	    "	AND s.revoked_at IS NULL AND s.expires_at > now() AND u.status = 'active'"
	    "	RETURNING t.session_id, s.user_id, s.expires_at),"
	    " next AS (INSERT INTO refresh_tokens (id, session_id, token_hash, expires_at)"
	    "	SELECT $2::uuid, session_id, $3::bytea, expires_at FROM used)"
	    " SELECT session_id, user_id, extract(epoch FROM expires_at - now())::bigint AS left_s FROM used",
	    PX(hash, SHA256_BYTES), PS(next_id), PX(next_hash, SHA256_BYTES));
	return st == OK ? OK : fail(cx, st, "exchanging a refresh token");
}

enum status
session_refresh(struct request *rq, const char *refresh_token, struct session_grant *out, enum refresh *how)
{
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char hash[SHA256_BYTES], next_hash[SHA256_BYTES];
	bool found;
	enum status st;

	*out = (struct session_grant){ 0 };
	*how = REFRESH_FIRST;
	if (!hash_token(refresh_token, hash))
		return fail(&rq->cx, E_UNAUTHENTICATED, "no refresh token of ours");
	if ((out->refresh_token = next_token(rq, refresh_token, 0, next_hash)) == NULL)
		return fail(&rq->cx, E_UNAVAILABLE, "no key to make a refresh token with");
	if ((st = exchange(&rq->cx, hash, next_hash, &rows)) != OK)
		return st;
	if (rows_count(rows) > 0) {
		fill_grant(&rq->cx, rows, out);
		return grant_access(&rq->cx, out);
	}
	if ((st = repeat_refresh(rq, refresh_token, out, &found)) != OK)
		return st;
	*how = found ? REFRESH_REPEATED : REFRESH_FIRST;
	return found ? OK : refuse_refresh(&rq->cx, hash, out, how);
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
