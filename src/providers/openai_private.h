/*
 * What the files of the OpenAI adapter share.
 *
 *	openai.c	  the vtable, the parser of answers
 *	openai_request.c  a call to an HTTP request
 *	openai_failure.c  statuses and error bodies to failures
 */
#ifndef WEIR_PROVIDERS_OPENAI_PRIVATE_H
#define WEIR_PROVIDERS_OPENAI_PRIVATE_H

#include <jansson.h>

#include "core/provider.h"

/* provider.build */
enum status openai_build(struct arena *a, const struct provider_call *call, struct provider_request *out);
/* provider.failure */
void openai_failure(
    int http_status, const char *retry_after, const char *body, size_t len, struct provider_failure *out);
/* An error object inside an answer: its own code says which status it would have had. */
void openai_failure_inside(const json_t *error, struct provider_failure *out);

#endif
