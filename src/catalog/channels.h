/*
 * Channels: the accounts at model providers through which models are reached.
 * Their API keys are sealed in the database with auth_encryption_key and never
 * leave again: everywhere else there is only "has_key".
 *
 * JSON: {id, name, provider, type, base_url, has_key, enabled, priority,
 * weight, allow_private, responses, models: [{model, upstream_name}], created_at,
 * updated_at}.
 *
 * Worker-only; weirctl too, with a context of its own.  A json_t given out is
 * the caller's reference.  Who may see channels is checked by the route.
 */
#ifndef WEIR_CATALOG_CHANNELS_H
#define WEIR_CATALOG_CHANNELS_H

#include "core/page.h"
#include "core/request.h"

/* Input of channel_create(); with nothing required, that of channel_update(). */
extern const struct field channel_fields[], channel_change_fields[];

/* By name.  E_INVALID_REQUEST stale cursor. */
enum status channels_list(struct context *cx, const struct page *page, json_t **items, bool *more) MUST_CHECK;
/* E_NOT_FOUND, also for id 0. */
enum status channel_find(struct context *cx, int64_t id, json_t **out) MUST_CHECK;
/* E_NOT_FOUND; *id untouched then. */
enum status channel_find_name(struct context *cx, const char *name, int64_t *id) MUST_CHECK;
/* Checked input.  E_CONFLICT the name is taken; E_INVALID_REQUEST unknown
 * provider or model; E_UNAVAILABLE a key is given and cannot be sealed. */
enum status channel_create(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;
/* Only what `in` has is changed; `models` replaces the whole list, api_key null
 * removes the key.  E_NOT_FOUND and as channel_create(). */
enum status channel_update(struct context *cx, int64_t id, const json_t *in, json_t **out) MUST_CHECK;
/* E_NOT_FOUND. */
enum status channel_delete(struct context *cx, int64_t id) MUST_CHECK;

#endif
