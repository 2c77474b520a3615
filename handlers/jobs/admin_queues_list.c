/*
 * GET /api/admin/queues -- what stands in each queue.
 *
 * out     200 {items: [queue], has_more: false}
 * errors  403 no admin
 * proof   tests/it/jobs/test_jobs.py
 */
#include "weir.h"

enum status
h_admin_queues_list(struct request *rq)
{
	json_t *items;
	enum status st;

	if ((st = queues_list(&rq->cx, &items)) != OK)
		return st;
	return reply_list(rq, items, false);
}
