/*
 * POST /api/auth/register -- make an account and sign it in.
 *
 * in      email or phone, password (8-128 characters, all kept), nickname?,
 *         invitation? (required where registration is by invitation)
 * out     201 {user, access_token, token_type, expires_in (s), refresh_token};
 *         the refresh token also as a cookie; gifts are ledger entries
 * errors  400 invalid_token (invitation); 403 registration_closed; 409 conflict
 *         (details.field) the login name is taken; 503 overloaded
 * proof   tests/it/account/test_accounts.py
 */
#include "weir.h"

const struct field auth_register_fields[] = {
	{ "email", F_EMAIL, 0, .help = "login name, in whatever case; email or phone is required" },
	{ "phone", F_PHONE, 0, .help = "login name; kept in E.164: with + and calling code, or of the site's country" },
	{ "password", F_TEXT, F_REQUIRED, .min = PASSWORD_CHARS_MIN, .max = PASSWORD_CHARS_MAX },
	{ "nickname", F_LINE, 0, .min = 1, .max = NICKNAME_CHARS_MAX, .help = "shown name" },
	{ "invitation", F_LINE, 0, .min = 1, .max = 64, .help = "where registration is by invitation" },
	{ .name = NULL },
};

enum status
h_auth_register(struct request *rq)
{
	struct registration in = {
		.email = field_text(rq->json, "email"),
		.phone = field_text(rq->json, "phone"),
		.password = field_text(rq->json, "password"),
		.nickname = field_text(rq->json, "nickname"),
		.invitation = field_text(rq->json, "invitation"),
	};
	struct session_grant grant;
	enum status st;

	if (in.email == NULL && in.phone == NULL)
		return fail_field(&rq->cx, "email", "is required, or phone");
	st = account_register(rq, &in, &grant);
	if (st != OK) {
		audit(&rq->cx, "auth.register", NULL, status_code(st), NULL);
		return st;
	}
	rq->cx.caller.user_id = grant.user_id;
	audit(&rq->cx, "auth.register", audit_user(&rq->cx, grant.user_id), "ok", NULL);
	return session_reply(rq, 201, &grant);
}
