/*
 * Table prices, as admins keep it: lists, changes, imports.
 *
 * Price: {id, model, group or null, meter, tier, min_context, unit_price, per,
 * valid_from or null, hours or null, time_zone, created_at}; unit_price is credits
 * for `per` units.  What rows mean, ledger/price.h says.
 *
 * Worker-only; weirctl too.  A json_t given out is the caller's.
 */
#ifndef WEIR_LEDGER_PRICES_H
#define WEIR_LEDGER_PRICES_H

#include "core/page.h"
#include "core/request.h"

/* What the query of the list takes. */
extern const struct field prices_query[];

#define PRICES_AT_ONCE 20000

/* What a row is made from, and the input of prices_put() and prices_import(). */
extern const struct field price_fields[], prices_put_fields[], prices_import_fields[];

/* NULL: any.  group "" is rows for all groups. */
struct price_filter {
	const char *model, *group, *meter, *tier;
};
/* Read model, group, meter and tier of the query. */
void price_filter_read(struct request *rq, struct price_filter *out);
/* A page of rows, newest first. */
enum status prices_list(
    struct context *cx, const struct price_filter *f, const struct page *page, json_t **items, bool *more) MUST_CHECK;
/* {rows, models?, dry_run?}: add or change `rows`; other rows of `models` go.  All or
 * nothing; a dry run changes nothing and tells the same: {dry_run, added, changed,
 * removed, same, items: [Price with change: added, changed or removed, before, before_per]}.
 * E_INVALID_REQUEST naming the row. */
enum status prices_put(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;
/* {format: weir or litellm, prices, credits_per_usd?, models?, dry_run?}: the same from a list
 * of somebody's.  Format weir is that of prices_put(), as weirctl price list --json
 * prints it; litellm is the public map of that name, in US dollars a unit, of which the
 * models are taken that are here: by `models` {our name: theirs}, or by their names
 * with or without what stands before the last '/'.  Besides, `unmatched`: our models that
 * the list does not know, and `refused`: prices of it that no row holds. */
enum status prices_import(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;
/* Write down that the caller did `action`, whose outcome is `done`; not of a dry run. */
void prices_audit(struct request *rq, const char *action, const json_t *done);
/* E_NOT_FOUND. */
enum status price_delete(struct context *cx, int64_t id) MUST_CHECK;

#endif
