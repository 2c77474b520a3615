/*
 * POST /v1/images/edits -- pictures of pictures and words, as clients of OpenAI's SDKs ask for them.
 *
 * in      the form of platform.openai.com/docs/api-reference/images/createEdit
 * out     200 the provider's answer, or with stream its events
 * errors  {"error": {message, type, param, code}}: 400 naming the field, 401, 402, 403, 404, 413, 429, 503
 * note    costs what the model costs, once it is answered; Idempotency-Key: 409 for an answer that was had
 * proof   tests/it/relay/test_ops.py
 */
#include "weir.h"

enum status
h_images_edits(struct request *rq)
{
	return relay_op(rq, OP_IMAGE_EDIT, NULL, false);
}
