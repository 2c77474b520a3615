/*
 * Answers that a provider keeps (OpenAI's Responses API): what is asked of them passes to
 * the account that has them, by their pins (relay/pins.h).  Nothing is charged.  Worker.
 */
#ifndef WEIR_RELAY_KEPT_H
#define WEIR_RELAY_KEPT_H

#include "core/request.h"

/* What the query of GET /v1/responses/{id} takes. */
extern const struct field responses_get_query[];

/* Ask of the response that the path names; `behind`: "", "/cancel" or "/input_items".
 * E_NOT_FOUND none of the caller's; E_UNAVAILABLE its channel is away;
 * E_UPSTREAM_FAILED, E_UPSTREAM_TIMEOUT. */
enum status kept_ask(struct request *rq, const char *method, const char *behind) MUST_CHECK;
/* How many tokens the input of the body has: by a channel of its model that can count
 * them, else our estimate.  Errors as relay_begin(). */
enum status kept_count(struct request *rq) MUST_CHECK;

#endif
