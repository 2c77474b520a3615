/*
 * GET /api/auth/methods -- how one signs in here, besides with a password.
 *
 * out     200 {oidc: {name} or null, registration: open, invite or closed}
 * proof   tests/it/account/test_oidc.py
 */
#include "weir.h"

enum status
h_auth_methods(struct request *rq)
{
	const struct conf *conf = rq->cx.conf;
	json_t *oidc = oidc_is_on(conf) ? json_pack("{s:s}", "name", conf->oidc_name) : json_null();

	return reply_json(rq, 200, json_pack("{s:o, s:s}", "oidc", oidc, "registration", conf->auth_registration));
}
