/*
 * GET /status -- the pool at a glance: workers, queues, streams, advice.
 *
 * in      ?json for an object instead of text
 * out     200 text/plain or JSON
 * errors  401, 403 neither loopback nor the ops_token
 * proof   tests/it/ops/test_ops.py
 */
#include "weir.h"

/* php-fpm's way of asking: the bare word. */
static bool
wants_json(const struct request *rq)
{
	return rq->query != NULL && strncmp(rq->query, "json", 4) == 0 && strchr("&=", rq->query[4]) != NULL;
}

enum status
h_ops_status(struct request *rq)
{
	struct score_snapshot *s = score_snapshot_of(rq->cx.process->score);
	struct buf text = BUF_INIT(0);
	enum status st;

	if (s == NULL)
		return fail(&rq->cx, E_UNAVAILABLE, "this process has no place on the scoreboard");
	if (wants_json(rq)) {
		st = reply_json(rq, 200, score_json(s, rq->cx.conf));
	} else {
		score_text(s, rq->cx.conf, &text);
		st = reply_text(rq, 200, "text/plain; charset=utf-8", arena_strdup(rq->cx.arena, buf_str(&text)));
	}
	buf_free(&text);
	score_snapshot_free(s);
	return st;
}
