/*
 * POST /api/auth/code -- the second half of a sign-in.
 *
 * in      challenge (of the error second_factor), code: six digits of an app, or a
 *         recovery code
 * out     200 as /api/auth/login
 * errors  400 invalid_token the challenge is unknown, over, or was tried five times: begin
 *         anew; 400 bad_code; 403 account_disabled; 429 rate_limited, longer with each
 *         wrong code in a row
 * proof   tests/it/account/test_trust.py
 */
#include "weir.h"

const struct field auth_code_fields[] = {
	{ "challenge", F_LINE, F_REQUIRED, .min = 1, .max = 100, .help = "details.challenge of the first half" },
	{ "code", F_LINE, F_REQUIRED, .min = 1, .max = CODE_CHARS_MAX, .help = "of the app, or a recovery code" },
	{ .name = NULL },
};

enum status
h_auth_code(struct request *rq)
{
	struct session_grant grant;
	const char *user_id;
	enum status st = challenge_answer(
	    &rq->cx, field_text(rq->json, "challenge"), field_text(rq->json, "code"), &grant, &user_id);

	if (st == OK)
		rq->cx.caller.user_id = user_id;
	audit(&rq->cx, "auth.code", audit_user(&rq->cx, user_id), st == OK ? "ok" : status_code(st), NULL);
	return st == OK ? session_reply(rq, 200, &grant) : st;
}
