/*
 * POST /v1/audio/speech -- words read aloud, as clients of OpenAI's SDKs ask for them.
 *
 * in      the body of platform.openai.com/docs/api-reference/audio/createSpeech
 * out     200 sound as it comes, of the provider's type
 * errors  {"error": {message, type, param, code}}: 400 naming the field, 401, 402, 403, 404, 413, 429, 503
 * note    costs what the model costs, once it is answered; Idempotency-Key: 409 for an answer that was had
 * proof   tests/it/relay/test_ops.py
 */
#include "weir.h"

enum status
h_audio_speech(struct request *rq)
{
	return relay_op(rq, OP_SPEECH, NULL, false);
}
