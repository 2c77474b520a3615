/*
 * GET /api/admin/debug-logs -- what admins ran while debugging agents.
 *
 * in      agent_id?; limit 1-100 (50), before_id (older) or after_id (newer)
 * out     200 {items: [run], has_more}, newest first
 * errors  400 limit, agent_id or stale cursor; 403 no admin
 * units   cost in credits, borne by the operator: nobody was charged
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_debug_list(struct request *rq)
{
	struct page page;
	const char *agent_id;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read_int(rq, &page)) != OK || (st = query_uuid(rq, "agent_id", &agent_id)) != OK)
		return st;
	if ((st = debug_list(&rq->cx, &page, agent_id, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
