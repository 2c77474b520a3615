/*
 * POST /v1/responses -- a response, as clients of OpenAI's Responses API ask for it.
 *
 * in      the body of platform.openai.com/docs/api-reference/responses/create
 * out     200 response, or with "stream": true its events up to response.completed
 * errors  {"error": {message, type, param, code}}: 400 naming the field (code unsupported_parameter: what
 *	   no channel of the model can do), 401, 404, 429 insufficient_quota, 503; in a stream
 *	   response.failed and an event "error"
 * note    costs what the model costs; Idempotency-Key: joined or told again; charged once
 * proof   tests/it/relay/test_responses.py
 */
#include "weir.h"

enum status
h_responses_create(struct request *rq)
{
	return relay_begin(rq, NULL, false);
}
