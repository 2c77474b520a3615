/*
 * OpenAI's wire, and what speaks like it.
 *
 *	chat_ask.c     what is asked, as an HTTP request
 *	chat_answer.c  the parser of answers; the table of endpoints
 *	failure.c      statuses and error bodies to failures
 */
#ifndef WEIR_WIRE_OPENAI_OPENAI_H
#define WEIR_WIRE_OPENAI_OPENAI_H

#include <jansson.h>

#include "wire/wire.h"

extern const struct wire wire_openai;

/* endpoint.body and .head of OP_CHAT */
enum status openai_chat_body(struct arena *a, const struct ask *ask, bool stream, struct wire_body *out);
enum status openai_chat_head(
    struct arena *a, const struct wire_target *to, struct wire_body *body, struct wire_request *out);
extern const struct parser_ops openai_chat_parser;
/* wire.failure */
void openai_failure(int http_status, const char *retry_after, const char *body, size_t len, struct wire_failure *out);
/* An error object inside an answer: its own code says which status it would have had. */
void openai_failure_inside(const json_t *error, struct wire_failure *out);

#endif
