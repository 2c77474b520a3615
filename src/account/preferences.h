/*
 * What people prefer, on all their devices.
 *
 * Preferences JSON: {theme (system, light, dark; null: not chosen), language (en, zh; null), welcome_seen, notify_media,
 * notify_documents, notify_answers}: the last three say whether their devices are told.
 *
 * Worker.  A json_t given out is the caller's reference.
 */
#ifndef WEIR_ACCOUNT_PREFERENCES_H
#define WEIR_ACCOUNT_PREFERENCES_H

#include <jansson.h>

#include "base/fields.h"
#include "core/context.h"

/* What may be said of them. */
extern const struct field preferences_fields[];

enum status preferences_get(struct context *cx, json_t **out) MUST_CHECK;
/* Change the caller's from checked input: what is there, null takes it back.  A language is that of mails, too. */
enum status preferences_change(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;

#endif
