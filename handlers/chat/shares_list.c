/*
 * GET /api/shares -- the caller's shared conversations, newest first.
 *
 * in      limit 1-100 (50), before_id (older) or after_id (newer): a share of the list
 * out     200 {items: [share], has_more}
 * errors  400 limit or stale cursor
 * proof   tests/it/chat/test_shares.py
 */
#include "weir.h"

enum status
h_shares_list(struct request *rq)
{
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK || (st = shares_list(&rq->cx, &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
