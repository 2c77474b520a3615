/*
 * POST /api/admin/queues/{kind}/resume -- take jobs of this kind again.
 *
 * out     200 the queue
 * errors  403 no admin; 404 no such kind
 * proof   tests/it/jobs/test_jobs.py
 */
#include "weir.h"

enum status
h_admin_queues_resume(struct request *rq)
{
	json_t *queue;
	enum status st;

	if ((st = queue_pause(&rq->cx, path_text(rq, "kind"), false, &queue)) != OK)
		return st;
	audit(&rq->cx, "queue.resume", arena_printf(rq->cx.arena, "queue:%s", field_text(queue, "kind")), "ok", NULL);
	return reply_json(rq, 200, queue);
}
