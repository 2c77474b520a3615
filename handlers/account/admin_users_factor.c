/*
 * DELETE /api/admin/users/{user_id}/factor -- take away a second factor that is lost.
 *
 * out     204; the account signs in with its first factor alone
 * errors  403 no admin; 404 no such account, or it has none; 409 one's own: that takes
 *         password and code
 * proof   tests/it/account/test_trust.py
 */
#include "weir.h"

enum status
h_admin_users_factor(struct request *rq)
{
	const char *id = path_uuid(rq, "user_id");
	enum status st;

	if (id != NULL && strcmp(id, rq->cx.caller.user_id) == 0)
		return fail(&rq->cx, E_CONFLICT, "an admin's own second factor");
	st = id == NULL ? E_NOT_FOUND : factor_reset(rq->cx.pg, id);
	if (st != OK)
		return fail(&rq->cx, st, "second factor of a user");
	audit(&rq->cx, "user.factor_reset", audit_user(&rq->cx, id), "ok", NULL);
	return reply_empty(rq);
}
