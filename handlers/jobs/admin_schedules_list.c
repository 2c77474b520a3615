/*
 * GET /api/admin/schedules -- what is done by the calendar.
 *
 * out     200 {items: [schedule], has_more: false}
 * errors  403 no admin
 * proof   tests/it/jobs/test_jobs.py
 */
#include "weir.h"

enum status
h_admin_schedules_list(struct request *rq)
{
	json_t *items;
	enum status st;

	if ((st = schedules_list(&rq->cx, &items)) != OK)
		return st;
	return reply_list(rq, items, false);
}
