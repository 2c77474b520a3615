/*
 * GET /api/usage/records -- what each call of the caller used, newest first.
 * GET /api/admin/usage/records -- of all users: the log of requests.
 *
 * in      limit 1-100 (50), before_id (older) or after_id (newer), sort, key_id?, model?,
 *	   status? (completed, failed, cancelled), from?, to?; for admins user_id?, channel?
 * out     200 {items: [record], has_more}; for admins also with user_id, provider, channel_id,
 *	   channel, overrun and metadata
 * errors  400; 403 no admin
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

	if ((st = page_read_int(rq, &page)) != OK || (st = usage_filter_read(rq, &filter)) != OK ||
	    (st = usage_records(&rq->cx, &filter, &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
