/*
 * POST /v1/responses/input_tokens -- how many tokens the input of a response has.
 *
 * in      as POST /v1/responses
 * out     200 {object, input_tokens}: by a provider that can count them, else an estimate of ours
 * errors  as POST /v1/responses
 * note    nothing is charged
 * proof   tests/it/relay/test_responses_kept.py
 */
#include "weir.h"

enum status
h_responses_count(struct request *rq)
{
	return kept_count(rq);
}
