/*
 * POST /api/admin/queues/{kind}/pause -- take nothing of this kind for the time being.
 *
 * out     200 the queue
 * errors  403 no admin; 404 no such kind
 * proof   tests/it/jobs/test_jobs.py
 */
#include "weir.h"

enum status
h_admin_queues_pause(struct request *rq)
{
	json_t *queue;
	enum status st;

	if ((st = queue_pause(&rq->cx, path_text(rq, "kind"), true, &queue)) != OK)
		return st;
	audit(&rq->cx, "queue.pause", arena_printf(rq->cx.arena, "queue:%s", field_text(queue, "kind")), "ok", NULL);
	return reply_json(rq, 200, queue);
}
