/*
 * GET /api/me/credits/transactions -- the caller's holds, newest first.
 *
 * in      limit, before_id, after_id
 * out     200 {items: [{id, task_id, amount, used, type, status, reason,
 *         created_at, confirmed_at, settled_at, expires_at}], has_more}
 * errors  400 a stale or malformed cursor
 * units   credits
 * proof   tests/it/account/test_accounts.py
 */
#include "weir.h"

enum status
h_me_transactions(struct request *rq)
{
	struct page page;
	json_t *items;
	enum status st;
	bool more;

	if ((st = page_read(rq, &page)) != OK)
		return st;
	st = credits_transactions(&rq->cx, rq->cx.caller.user_id, &page, &items, &more);
	return st == OK ? reply_list(rq, items, more) : st;
}
