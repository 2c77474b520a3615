/*
 * POST /api/auth/refresh -- exchange a refresh token for new tokens.
 *
 * in      refresh_token?, else the cookie
 * out     200 {user, access_token, token_type, expires_in (s), refresh_token};
 *         the token given is used up, but the device that used it (User-Agent
 *         and address) gets the same successor again for 10 s
 * errors  401 unauthenticated: unknown, over, revoked, or used before; the last
 *         revokes the whole session, because somebody has a copy;
 *         403 foreign_origin: sent by a page of another site (header Origin)
 * proof   tests/it/account/test_sessions.py
 */
#include "weir.h"

const struct field auth_refresh_fields[] = {
	{ "refresh_token", F_LINE, 0, .max = 200, .help = "absent: the cookie is used" },
	{ .name = NULL },
};

enum status
h_auth_refresh(struct request *rq)
{
	const char *token = session_token_given(rq), *result;
	struct session_grant grant;
	enum status st;
	enum refresh how;

	if ((st = origin_check(rq, SESSION_COOKIE)) != OK)
		return st;
	if (token == NULL)
		return fail(&rq->cx, E_UNAUTHENTICATED, "no refresh token");
	st = session_refresh(rq, token, &grant, &how);
	rq->cx.caller.user_id = grant.user_id;
	if (st != OK) {
		result = how == REFRESH_REUSED ? "token_reuse" : status_code(st);
		audit(&rq->cx, "auth.refresh", audit_user(&rq->cx, grant.user_id), result, NULL);
		if (st == E_UNAUTHENTICATED)
			session_clear_cookie(rq);
		return st;
	}
	audit(&rq->cx, "auth.refresh", audit_user(&rq->cx, grant.user_id), how == REFRESH_REPEATED ? "repeated" : "ok",
	    NULL);
	return session_reply(rq, 200, &grant);
}
