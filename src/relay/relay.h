/*
 * The relay: a call of a client who speaks some vendor's dialect.  The kind "relay".
 *
 *	relay_begin()  what is asked, model, ceiling, gate; then the run is on its way	worker
 *	kind_relay     what is a relayed call's own of opening, settling, telling
 *
 * No conversation and no message: what was said is not kept.
 */
#ifndef WEIR_RELAY_RELAY_H
#define WEIR_RELAY_RELAY_H

#include "catalog/offer.h"
#include "core/request.h"
#include "engine/kind.h"

extern const struct kind kind_relay;

/* Answer the request's body, which the dialect of its route reads.  `path_model`
 * and `path_stream`: what the path says, NULL and false where it says nothing.
 * E_INVALID_REQUEST names the field; E_NOT_FOUND a model not on offer (details
 * field "model"); E_UNAVAILABLE no channel; errors of gate_open(); E_OVERLOADED.  Worker. */
enum status relay_begin(struct request *rq, const char *path_model, bool path_stream) MUST_CHECK;

/* About how many tokens the request's body has, by the estimate that a call of it
 * would be held for.  E_INVALID_REQUEST, E_NOT_FOUND as relay_begin().  Worker. */
enum status relay_count(struct request *rq, const char *path_model, int64_t *tokens) MUST_CHECK;
/* The same, and *channel that can be asked in the request's own words; NULL: none. */
enum status relay_count_own(struct request *rq, int64_t *tokens, const struct offer_channel **channel) MUST_CHECK;

#endif
