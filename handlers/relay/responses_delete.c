/*
 * DELETE /v1/responses/{response_id} -- delete a response.
 *
 * in      -
 * out     200 {id, object, deleted}
 * errors  404 no response of the caller's; 503 the channel that keeps it is away; 400, 409 in the provider's words
 * note    passed on to the account that keeps it; nothing is charged
 * proof   tests/it/relay/test_responses_kept.py
 */
#include "weir.h"

enum status
h_responses_delete(struct request *rq)
{
	return kept_ask(rq, "DELETE", "");
}
