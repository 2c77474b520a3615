/*
 * POST /v1/audio/translations -- the words of a recording in English, as clients of OpenAI's SDKs ask for them.
 *
 * in      the form of platform.openai.com/docs/api-reference/audio/createTranslation
 * out     200 the provider's answer, JSON or text as asked
 * errors  {"error": {message, type, param, code}}: 400 naming the field, 401, 402, 403, 404, 413, 429, 503
 * note    costs what the model costs, once it is answered; Idempotency-Key: 409 for an answer that was had
 * proof   tests/it/relay/test_ops.py
 */
#include "weir.h"

enum status
h_audio_translations(struct request *rq)
{
	return relay_op(rq, OP_TRANSLATE, NULL, false);
}
