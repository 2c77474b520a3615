/*
 * POST /api/auth/forgot -- mail a link to set a new password.
 *
 * in      email
 * out     202, whether or not there is such an account
 * errors  503 unavailable: no mail is configured
 * note    three links per account and quarter of an hour; the mail leaves after
 *         the answer, so that the time tells nothing either
 * proof   tests/it/account/test_accounts.py
 */
#include "weir.h"

const struct field auth_forgot_fields[] = {
	{ "email", F_EMAIL, F_REQUIRED, .help = "the address of the account" },
	{ .name = NULL },
};

enum status
h_auth_forgot(struct request *rq)
{
	const char *user_id;
	enum status st;

	if (!mail_configured(rq->cx.conf))
		return fail(&rq->cx, E_UNAVAILABLE, "no mail is configured");
	if ((st = account_forgot(&rq->cx, field_text(rq->json, "email"), &user_id)) != OK)
		return st;
	audit(&rq->cx, "auth.forgot", audit_user(&rq->cx, user_id), user_id == NULL ? "denied" : "ok", NULL);
	return reply_json(rq, 202, json_object());
}
