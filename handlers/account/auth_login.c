/*
 * POST /api/auth/login -- sign in.
 *
 * in      login (e-mail address or phone number), password
 * out     200 {user, access_token, token_type, expires_in (s), refresh_token};
 *         the refresh token also as a cookie
 * errors  401 second_factor: the account has one; details {challenge, expires_in}
 *         for POST /api/auth/code; 401 bad_credentials, the same and after the same time for an unknown
 *         name and a wrong password; 403 account_disabled (right password);
 *         429 rate_limited, per address and per login name, be there such an
 *         account or not; 503 overloaded: no turn came within 2 s
 * proof   tests/it/account/test_accounts.py
 */
#include "weir.h"

const struct field auth_login_fields[] = {
	{ "login", F_LINE, F_REQUIRED, .min = 1, .max = LOGIN_CHARS_MAX, .help = "e-mail address or phone number" },
	{ "password", F_TEXT, F_REQUIRED, .min = 1, .max = PASSWORD_CHECK_CHARS_MAX },
	{ .name = NULL },
};

enum status
h_auth_login(struct request *rq)
{
	const char *login = field_text(rq->json, "login"), *user_id;
	struct session_grant grant;
	enum status st = account_login(rq, login, field_text(rq->json, "password"), &grant, &user_id);

	if (st != OK) {
		/* a name nobody has may be a password typed into the wrong box: it is not kept */
		audit(&rq->cx, "auth.login", audit_user(&rq->cx, user_id), status_code(st), NULL);
		return st;
	}
	rq->cx.caller.user_id = user_id;
	audit(&rq->cx, "auth.login", audit_user(&rq->cx, user_id), "ok", NULL);
	return session_reply(rq, 200, &grant);
}
