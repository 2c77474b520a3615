/*
 * POST /api/admin/jobs/{job_id}/retry -- let one that is dead, cancelled or put off run now.
 *
 * out     200 the job
 * errors  403 no admin; 404; 409 it runs, is done, or another has its unique key
 * proof   tests/it/jobs/test_jobs.py
 */
#include "weir.h"

enum status
h_admin_jobs_retry(struct request *rq)
{
	json_t *job;
	enum status st;

	if ((st = job_retry(&rq->cx, path_uuid(rq, "job_id"), &job)) != OK)
		return st;
	audit(&rq->cx, "job.retry", arena_printf(rq->cx.arena, "job:%s", field_text(job, "id")), "ok",
	    json_pack("{s:O}", "kind", json_object_get(job, "kind")));
	return reply_json(rq, 200, job);
}
