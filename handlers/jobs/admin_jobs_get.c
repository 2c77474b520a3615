/*
 * GET /api/admin/jobs/{job_id} -- one job.
 *
 * out     200 the job
 * errors  403 no admin; 404
 * proof   tests/it/jobs/test_jobs.py
 */
#include "weir.h"

enum status
h_admin_jobs_get(struct request *rq)
{
	json_t *job;
	enum status st;

	if ((st = job_find(&rq->cx, path_uuid(rq, "job_id"), &job)) != OK)
		return st;
	return reply_json(rq, 200, job);
}
