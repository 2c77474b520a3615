/*
 * POST /v1/completions -- what follows a text, as clients of OpenAI's SDKs asked before there were chats.
 *
 * in      the body of platform.openai.com/docs/api-reference/completions/create; the prompt is one text
 * out     200 text_completion, or with "stream": true its chunks and [DONE]
 * errors  as POST /v1/chat/completions; 400 names suffix, logprobs, echo, n and best_of above 1, tokens
 * note    costs what the model costs; Idempotency-Key: a stream is joined or told again, a whole answer is 409; charged once
 * proof   tests/it/relay/test_completions.py
 */
#include "weir.h"

enum status
h_completions(struct request *rq)
{
	return relay_begin(rq, NULL, false);
}
