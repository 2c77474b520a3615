/*
 * POST /v1/chat/completions -- a chat completion, as clients of OpenAI's SDKs ask for it.
 *
 * in      the body of platform.openai.com/docs/api-reference/chat/create
 * out     200 chat.completion, or with "stream": true chunks and [DONE]
 * errors  {"error": {message, type, param, code}}: 400 naming the field, 401, 402
 *	   insufficient_quota, 404 model_not_found, 429, 503; inside a stream the same, and no [DONE]
 * note    costs what the model costs; Idempotency-Key: joined or told again, a stream from Last-Event-ID on; charged once
 * proof   tests/it/relay/test_openai.py
 */
#include "weir.h"

enum status
h_chat_completions(struct request *rq)
{
	return relay_begin(rq, NULL, false);
}
