/*
 * Channels: the accounts at model providers through which models are reached.
 * Their API keys are in catalog/channel_keys.h; the URL of a proxy, which may hold a
 * password, is sealed as they are: everywhere else there is only "has_key" and
 * "has_proxy".
 *
 * JSON: {id, name, provider, base_url, has_key, keys: [channel_keys.h], enabled,
 * priority, weight, allow_private, responses, groups (empty: all), region, tag, has_proxy,
 * blacklist, param_override, header_override, rpm, max_concurrent, test_model, auto_disable,
 * models: [{model, upstream_name}], created_at, updated_at}; in a responder also
 * health, its own and its keys' (catalog/health_report.h), and running: its calls now, where max_concurrent is set.
 *
 * Worker-only; weirctl too, with a context of its own.  A json_t given out is
 * the caller's reference.  Who may see channels is checked by the route.
 */
#ifndef WEIR_CATALOG_CHANNELS_H
#define WEIR_CATALOG_CHANNELS_H

#include "core/page.h"
#include "core/request.h"

/* What the query of the list takes. */
extern const struct field channels_query[];

/* Input of channel_create(); with nothing required, that of channel_update(). */
extern const struct field channel_fields[], channel_change_fields[];

/* By name.  E_INVALID_REQUEST stale cursor. */
enum status channels_list(struct context *cx, const struct page *page, json_t **items, bool *more) MUST_CHECK;
/* E_NOT_FOUND, also for id 0. */
enum status channel_find(struct context *cx, int64_t id, json_t **out) MUST_CHECK;
/* E_NOT_FOUND; *id untouched then. */
enum status channel_find_name(struct context *cx, const char *name, int64_t *id) MUST_CHECK;
/* Checked input.  E_CONFLICT the name is taken, or that of a key; E_INVALID_REQUEST
 * unknown provider or model, a proxy that is none, an override that must not be;
 * E_UNAVAILABLE a secret is given and cannot be sealed. */
enum status channel_create(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;
/* Only what `in` has is changed; `models` replaces the whole list, api_key null
 * removes the only key.  E_NOT_FOUND and as channel_create(). */
enum status channel_update(struct context *cx, int64_t id, const json_t *in, json_t **out) MUST_CHECK;
/* E_NOT_FOUND. */
enum status channel_delete(struct context *cx, int64_t id) MUST_CHECK;

#endif
