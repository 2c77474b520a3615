/*
 * POST /v1/moderations -- is it harmful? as clients of OpenAI's SDKs ask.
 *
 * in      the body of platform.openai.com/docs/api-reference/moderations/create; without a model the site's own
 * out     200 the provider's answer
 * errors  {"error": {message, type, param, code}}: 400 naming the field, 401, 402, 403, 404, 413, 429, 503
 * note    costs what the model costs, once it is answered; Idempotency-Key: 409 for an answer that was had
 * proof   tests/it/relay/test_ops.py
 */
#include "weir.h"

enum status
h_moderations(struct request *rq)
{
	return relay_op(rq, OP_MODERATE, NULL, false);
}
