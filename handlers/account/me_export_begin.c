/*
 * POST /api/me/export -- have a file made with all of the caller's account.
 *
 * out     202 as GET /api/me/export; a file there was is gone, one that is being made stays
 * proof   tests/it/account/test_leaving.py
 */
#include "weir.h"

enum status
h_me_export_begin(struct request *rq)
{
	json_t *export;
	enum status st = export_begin(&rq->cx, &export);

	audit(&rq->cx, "user.export", audit_user(&rq->cx, rq->cx.caller.user_id), st == OK ? "ok" : status_code(st),
	    NULL);
	return st == OK ? reply_json(rq, 202, export) : st;
}
