/*
 * DELETE /api/me/sessions/{session_id} -- sign out one device.
 *
 * out     204
 * errors  404 not a live session of the caller
 * proof   tests/it/account/test_accounts.py
 */
#include "weir.h"

enum status
h_me_session_delete(struct request *rq)
{
	const char *id = path_uuid(rq, "session_id");
	int64_t count = 0;
	enum status st = OK;

	if (id != NULL)
		st = sessions_revoke(rq->cx.pg, rq->cx.caller.user_id, id, NULL, "logout", &count);
	if (st != OK)
		return fail(&rq->cx, st, "revoking a session");
	if (count == 0)
		return fail(&rq->cx, E_NOT_FOUND, "no live session of the caller");
	audit(&rq->cx, "auth.session_revoke", arena_printf(rq->cx.arena, "session:%s", id), "ok", NULL);
	return reply_empty(rq);
}
