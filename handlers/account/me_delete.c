/*
 * POST /api/me/delete -- delete the caller's account.
 *
 * in      password (of accounts without one: signed in within 10 minutes); name: the
 *         account's e-mail address or phone number, typed anew
 * out     202 {erase_at}: sessions, API keys and shared links have ended; who signs in
 *         before that keeps the rest
 * errors  400 invalid_request (details.field password, name); 403 sign_in_again; 409 conflict
 *         the only admin; 429 rate_limited
 * proof   tests/it/account/test_leaving.py
 */
#include "weir.h"

const struct field me_delete_fields[] = {
	{ "password", F_TEXT, 0, .min = 1, .max = PASSWORD_CHECK_CHARS_MAX },
	{ "name", F_LINE, F_REQUIRED, .min = 1, .max = LOGIN_CHARS_MAX,
	    .help = "e-mail address or phone number of the account" },
	{ .name = NULL },
};

enum status
h_me_delete(struct request *rq)
{
	json_t *leaving;
	enum status st = account_leave(rq, field_text(rq->json, "password"), field_text(rq->json, "name"), &leaving);

	audit(&rq->cx, "user.delete", audit_user(&rq->cx, rq->cx.caller.user_id), st == OK ? "ok" : status_code(st),
	    NULL);
	if (st != OK)
		return st;
	session_clear_cookie(rq);
	return reply_json(rq, 202, leaving);
}
