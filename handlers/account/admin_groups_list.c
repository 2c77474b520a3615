/*
 * GET /api/admin/groups -- the groups of users, by name.
 *
 * out     200 {items: [group]}: there are few
 * errors  403 no admin
 * proof   tests/it/ledger/test_quotas.py
 */
#include "weir.h"

enum status
h_admin_groups_list(struct request *rq)
{
	json_t *items;
	enum status st;

	if ((st = groups_list(&rq->cx, &items)) != OK)
		return st;
	return reply_json(rq, 200, json_pack("{s:o}", "items", items));
}
