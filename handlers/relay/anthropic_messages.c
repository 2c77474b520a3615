/*
 * POST /v1/messages -- a message, as clients of Anthropic's SDKs ask for it.
 *
 * in      the body of docs.anthropic.com/en/api/messages
 * out     200 message, or with "stream": true its events up to message_stop
 * errors  {"type": "error", "error": {type, message}, request_id}: 400 naming the field, 401,
 *	   402 billing_error, 404, 429, 529; inside a stream an event "error" and no message_stop
 * note    costs what the model costs; Idempotency-Key: joined or told again, a stream from Last-Event-ID on; charged once
 * proof   tests/it/relay/test_anthropic.py
 */
#include "weir.h"

enum status
h_anthropic_messages(struct request *rq)
{
	return relay_begin(rq, NULL, false);
}
