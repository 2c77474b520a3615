/*
 * GET /v1/models --
 * GET /v1beta/models -- the models on offer, in the shape of the caller's SDK.
 *
 * out     200 as OpenAI lists them; with anthropic-version as Anthropic does; below
 *	   /v1beta or with x-goog-api-key as Gemini does
 * proof   tests/it/relay/test_openai.py
 */
#include "weir.h"

enum status
h_relay_models(struct request *rq)
{
	return relay_models(rq, models_shape(rq));
}
