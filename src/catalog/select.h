/*
 * From what is on offer to what a request tries: the offer it holds, and the
 * channels of a model in their order.  All stays as long as the context's arena.
 * Worker.
 */
#ifndef WEIR_CATALOG_SELECT_H
#define WEIR_CATALOG_SELECT_H

#include "catalog/offer.h"
#include "core/context.h"

struct rows;

/* The newest offer this process has read, to begin with.  Errors as pg_query's. */
enum status select_newest(struct context *cx, struct offer **offer) MUST_CHECK;
/* The offer of the version that column `version` of the first of `rows` names; it
 * is *offer already, most of the time.  Errors as pg_query's. */
enum status select_offer(struct context *cx, const struct rows *rows, struct offer **offer) MUST_CHECK;
/* The offer of now, where nothing else has to be asked.  Errors as pg_query's. */
enum status select_current(struct context *cx, struct offer **offer) MUST_CHECK;
/* A copy of `m` with its channels in the order in which to try them, by priority,
 * equals drawn one after the other by their weights; and with what it costs the
 * caller's group now. */
struct offer_model *select_model(struct context *cx, const struct offer_model *m);
/* E_PRICE_UNKNOWN: it has no price for a chat, and nothing is free by accident. */
enum status select_need_price(struct context *cx, const struct offer_model *m) MUST_CHECK;

#endif
