/*
 * What is on offer, as clients of vendors' SDKs ask for it: GET /v1/models in
 * the shape of OpenAI or Anthropic, GET /v1beta/models in Gemini's.  Worker.
 */
#ifndef WEIR_RELAY_MODELS_H
#define WEIR_RELAY_MODELS_H

#include "core/request.h"

/* Whose shape: by path and headers (anthropic-version, x-goog-api-key). */
enum models_shape { MODELS_OPENAI, MODELS_ANTHROPIC, MODELS_GEMINI };
enum models_shape models_shape(const struct request *rq);

/* Every chat model that can be reached. */
enum status relay_models(struct request *rq, enum models_shape shape) MUST_CHECK;
/* One of them.  E_NOT_FOUND. */
enum status relay_model(struct request *rq, enum models_shape shape, const char *name) MUST_CHECK;

#endif
