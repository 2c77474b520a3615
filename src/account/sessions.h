/*
 * Sessions: one per sign-in, with its family of refresh tokens.
 *
 * A refresh token ("wr_" and 256 bits) is stored hashed and used once: it is
 * exchanged for an access token and its successor.  Who shows a used one has a
 * copy, or the other has: the whole session is revoked.
 *
 * But for 10 s the device that used a token may use it again, and gets the same
 * successor: two tabs refresh at the same moment, or the answer was lost.  The
 * successor is an HMAC, under the first of conf->auth_jwt_keys, of the old token
 * and the device, so that it can be made again without being stored, and a
 * device that is another one makes another one, which nobody knows.  A device
 * is what sends the same User-Agent from the same address (IPv6: the same /64):
 * little to go by, but a thief who has both and is that quick gets what he would
 * get by being the first, and the next refresh of either gives him away.
 *
 * A session ends
 * conf->auth_refresh_ttl after the sign-in, however often it was refreshed.
 *
 * In browsers the refresh token travels in the cookie weir_refresh (HttpOnly,
 * SameSite=Strict, Path=/api/auth), which scripts cannot read and other sites
 * cannot send.
 */
#ifndef WEIR_ACCOUNT_SESSIONS_H
#define WEIR_ACCOUNT_SESSIONS_H

#include "core/request.h"

#define SESSION_COOKIE "weir_refresh"

/* What a signed-in client gets. */
struct session_grant {
	const char *user_id, *session_id;
	char *access_token, *refresh_token;
	int64_t expires_in_s, refresh_expires_in_s;
};

/* Open a session for a user whose password was checked against
 * `password_hash` (NULL: who was known otherwise): it fails with E_BAD_CREDENTIALS when that is not the hash
 * any more, or the account is disabled.  One that its owner had deleted stays after all.  Inside or outside a transaction. */
enum status session_open(
    struct context *cx, const char *user_id, const char *password_hash, struct session_grant *out) MUST_CHECK;
/* How a refresh token was used. */
enum refresh {
	REFRESH_FIRST,	  /* for the first time, or it is none that may be used */
	REFRESH_REPEATED, /* again by the same device within 10 s */
	REFRESH_REUSED,	  /* again otherwise */
};
/* Exchange a refresh token.  E_UNAUTHENTICATED when it is unknown, over or
 * revoked, or REFRESH_REUSED: then the session is revoked.  *out has user_id and
 * session_id wherever they are known. */
enum status session_refresh(
    struct request *rq, const char *refresh_token, struct session_grant *out, enum refresh *how) MUST_CHECK;
/* Revoke the session a refresh token belongs to, used or not; *user_id is NULL
 * when there is none. */
enum status session_close(struct context *cx, const char *refresh_token, const char **user_id) MUST_CHECK;
/* Revoke the caller's session `id`, or all of them (NULL) but `keep` (may be
 * NULL); *count is how many were live. */
enum status sessions_revoke(struct pg *pg, const char *user_id, const char *id, const char *keep, const char *reason,
    int64_t *count) MUST_CHECK;
/* The caller's live sessions, newest first, as a JSON array the caller owns. */
enum status sessions_list(struct context *cx, json_t **out) MUST_CHECK;

/* The refresh token of this request: "refresh_token" of the body, else the
 * cookie; NULL when there is neither. */
const char *session_token_given(struct request *rq);
/* Set or clear the cookie. */
void session_set_cookie(struct request *rq, const struct session_grant *grant);
void session_clear_cookie(struct request *rq);
/* Answer with {"user","access_token","token_type","expires_in","refresh_token"}
 * and set the cookie. */
enum status session_reply(struct request *rq, int http_status, const struct session_grant *grant);

#endif
