/*
 * POST /api/me/factor/confirm -- turn a second factor on.
 *
 * in      code, which the app shows
 * out     200 {recovery_codes}: ten, shown this once; every other session has ended
 * errors  400 bad_code; 404 nothing was begun; 429 rate_limited
 * proof   tests/it/account/test_trust.py
 */
#include "weir.h"

const struct field me_factor_confirm_fields[] = {
	{ "code", F_LINE, F_REQUIRED, .min = 1, .max = CODE_CHARS_MAX },
	{ .name = NULL },
};

enum status
h_me_factor_confirm(struct request *rq)
{
	json_t *codes;
	enum status st = factor_confirm(&rq->cx, field_text(rq->json, "code"), &codes);

	audit(&rq->cx, "auth.factor_on", audit_user(&rq->cx, rq->cx.caller.user_id), st == OK ? "ok" : status_code(st),
	    NULL);
	return st == OK ? reply_json(rq, 200, codes) : st;
}
