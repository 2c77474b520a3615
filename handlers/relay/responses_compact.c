/*
 * POST /v1/responses/compact -- the items of a response, compacted by its provider.
 *
 * in      as POST /v1/responses
 * out     200 {id, object, output, usage}
 * errors  as POST /v1/responses; 400 unsupported_parameter no channel of the model can
 * note    costs what the model costs, as its provider counts
 * proof   tests/it/relay/test_responses_kept.py
 */
#include "weir.h"

enum status
h_responses_compact(struct request *rq)
{
	return relay_begin(rq, NULL, false);
}
