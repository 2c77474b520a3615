/*
 * GET /api/admin/users/{user_id}/credits/history -- a user's ledger.
 *
 * in      limit 1-100 (50), before_id (older) or after_id (newer), sort
 * out     200 {items: [{id, change_type, change_amount, balance_after,
 *         description, task_id, actor_id, created_at}], has_more}, newest first
 * errors  400 limit or stale cursor; 403 no admin; 404
 * units   credits
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_users_history(struct request *rq)
{
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read_int(rq, &page)) != OK)
		return st;
	if ((st = credits_history_actors(&rq->cx, path_uuid(rq, "user_id"), &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
