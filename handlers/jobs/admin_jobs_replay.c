/*
 * POST /api/admin/jobs/replay -- let what died of a kind run again.
 *
 * in      kind; from, a time: what died since then
 * out     200 {replayed}
 * errors  400; 403 no admin
 * note    at most 1,000; ask again for more
 * proof   tests/it/jobs/test_jobs.py
 */
#include "weir.h"

const struct field admin_jobs_replay_fields[] = {
	{ "kind", F_LINE, F_REQUIRED, .min = 1, .max = 50, .help = "of jobs" },
	{ "from", F_LINE, F_REQUIRED, .min = 1, .max = 40, .help = "RFC 3339: what died since then" },
	{ .name = NULL },
};

enum status
h_admin_jobs_replay(struct request *rq)
{
	int64_t n;
	enum status st;

	if ((st = jobs_replay(&rq->cx, field_text(rq->json, "kind"), field_text(rq->json, "from"), &n)) != OK)
		return st;
	audit(&rq->cx, "job.replay", arena_printf(rq->cx.arena, "queue:%s", field_text(rq->json, "kind")), "ok",
	    json_pack("{s:I}", "replayed", (json_int_t)n));
	return reply_json(rq, 200, json_pack("{s:I}", "replayed", (json_int_t)n));
}
