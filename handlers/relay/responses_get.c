/*
 * GET /v1/responses/{response_id} -- a response that its provider keeps; or the stream of ours, read on.
 *
 * in      stream=true, starting_after: behind the event of that sequence_number (all of it)
 * out     200 response; with stream its events, those that were told and those to come
 * errors  404 no response of the caller's; 503 the channel that keeps it is away; 400, 409 in the provider's words
 * note    passed on to the account that keeps it; nothing is charged.  A stream is read on of a call that had an
 *	   Idempotency-Key, while [stream] resume_window lasts
 * proof   tests/it/relay/test_responses_kept.py, test_responses_resume.py
 */
#include "weir.h"

enum status
h_responses_get(struct request *rq)
{
	return kept_ask(rq, "GET", "");
}
