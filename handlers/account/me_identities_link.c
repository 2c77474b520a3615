/*
 * POST /api/me/identities -- begin to link a sign-in provider.
 *
 * in      password (of accounts without one: signed in within 10 minutes)
 * out     200 {url} as /api/auth/oidc/start
 * errors  400 invalid_request (details.field password); 403 sign_in_again, foreign_origin; 404
 *         there is no provider; 429 rate_limited; 502 provider_failed
 * proof   tests/it/account/test_oidc.py
 */
#include "weir.h"

const struct field me_identities_link_fields[] = {
	{ "password", F_TEXT, 0, .min = 1, .max = PASSWORD_CHECK_CHARS_MAX },
	{ .name = NULL },
};

enum status
h_me_identities_link(struct request *rq)
{
	return oidc_link(rq, field_text(rq->json, "password"));
}
