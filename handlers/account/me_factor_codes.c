/*
 * POST /api/me/factor/codes -- new recovery codes.
 *
 * in      password (as for /api/me/factor), code
 * out     200 {recovery_codes}: ten; the old ones are worth nothing any more
 * errors  400 invalid_request (details.field password); 400 bad_code; 403 sign_in_again;
 *         404 no second factor; 429 rate_limited
 * proof   tests/it/account/test_trust.py
 */
#include "weir.h"

const struct field me_factor_codes_fields[] = {
	{ "password", F_TEXT, 0, .min = 1, .max = PASSWORD_CHECK_CHARS_MAX },
	{ "code", F_LINE, F_REQUIRED, .min = 1, .max = CODE_CHARS_MAX },
	{ .name = NULL },
};

enum status
h_me_factor_codes(struct request *rq)
{
	json_t *codes;
	enum status st = factor_codes(rq, field_text(rq->json, "password"), field_text(rq->json, "code"), &codes);

	audit(&rq->cx, "auth.factor_codes", audit_user(&rq->cx, rq->cx.caller.user_id),
	    st == OK ? "ok" : status_code(st), NULL);
	return st == OK ? reply_json(rq, 200, codes) : st;
}
