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
/* A copy of `m` with its channels in the order in which to try them: by priority,
 * equals drawn one after the other by their weights. */
struct offer_model *select_model(struct context *cx, const struct offer_model *m);

#endif
