/*
 * GET /api/admin/quota-history -- what became of budgets, newest first.
 *
 * in      kind? key, user or group; subject? id or name; a cursor
 * out     200 {items: [change], has_more}
 * errors  400; 403 no admin
 * proof   tests/it/ledger/test_quotas.py
 */
#include "weir.h"

enum status
h_admin_quota_history(struct request *rq)
{
	struct page page;
	json_t *items;
	enum status st;
	bool more;

	if ((st = page_read_int(rq, &page)) != OK ||
	    (st = quota_history(
		 &rq->cx, NULL, query_text(rq, "kind"), query_text(rq, "subject"), &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
