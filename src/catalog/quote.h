/*
 * What a call would cost: a bill for units that somebody names, with the rows
 * that apply.
 */
#ifndef WEIR_CATALOG_QUOTE_H
#define WEIR_CATALOG_QUOTE_H

#include "base/fields.h"
#include "core/context.h"

/* {model, group?, tier?, units: {meter: how many}, at?}; each unit is counted by one meter. */
extern const struct field quote_fields[];
/* {model, group, tier, ratio, cost, lines: [{meter, units, charged_as, price_id, min_context, unit_price, per, cost}]};
 * lines' costs are before the ratio; charged_as and what follows are null where nothing is charged.
 * E_INVALID_REQUEST; E_PRICE_UNKNOWN none of what is counted has a price.  The caller owns *out.  Worker. */
enum status price_quote(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;

/* Add to each model of `items` what it costs the caller's group now: {ratio, prices: [{meter,
 * min_context, unit_price, per}]}.  Worker. */
enum status prices_tell(struct context *cx, json_t *items) MUST_CHECK;

#endif
