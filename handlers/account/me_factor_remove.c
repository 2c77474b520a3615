/*
 * POST /api/me/factor/remove -- turn the second factor off.
 *
 * in      password (as for /api/me/factor), code
 * out     204
 * errors  400 invalid_request (details.field password); 400 bad_code; 403 sign_in_again;
 *         404 no second factor; 429 rate_limited
 * proof   tests/it/account/test_trust.py
 */
#include "weir.h"

const struct field me_factor_remove_fields[] = {
	{ "password", F_TEXT, 0, .min = 1, .max = PASSWORD_CHECK_CHARS_MAX },
	{ "code", F_LINE, F_REQUIRED, .min = 1, .max = CODE_CHARS_MAX },
	{ .name = NULL },
};

enum status
h_me_factor_remove(struct request *rq)
{
	enum status st = factor_remove(rq, field_text(rq->json, "password"), field_text(rq->json, "code"));

	audit(&rq->cx, "auth.factor_off", audit_user(&rq->cx, rq->cx.caller.user_id), st == OK ? "ok" : status_code(st),
	    NULL);
	return st == OK ? reply_empty(rq) : st;
}
