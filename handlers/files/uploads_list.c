/*
 * GET /api/uploads -- the caller's files, newest first.
 *
 * in      limit 1-100 (50), before_id (older) or after_id
 * out     200 {items: [upload], has_more}
 * errors  400 limit or stale cursor
 * proof   tests/it/files/test_uploads.py
 */
#include "weir.h"

enum status
h_uploads_list(struct request *rq)
{
	struct page page;
	json_t *items, *item;
	bool more;
	size_t i;
	enum status st;

	if ((st = page_read(rq, &page)) != OK || (st = uploads_list(&rq->cx, &page, &items, &more)) != OK)
		return st;
	json_array_foreach(items, i, item)
		attached_explain(&rq->cx, item);
	return reply_list(rq, items, more);
}
