/*
 * POST /api/auth/oidc/start -- the way to the sign-in provider.
 *
 * out     200 {url}, where the browser goes; and a cookie that it comes back with
 * errors  403 foreign_origin; 404 there is no provider; 502 provider_failed
 * proof   tests/it/account/test_oidc.py
 */
#include "weir.h"

enum status
h_auth_oidc_start(struct request *rq)
{
	return oidc_start(rq);
}
