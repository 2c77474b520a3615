/*
 * PATCH /api/admin/schedules/{name} -- change when, or whether at all.
 *
 * in      cron?, time_zone?, enabled?
 * out     200 the schedule
 * errors  400; 403 no admin; 404
 * proof   tests/it/jobs/test_jobs.py
 */
#include "weir.h"

enum status
h_admin_schedules_patch(struct request *rq)
{
	json_t *schedule;
	enum status st;

	if ((st = schedule_update(&rq->cx, path_text(rq, "name"), rq->json, &schedule)) != OK)
		return st;
	audit(&rq->cx, "schedule.update", arena_printf(rq->cx.arena, "schedule:%s", field_text(schedule, "name")), "ok",
	    json_deep_copy(rq->json));
	return reply_json(rq, 200, schedule);
}
