/*
 * POST /v1beta/models/{model}:batchEmbedContents --
 * POST /v1/models/{model}:batchEmbedContents -- vectors of contents, as clients of Gemini's SDKs ask for them.
 *
 * in      the body of ai.google.dev/api/embeddings
 * out     200 {embeddings: [{values}]}
 * errors  {"error": {code, message, status, details}}: 400 naming the field, 401, 402, 403, 404, 413, 429, 503
 * note    costs what the model costs, once it is answered; Idempotency-Key: 409 for an answer that was had
 * proof   tests/it/relay/test_embeddings.py
 */
#include "weir.h"

enum status
h_gemini_embed_batch(struct request *rq)
{
	return relay_op(rq, OP_EMBED, path_text(rq, "model"), false);
}
