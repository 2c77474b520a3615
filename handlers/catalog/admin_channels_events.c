/*
 * GET /api/admin/channels/events -- what changed with channels and their keys, newest first.
 *
 * in      limit 1-100 (50), before_id or after_id: an event; channel_id?
 * out     200 {items: [event], has_more}
 * errors  400 limit, channel_id or stale cursor; 403 no admin
 * proof   tests/it/catalog/test_health.py
 */
#include "weir.h"

enum status
h_admin_channels_events(struct request *rq)
{
	struct page page;
	int64_t channel_id;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read_int(rq, &page)) != OK ||
	    (st = query_int(rq, "channel_id", 0, 1, INT64_MAX, &channel_id)) != OK ||
	    (st = health_events(&rq->cx, &page, channel_id, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
