/*
 * GET /api/conversations -- the caller's conversations, newest activity first.
 *
 * in      limit 1-100 (50), before_id (older) or after_id (newer): a conversation
 *         of the list; q: must occur in the title, at most 200 characters
 * out     200 {items: [conversation], has_more}; only conversations with at
 *         least one successful answer
 * errors  400 limit, q or stale cursor
 * proof   tests/it/chat/test_conversations.py
 */
#include "weir.h"

enum status
h_conversations_list(struct request *rq)
{
	struct page page;
	const char *q;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK || (st = page_search(rq, &q)) != OK)
		return st;
	if ((st = conversations_list(&rq->cx, &page, q, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
