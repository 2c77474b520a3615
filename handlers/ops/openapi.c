/*
 * GET /api/openapi.json -- the API described, from the tables that run it.
 *
 * out     200 an OpenAPI 3.1 document
 * proof   tests/it/test_ops.py
 */
#include "weir.h"

enum status
h_ops_openapi(struct request *rq)
{
	return reply_json(rq, 200, openapi_document(rq->cx.process->routes, rq->cx.conf->server_base_url));
}
