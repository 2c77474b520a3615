/*
 * POST /api/auth/oidc/finish -- back from the sign-in provider.
 *
 * in      state, code, iss?: of the address the provider sent the browser to
 * out     200 as /api/auth/login
 * errors  400 invalid_token not the browser that began it, or too late, or twice; 401
 *         second_factor; 403 provider_refused what the provider says does not hold; 403
 *         no_account, account_disabled, foreign_origin; 404 there is no provider; 502
 *         provider_failed
 * proof   tests/it/account/test_oidc.py
 */
#include "weir.h"

const struct field auth_oidc_finish_fields[] = {
	{ "state", F_LINE, F_REQUIRED, .min = 1, .max = 200 },
	{ "code", F_LINE, F_REQUIRED, .min = 1, .max = 4096 },
	{ "iss", F_LINE, 0, .min = 1, .max = 2048, .help = "RFC 9207" },
	{ .name = NULL },
};

enum status
h_auth_oidc_finish(struct request *rq)
{
	return oidc_finish(
	    rq, field_text(rq->json, "state"), field_text(rq->json, "code"), field_text(rq->json, "iss"));
}
