/*
 * GET /api/admin/jobs -- what waits, runs, is done or dead, newest first.
 *
 * in      limit 1-100 (50), before_id (older) or after_id (newer), sort, status?, kind?
 * out     200 {items: [job], has_more}
 * errors  400; 403 no admin
 * proof   tests/it/jobs/test_jobs.py
 */
#include "weir.h"

enum status
h_admin_jobs_list(struct request *rq)
{
	struct page page;
	json_t *items;
	enum status st;
	bool more;

	if ((st = page_read(rq, &page)) != OK ||
	    (st = jobs_list(&rq->cx, query_text(rq, "status"), query_text(rq, "kind"), &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
