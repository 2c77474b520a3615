/*
 * GET /api/keys -- the caller's API keys, newest first.
 *
 * in      status? active, rotated, revoked, expired or locked; limit 1-100 (50),
 *         before_id (older) or after_id
 * out     200 {items: [key], has_more}; of the keys themselves their beginning only
 * errors  400 limit or stale cursor
 * units   budget and spent in credits
 * proof   tests/it/account/test_keys.py
 */
#include "weir.h"

enum status
h_keys_list(struct request *rq)
{
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK ||
	    (st = keys_list(&rq->cx, &page, query_text(rq, "status"), &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
