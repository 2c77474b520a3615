/*
 * DELETE /api/me/identities/{identity_id} -- unlink one.
 *
 * out     204
 * errors  404 not the caller's; 409 the last one of an account without a password
 * proof   tests/it/account/test_oidc.py
 */
#include "weir.h"

enum status
h_me_identities_unlink(struct request *rq)
{
	enum status st = identity_unlink(&rq->cx, path_uuid(rq, "identity_id"));

	audit(&rq->cx, "auth.unlink", audit_user(&rq->cx, rq->cx.caller.user_id), st == OK ? "ok" : status_code(st),
	    NULL);
	return st == OK ? reply_empty(rq) : st;
}
