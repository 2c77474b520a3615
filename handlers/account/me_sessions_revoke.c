/*
 * POST /api/me/sessions/revoke -- sign out everywhere.
 *
 * in      keep_current? (default false)
 * out     200 {revoked: how many sessions ended}
 * proof   tests/it/account/test_accounts.py
 */
#include "weir.h"

const struct field me_sessions_revoke_fields[] = {
	{ "keep_current", F_BOOL, 0, .help = "stay signed in here" },
	{ .name = NULL },
};

enum status
h_me_sessions_revoke(struct request *rq)
{
	bool keep = field_bool(rq->json, "keep_current", false);
	int64_t count;
	enum status st = sessions_revoke(
	    rq->cx.pg, rq->cx.caller.user_id, NULL, keep ? rq->cx.caller.session_id : NULL, "logout", &count);

	if (st != OK)
		return fail(&rq->cx, st, "revoking sessions");
	audit(&rq->cx, "auth.sessions_revoke", audit_user(&rq->cx, rq->cx.caller.user_id), "ok",
	    json_pack("{s:I}", "revoked", (json_int_t)count));
	return reply_json(rq, 200, json_pack("{s:I}", "revoked", (json_int_t)count));
}
