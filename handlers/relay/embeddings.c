/*
 * POST /v1/embeddings -- vectors of texts, as clients of OpenAI's SDKs ask for them.
 *
 * in      the body of platform.openai.com/docs/api-reference/embeddings/create
 * out     200 list of embeddings, as numbers or base64
 * errors  {"error": {message, type, param, code}}: 400 naming the field, 401, 402, 403, 404, 413, 429, 503
 * note    costs what the model costs, once it is answered; Idempotency-Key: 409 for an answer that was had
 * proof   tests/it/relay/test_embeddings.py
 */
#include "weir.h"

enum status
h_embeddings(struct request *rq)
{
	return relay_op(rq, OP_EMBED, NULL, false);
}
