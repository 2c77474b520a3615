/*
 * GET /api/conversations/{conversation_id}/messages -- a page of its messages.
 *
 * in      limit 1-100 (50), before_id or after_id: a message of the
 *         conversation, offset: skip that many of the newest
 * out     200 {items: [message], has_more} in the order of the conversation:
 *         the newest, or those next to the cursor; has_more: further ones in
 *         the same direction
 * errors  400 limit, offset or stale cursor; 404 not the caller's conversation
 * proof   tests/it/chat/test_conversations.py
 */
#include "weir.h"

enum status
h_messages_list(struct request *rq)
{
	struct page page;
	int64_t offset;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK || (st = query_int(rq, "offset", 0, 0, 1000000000, &offset)) != OK)
		return st;
	if ((st = messages_list(&rq->cx, path_uuid(rq, "conversation_id"), &page, offset, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
