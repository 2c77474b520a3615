/*
 * Models: what users may choose, and what it costs.
 *
 * JSON: {id, name, display_name, type, context_tokens, max_output_tokens,
 * abilities, price_input_per_mtok, price_output_per_mtok, price_per_call,
 * is_default}, and for admins also {enabled, sort, strategy, group_strategies,
 * channels, created_at, updated_at}.  Prices are credits: those that hold now without any
 * condition (the rows of ledger/prices.h with them); null is no such price.
 *
 * Worker-only; weirctl too, with a context of its own.  A json_t given out is
 * the caller's reference.  Who may change models is checked by the route.
 */
#ifndef WEIR_CATALOG_MODELS_H
#define WEIR_CATALOG_MODELS_H

#include "core/page.h"
#include "core/request.h"

/* What the query of the list takes. */
extern const struct field models_query[];

/* Input of model_create(); with nothing required, that of model_update(). */
extern const struct field model_fields[], model_change_fields[];

/* What users may choose: enabled, with an enabled channel; `type` NULL: all. */
enum status models_offered(
    struct context *cx, const struct page *page, const char *type, json_t **items, bool *more) MUST_CHECK;
/* All of them, for admins.  E_INVALID_REQUEST stale cursor, for both. */
enum status models_list(struct context *cx, const struct page *page, json_t **items, bool *more) MUST_CHECK;
/* E_NOT_FOUND, also for id 0. */
enum status model_find(struct context *cx, int64_t id, json_t **out) MUST_CHECK;
/* E_NOT_FOUND; *id untouched then. */
enum status model_find_name(struct context *cx, const char *name, int64_t *id) MUST_CHECK;
/* Checked input.  is_default takes that mark from the other of its type.
 * E_CONFLICT the name is taken; E_INVALID_REQUEST more output than context. */
enum status model_create(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;
/* Only what `in` has is changed.  E_NOT_FOUND and as model_create(). */
enum status model_update(struct context *cx, int64_t id, const json_t *in, json_t **out) MUST_CHECK;
/* E_NOT_FOUND; E_CONFLICT an agent runs on it. */
enum status model_delete(struct context *cx, int64_t id) MUST_CHECK;

#endif
