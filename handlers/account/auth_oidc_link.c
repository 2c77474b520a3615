/*
 * POST /api/auth/oidc/link -- back from the sign-in provider, to link it to the caller's account.
 *
 * in      as /api/auth/oidc/finish; the caller has begun it by POST /api/me/identities
 * out     204
 * errors  400 invalid_token not who or the browser that began it, or too late, or twice; 403
 *         provider_refused, foreign_origin; 404 there is no provider; 409 conflict linked to
 *         another account; 502 provider_failed
 * proof   tests/it/account/test_oidc.py
 */
#include "weir.h"

enum status
h_auth_oidc_link(struct request *rq)
{
	return oidc_finish(
	    rq, field_text(rq->json, "state"), field_text(rq->json, "code"), field_text(rq->json, "iss"));
}
