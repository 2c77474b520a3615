/*
 * GET /api/me/quota/history -- what became of the budgets of the caller and its keys, newest first.
 *
 * in      kind? key or user; subject?; a cursor
 * out     200 {items: [change], has_more}
 * errors  400
 * proof   tests/it/ledger/test_quotas.py
 */
#include "weir.h"

enum status
h_me_quota_history(struct request *rq)
{
	struct page page;
	json_t *items;
	enum status st;
	bool more;

	if ((st = page_read_int(rq, &page)) != OK ||
	    (st = quota_history(&rq->cx, rq->cx.caller.user_id, query_text(rq, "kind"), query_text(rq, "subject"),
		 &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
