/*
 * GET /api/tasks -- the caller's tasks, newest first.
 *
 * in      active=true: only pending and running ones; limit 1-100 (50),
 *         before_id (older) or after_id (newer): a task of the caller
 * out     200 {items: [task], has_more}
 * errors  400 limit or stale cursor
 * proof   tests/it/chat/test_conversations.py
 */
#include "weir.h"

enum status
h_tasks_list(struct request *rq)
{
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK)
		return st;
	if ((st = tasks_list(&rq->cx, &page, query_bool(rq, "active", false), &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
