/*
 * GET /api/assistants -- the assistants the caller may use, newest first.
 *
 * in      limit 1-100 (50), before_id (older) or after_id (newer); scope: own, taken (by a link) or
 *         house (others share them with everybody); absent: all three
 * out     200 {items: [{id, name, description, avatar, has_picture, openers, own, share, model}], has_more}
 * errors  400 limit, scope or stale cursor
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_assistants_list(struct request *rq)
{
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK ||
	    (st = assistants_list(&rq->cx, &page, query_text(rq, "scope"), &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
