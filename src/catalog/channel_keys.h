/*
 * The API keys of channels.  They are sealed in the database with
 * auth_encryption_key and never leave again: everywhere else there is only their
 * name and how they fare.
 *
 * JSON: {id, name, status: active | off | disabled, off_reason, off_at, weight,
 * sort, rpm, balance, balance_currency, balance_at, last_error,
 * last_error_at, created_at}; "off" is a key that its provider refuses.
 *
 * Worker-only; weirctl too, with a context of its own.
 */
#ifndef WEIR_CATALOG_CHANNEL_KEYS_H
#define WEIR_CATALOG_CHANNEL_KEYS_H

#include "core/request.h"

#define CHANNEL_KEYS_MAX 1000 /* of a channel */

/* Input of channel_key_add(); with nothing required, that of channel_key_update(). */
extern const struct field channel_key_fields[], channel_key_change_fields[];

/* The keys of channel `ch` as JSON, for a statement. */
#define CHANNEL_KEYS_JSON \
	"(SELECT coalesce(jsonb_agg(jsonb_build_object('id', k.id, 'name', k.name, 'status', k.status," \
	"  'off_reason', k.off_reason, 'off_at', json_time(k.off_at), 'weight', k.weight, 'sort', k.sort, 'rpm', k.rpm," \
	"  'balance', trim_scale(k.balance), 'balance_currency', k.balance_currency," \
	"  'balance_at', json_time(k.balance_at), 'last_error', k.last_error, 'last_error_at', json_time(k.last_error_at)," \
	"  'created_at', json_time(k.created_at)) ORDER BY k.sort, k.id), '[]')" \
	"  FROM channel_keys k WHERE k.channel_id = ch.id)"

/* Checked input.  E_NOT_FOUND no such channel; E_CONFLICT the name is taken, or the channel has
 * CHANNEL_KEYS_MAX; E_UNAVAILABLE it cannot be sealed. */
enum status channel_key_add(struct context *cx, int64_t channel_id, const json_t *in, int64_t *id) MUST_CHECK;
/* Only what `in` has is changed; another key, and `enabled` true, make it active again.
 * E_NOT_FOUND also for a key of another channel; else as channel_key_add(). */
enum status channel_key_update(struct context *cx, int64_t channel_id, int64_t id, const json_t *in) MUST_CHECK;
/* E_NOT_FOUND. */
enum status channel_key_delete(struct context *cx, int64_t channel_id, int64_t id) MUST_CHECK;
/* E_NOT_FOUND; *id untouched then. */
enum status channel_key_find_name(struct context *cx, int64_t channel_id, const char *name, int64_t *id) MUST_CHECK;
/* Elements of a list of keys for a new channel: as channel_key_fields.  E_INVALID_REQUEST naming `keys`. */
enum status channel_keys_check(struct context *cx, json_t *keys) MUST_CHECK;
/* The one key of a channel that has no other: set, replaced, or taken away (NULL).  E_INVALID_REQUEST (field
 * api_key) it has several. */
enum status channel_key_only(struct context *cx, int64_t channel_id, const char *key) MUST_CHECK;
/* What the provider said is left of it, as a decimal text. */
enum status channel_key_balance(
    struct context *cx, int64_t channel_id, int64_t id, const char *balance, const char *currency) MUST_CHECK;

#endif
