/*
 * GET /api/admin/usage/records -- what each call used, newest first: the log of requests.
 *
 * in      as GET /api/usage/records; user_id?
 * out     200 {items: [record with user_id, provider, channel and overrun], has_more}
 * errors  400; 403 no admin
 * proof   tests/it/ledger/test_usage.py
 */
#include "weir.h"

enum status
h_admin_usage_records(struct request *rq)
{
	struct usage_filter filter;
	struct page page;
	json_t *items;
	enum status st;
	bool more;

	if ((st = page_read_int(rq, &page)) != OK || (st = usage_filter_read(rq, true, &filter)) != OK ||
	    (st = usage_records(&rq->cx, &filter, &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
