/*
 * GET /api/admin/prices -- the rows of prices, newest first.
 *
 * in      model?, group? (empty: for all groups), meter?, tier?; a cursor, sort
 * out     200 {items: [price], has_more}
 * errors  400; 403 no admin
 * proof   tests/it/ledger/test_prices.py
 */
#include "weir.h"

enum status
h_admin_prices_list(struct request *rq)
{
	struct price_filter filter;
	struct page page;
	json_t *items;
	enum status st;
	bool more;

	price_filter_read(rq, &filter);
	if ((st = page_read_int(rq, &page)) != OK || (st = prices_list(&rq->cx, &filter, &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
