/*
 * Where would a call go?  Told without a call.
 *
 * JSON: {model, group, region, strategy, by_session, items: [{position (null: left
 * out), why, channel_id, channel, key_id, key, provider, upstream_name, priority,
 * weight, tag, region, state, first_byte_ms, errors_per_mille}]}, candidates in their
 * order, then those that are left out, then the channels that are disabled.  `why` is
 * "candidate" or what speaks against it (catalog/select.h), or "channel_disabled".
 *
 * Worker; weirctl too, where nothing is known of how channels fare.
 */
#ifndef WEIR_CATALOG_ROUTE_H
#define WEIR_CATALOG_ROUTE_H

#include "catalog/select.h"
#include "core/request.h"

/* Input of route_explain(). */
extern const struct field route_fields[];

/* `o` as it is on offer now.  The caller's reference in *out.  E_INVALID_REQUEST (field model) there is no such model. */
enum status route_explain(struct context *cx, const struct offer *o, const json_t *in, json_t **out) MUST_CHECK;

#endif
