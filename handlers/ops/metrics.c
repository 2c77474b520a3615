/*
 * GET /metrics -- every counter of every process of the pool, for Prometheus.
 *
 * out     200 text/plain; version=0.0.4
 * note    what stands in the queues only while PostgreSQL answers
 * errors  401, 403 neither loopback nor the ops_token
 * proof   tests/it/ops/test_ops.py
 */
#include "weir.h"

enum status
h_ops_metrics(struct request *rq)
{
	struct score_snapshot *s = score_snapshot_of(rq->cx.process->score);
	struct buf text = BUF_INIT(0);
	enum status st;

	if (s == NULL)
		return fail(&rq->cx, E_UNAVAILABLE, "this process has no place on the scoreboard");
	score_metrics(s, &text);
	if (queues_metrics(&rq->cx, &text) != OK)
		buf_puts(&text, "# jobs: not known, PostgreSQL does not answer\n");
	st = reply_text(rq, 200, SCORE_METRICS_TYPE, arena_strdup(rq->cx.arena, buf_str(&text)));
	buf_free(&text);
	score_snapshot_free(s);
	return st;
}
