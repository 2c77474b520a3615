/*
 * POST /api/me/factor -- begin a second factor.
 *
 * in      password; not of accounts without one, that signed in within 10 minutes
 * out     201 {secret (base32), uri (otpauth, to be shown as a QR code)}; it asks for
 *         nothing until it is confirmed, and begun again it is another one
 * errors  400 invalid_request (details.field password); 403 sign_in_again; 409 conflict
 *         there is one; 429 rate_limited
 * proof   tests/it/account/test_trust.py
 */
#include "weir.h"

const struct field me_factor_begin_fields[] = {
	{ "password", F_TEXT, 0, .min = 1, .max = PASSWORD_CHECK_CHARS_MAX },
	{ .name = NULL },
};

enum status
h_me_factor_begin(struct request *rq)
{
	json_t *secret;
	enum status st = factor_begin(rq, field_text(rq->json, "password"), &secret);

	return st == OK ? reply_json(rq, 201, secret) : st;
}
