/*
 * GET /api/prompts -- the prompts the caller keeps, newest first.
 *
 * in      limit 1-100 (50), before_id (older) or after_id (newer)
 * out     200 {items: [{id, name, text, created_at, updated_at}], has_more}
 * errors  400 limit or stale cursor
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_prompts_list(struct request *rq)
{
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK || (st = prompts_list(&rq->cx, &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
