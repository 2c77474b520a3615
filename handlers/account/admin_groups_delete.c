/*
 * DELETE /api/admin/groups/{name} -- remove a group that nobody is in.
 *
 * out     204
 * errors  403 no admin; 404; 409 somebody is in it, or it is the default
 * proof   tests/it/ledger/test_quotas.py
 */
#include "weir.h"

enum status
h_admin_groups_delete(struct request *rq)
{
	enum status st;

	if ((st = group_delete(&rq->cx, path_text(rq, "name"))) != OK)
		return st;
	audit(&rq->cx, "group.delete", arena_printf(rq->cx.arena, "group:%s", path_text(rq, "name")), "ok", NULL);
	return reply_empty(rq);
}
