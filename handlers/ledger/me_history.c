/*
 * GET /api/me/credits/history -- the caller's ledger, newest first.
 *
 * in      limit, before_id, after_id, sort; raw=true: holds and their releases too
 * out     200 {items: [{id, change_type, change_amount, balance_after,
 *         description, task_id, created_at}], has_more}
 * errors  400 a stale or malformed cursor
 * units   credits, signed
 * proof   tests/it/account/test_accounts.py
 */
#include "weir.h"

enum status
h_me_history(struct request *rq)
{
	struct page page;
	json_t *items;
	enum status st;
	bool more;

	if ((st = page_read_int(rq, &page)) != OK)
		return st;
	st = credits_history(&rq->cx, rq->cx.caller.user_id, &page, query_bool(rq, "raw", false), &items, &more);
	return st == OK ? reply_list(rq, items, more) : st;
}
