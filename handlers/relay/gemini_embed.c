/*
 * POST /v1beta/models/{model}:embedContent --
 * POST /v1/models/{model}:embedContent -- the vector of a content, as clients of Gemini's API ask for it.
 *
 * in      the body of ai.google.dev/api/embeddings
 * out     200 {embedding: {values}}
 * errors  {"error": {code, message, status, details}}: 400 naming the field, 401, 402, 403, 404, 413, 429, 503
 * note    costs what the model costs, once it is answered; Idempotency-Key: 409 for an answer that was had
 * proof   tests/it/relay/test_embeddings.py
 */
#include "weir.h"

enum status
h_gemini_embed(struct request *rq)
{
	return relay_op(rq, OP_EMBED, path_text(rq, "model"), true);
}
