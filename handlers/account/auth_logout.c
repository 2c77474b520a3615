/*
 * POST /api/auth/logout -- end a session.
 *
 * in      refresh_token?, else the cookie, else the access token
 * out     204, also when there was no session to end; the cookie is cleared
 * errors  403 foreign_origin: sent by a page of another site (header Origin)
 * note    works with an access token that is over, so that signing out cannot fail
 * proof   tests/it/account/test_sessions.py
 */
#include "weir.h"

const struct field auth_logout_fields[] = {
	{ "refresh_token", F_LINE, 0, .max = 200, .help = "absent: the cookie, or the access token's session" },
	{ .name = NULL },
};

/* The session of the access token, if one was sent and holds. */
static enum status
end_callers_session(struct request *rq, const char **user_id)
{
	int64_t count;
	enum status st;

	if ((st = auth_try(rq)) != OK || rq->cx.caller.user_id == NULL)
		return st;
	*user_id = rq->cx.caller.user_id;
	st = sessions_revoke(rq->cx.pg, *user_id, rq->cx.caller.session_id, NULL, "logout", &count);
	return st == OK ? OK : fail(&rq->cx, st, "closing a session");
}

enum status
h_auth_logout(struct request *rq)
{
	const char *token = session_token_given(rq), *user_id = NULL;
	enum status st = origin_check(rq, SESSION_COOKIE);

	if (st == OK && token != NULL)
		st = session_close(&rq->cx, token, &user_id);
	if (st == OK && user_id == NULL)
		st = end_callers_session(rq, &user_id);
	if (st != OK)
		return st;
	if (user_id != NULL) {
		rq->cx.caller.user_id = user_id;
		audit(&rq->cx, "auth.logout", audit_user(&rq->cx, user_id), "ok", NULL);
	}
	session_clear_cookie(rq);
	return reply_empty(rq);
}
