/*
 * POST /api/admin/groups -- make a group.
 *
 * in      group_fields in account/groups.c
 * out     201 the group
 * errors  400; 403 no admin; 409 the name is taken
 * proof   tests/it/ledger/test_quotas.py
 */
#include "weir.h"

enum status
h_admin_groups_create(struct request *rq)
{
	json_t *group;
	enum status st;

	if ((st = group_create(&rq->cx, rq->json, &group)) != OK)
		return st;
	audit(&rq->cx, "group.create", arena_printf(rq->cx.arena, "group:%s", field_text(rq->json, "name")), "ok",
	    json_deep_copy(rq->json));
	return reply_json(rq, 201, group);
}
