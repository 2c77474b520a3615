/*
 * POST /v1/rerank --
 * POST /v2/rerank -- how well documents answer a query, as Jina's and Cohere's clients ask.
 *
 * in      model, query, documents, top_n, return_documents …
 * out     200 the provider's answer: results[{index, relevance_score}]
 * errors  {"error": {message, type, param, code}}: 400 naming the field, 401, 402, 403, 404, 413, 429, 503
 * note    costs what the model costs, once it is answered; Idempotency-Key: 409 for an answer that was had
 * proof   tests/it/relay/test_ops.py
 */
#include "weir.h"

enum status
h_rerank(struct request *rq)
{
	return relay_op(rq, OP_RERANK, NULL, false);
}
