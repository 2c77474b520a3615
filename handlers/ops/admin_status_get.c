/*
 * GET /api/admin/status -- the pool at a glance, for the admin's page: what
 * /status?json answers on the host itself.
 *
 * out     200 the pool, its processes, routes and advice
 * errors  403 no admin; 503 this process does not count
 * proof   tests/it/house/test_replies.py
 */
#include "weir.h"

enum status
h_admin_status_get(struct request *rq)
{
	struct score_snapshot *s = score_snapshot_of(rq->cx.process->score);
	enum status st;

	if (s == NULL)
		return fail(&rq->cx, E_UNAVAILABLE, "this process has no place on the scoreboard");
	st = reply_json(rq, 200, score_json(s, rq->cx.conf));
	score_snapshot_free(s);
	return st;
}
