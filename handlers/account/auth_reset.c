/*
 * POST /api/auth/reset -- set a new password by a mailed token.
 *
 * in      token, password (8-128 characters, all kept)
 * out     204; every session of the account is revoked, the token is used up
 * errors  400 invalid_token unknown, over or used; 503 overloaded
 * proof   tests/it/account/test_accounts.py
 */
#include "weir.h"

const struct field auth_reset_fields[] = {
	{ "token", F_LINE, F_REQUIRED, .min = 1, .max = 200, .help = "from the mail" },
	{ "password", F_TEXT, F_REQUIRED, .min = PASSWORD_CHARS_MIN, .max = PASSWORD_CHARS_MAX, .help = "the new one" },
	{ .name = NULL },
};

enum status
h_auth_reset(struct request *rq)
{
	const char *user_id;
	enum status st = account_reset(rq, field_text(rq->json, "token"), field_text(rq->json, "password"), &user_id);

	rq->cx.caller.user_id = user_id;
	audit(&rq->cx, "auth.reset", audit_user(&rq->cx, user_id), st == OK ? "ok" : status_code(st), NULL);
	if (st != OK)
		return st;
	session_clear_cookie(rq);
	return reply_empty(rq);
}
