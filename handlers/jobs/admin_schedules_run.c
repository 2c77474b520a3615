/*
 * POST /api/admin/schedules/{name}/run -- do it now, besides what the calendar says.
 *
 * out     202 the job: that of before while it lives
 * errors  403 no admin; 404
 * proof   tests/it/jobs/test_jobs.py
 */
#include "weir.h"

enum status
h_admin_schedules_run(struct request *rq)
{
	json_t *job;
	enum status st;

	if ((st = schedule_run(&rq->cx, path_text(rq, "name"), &job)) != OK)
		return st;
	audit(&rq->cx, "schedule.run", arena_printf(rq->cx.arena, "schedule:%s", path_text(rq, "name")), "ok",
	    json_pack("{s:O}", "job", json_object_get(job, "id")));
	return reply_json(rq, 202, job);
}
