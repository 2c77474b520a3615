/*
 * OpenAI's wire, and what speaks like it.
 *
 *	chat_ask.c     a call to an HTTP request
 *	chat_answer.c  the vtable, the parser of answers
 *	failure.c      statuses and error bodies to failures
 */
#ifndef WEIR_WIRE_OPENAI_OPENAI_H
#define WEIR_WIRE_OPENAI_OPENAI_H

#include <jansson.h>

#include "wire/wire.h"

extern const struct provider provider_openai;

/* provider.build */
enum status openai_build(struct arena *a, const struct provider_call *call, struct provider_request *out);
/* provider.failure */
void openai_failure(
    int http_status, const char *retry_after, const char *body, size_t len, struct provider_failure *out);
/* An error object inside an answer: its own code says which status it would have had. */
void openai_failure_inside(const json_t *error, struct provider_failure *out);

#endif
