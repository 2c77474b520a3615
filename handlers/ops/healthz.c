/*
 * GET /healthz -- is this process alive?
 *
 * out     200 {"status":"ok"}: a worker had time to say so
 * note    asks nobody else; /readyz does
 * proof   tests/it/ops/test_ops.py
 */
#include "weir.h"

enum status
h_ops_healthz(struct request *rq)
{
	return reply_json(rq, 200, json_pack("{s:s}", "status", "ok"));
}
