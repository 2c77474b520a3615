/*
 * GET /api/admin/agents -- all agents.
 *
 * in      limit 1-100 (50), before_id or after_id: an agent
 * out     200 {items: [agent], has_more}, newest first
 * errors  400 limit or stale cursor; 403 no admin
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_agents_list(struct request *rq)
{
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK)
		return st;
	if ((st = agents_list(&rq->cx, &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
