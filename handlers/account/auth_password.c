/*
 * POST /api/auth/password -- change the caller's password.
 *
 * in      current_password, password (8-128 characters, all kept)
 * out     204; every other session is revoked, this one goes on
 * errors  400 invalid_request (details.field current_password) it is wrong;
 *         409 conflict changed meanwhile; 429 rate_limited; 503 overloaded
 * proof   tests/it/account/test_accounts.py
 */
#include "weir.h"

const struct field auth_password_fields[] = {
	{ "current_password", F_TEXT, F_REQUIRED, .min = 1, .max = PASSWORD_CHECK_CHARS_MAX },
	{ "password", F_TEXT, F_REQUIRED, .min = PASSWORD_CHARS_MIN, .max = PASSWORD_CHARS_MAX, .help = "the new one" },
	{ .name = NULL },
};

enum status
h_auth_password(struct request *rq)
{
	enum status st = account_change_password(
	    rq, field_text(rq->json, "current_password"), field_text(rq->json, "password"));

	audit(&rq->cx, "auth.password", audit_user(&rq->cx, rq->cx.caller.user_id), st == OK ? "ok" : status_code(st),
	    NULL);
	return st == OK ? reply_empty(rq) : st;
}
