/*
 * GET /api/admin/assistants -- assistants of users that everybody may use, and those that were taken back.
 *
 * in      limit 1-100 (50), before_id (older) or after_id (newer)
 * out     200 {items: [{id, user_id, owner, name, description, openers, share, is_barred, …}], has_more}
 * errors  400 limit or stale cursor; 403 no admin
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_admin_assistants_list(struct request *rq)
{
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK || (st = assistants_shared(&rq->cx, &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
