/*
 * GET /v1/models/{model} --
 * GET /v1beta/models/{model} -- one model on offer.
 *
 * out     200 in the shape of the list
 * errors  404 model_not_found
 * proof   tests/it/relay/test_openai.py
 */
#include "weir.h"

enum status
h_relay_model(struct request *rq)
{
	return relay_model(rq, models_shape(rq), path_text(rq, "model"));
}
