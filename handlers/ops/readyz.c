/*
 * GET /readyz -- can this process do its work?
 *
 * out     200 {"status":"ok"|"degraded","checks":{NAME:{"status":"ok"|"failed","ms":1.2,"detail"?}}}
 *         503 the same with "down"
 * note    down: PostgreSQL does not answer or lacks this build's migrations;
 *         degraded: Redis does not answer, its work is done in other ways
 * proof   tests/it/ops/test_ops.py
 */
#include "weir.h"

/* Add a check to the answer; true when it went well. */
static bool
report(json_t *checks, const char *name, int64_t from_us, const char *problem)
{
	double ms = (double)(clock_mono_us() - from_us) / 1000;
	json_t *check = json_pack("{s:s, s:f}", "status", problem == NULL ? "ok" : "failed", "ms", ms);

	if (problem != NULL)
		json_object_set_new(check, "detail", json_string(problem));
	json_object_set_new(checks, name, check);
	return problem == NULL;
}

static bool
check_postgresql(struct context *cx, json_t *checks)
{
	int64_t from_us = clock_mono_us();
	enum status st = pg_query(cx->pg, NULL, "SELECT 1");

	/* A connection that was lost a while ago says so on first use.  Once more,
	 * then, but no waiting: whoever asks wants to know how it is now. */
	if (st == E_UNAVAILABLE)
		st = pg_query(cx->pg, NULL, "SELECT 1");
	return report(checks, "postgresql", from_us, st == OK ? NULL : "it does not answer");
}

static bool
check_migrations(struct context *cx, json_t *checks)
{
	struct buf problem = BUF_INIT(16384);
	int64_t from_us = clock_mono_us();
	bool good = migrate_admitted();

	if (!good) {
		enum migrate_fit fit = migrate_check(cx->pg, cx->conf, &problem);

		good = fit == MIGRATE_FITS || fit == MIGRATE_AHEAD;
		if (good)
			migrate_admit();
	}
	good = report(checks, "migrations", from_us, good ? NULL : buf_str(&problem));
	buf_free(&problem);
	return good;
}

static bool
check_redis(struct context *cx, json_t *checks)
{
	int64_t from_us = clock_mono_us();
	enum status st = redis_call(cx->redis, NULL, "PING");

	return report(checks, "redis", from_us,
	    st == OK ? NULL : "it does not answer; slots are counted in PostgreSQL, rates per process");
}

enum status
h_ops_readyz(struct request *rq)
{
	json_t *checks = json_object();
	bool up = check_postgresql(&rq->cx, checks) && check_migrations(&rq->cx, checks);
	bool whole = check_redis(&rq->cx, checks);

	return reply_json(rq, up ? 200 : 503,
	    json_pack("{s:s, s:o}", "status",
		!up	    ? "down"
		    : whole ? "ok"
			    : "degraded",
		"checks", checks));
}
