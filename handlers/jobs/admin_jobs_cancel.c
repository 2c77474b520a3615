/*
 * POST /api/admin/jobs/{job_id}/cancel -- cancel one that waits, ask one that runs to stop.
 *
 * out     200 the job
 * errors  403 no admin; 404; 409 it has ended
 * proof   tests/it/jobs/test_jobs.py
 */
#include "weir.h"

enum status
h_admin_jobs_cancel(struct request *rq)
{
	json_t *job;
	enum status st;

	if ((st = job_cancel(&rq->cx, path_uuid(rq, "job_id"), &job)) != OK)
		return st;
	audit(&rq->cx, "job.cancel", arena_printf(rq->cx.arena, "job:%s", field_text(job, "id")), "ok",
	    json_pack("{s:O}", "kind", json_object_get(job, "kind")));
	return reply_json(rq, 200, job);
}
