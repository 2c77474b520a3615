/*
 * GET /api/admin/users -- find accounts, newest first.
 *
 * in      q? occurs in email, phone or nickname; role? user or admin; status?
 *         active or disabled; limit 1-100 (50), before_id (older) or after_id, sort
 * out     200 {items: [user], has_more}
 * errors  400 limit, q or stale cursor; 403 no admin
 * units   credits and held in credits
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_users_list(struct request *rq)
{
	struct user_filter filter = { .role = query_text(rq, "role"), .status = query_text(rq, "status") };
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK || (st = page_search(rq, &filter.q)) != OK)
		return st;
	if ((st = admin_users_list(&rq->cx, &page, &filter, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
