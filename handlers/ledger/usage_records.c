/*
 * GET /api/usage/records -- what each call of the caller used, newest first.
 *
 * in      limit 1-100 (50), before_id (older) or after_id (newer), key_id?, model?,
 *	   status? (completed, failed, cancelled), from?, to?
 * out     200 {items: [record], has_more}
 * errors  400
 * proof   tests/it/ledger/test_usage.py
 */
#include "weir.h"

enum status
h_usage_records(struct request *rq)
{
	struct usage_filter filter;
	struct page page;
	json_t *items;
	enum status st;
	bool more;

	if ((st = page_read_int(rq, &page)) != OK || (st = usage_filter_read(rq, false, &filter)) != OK ||
	    (st = usage_records(&rq->cx, &filter, &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
