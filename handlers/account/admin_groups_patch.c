/*
 * PATCH /api/admin/groups/{name} -- change a group: its ratio, its budget.
 *
 * in      group_change_fields in account/groups.c; budget null takes it away
 * out     200 the group
 * errors  400; 403 no admin; 404
 * proof   tests/it/ledger/test_quotas.py
 */
#include "weir.h"

enum status
h_admin_groups_patch(struct request *rq)
{
	json_t *group;
	enum status st;

	if ((st = group_update(&rq->cx, path_text(rq, "name"), rq->json, &group)) != OK)
		return st;
	audit(&rq->cx, "group.update", arena_printf(rq->cx.arena, "group:%s", path_text(rq, "name")), "ok",
	    json_deep_copy(rq->json));
	return reply_json(rq, 200, group);
}
