/*
 * GET /api/admin/channels -- all channels.
 *
 * in      limit 1-100 (50), before_id or after_id, sort: a channel
 * out     200 {items: [channel], has_more}, by name
 * errors  400 limit or stale cursor; 403 no admin
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_channels_list(struct request *rq)
{
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read_int(rq, &page)) != OK)
		return st;
	if ((st = channels_list(&rq->cx, &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
