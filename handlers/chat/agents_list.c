/*
 * GET /api/agents -- the agents the caller may talk to, newest first.
 *
 * in      limit 1-100 (50), before_id (older) or after_id (newer)
 * out     200 {items: [{id, name, description, model}], has_more}
 * errors  400 limit or stale cursor
 * proof   tests/it/chat/test_conversations.py
 */
#include "weir.h"

enum status
h_agents_list(struct request *rq)
{
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK)
		return st;
	if ((st = agents_offered(&rq->cx, &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
