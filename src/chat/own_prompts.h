/*
 * Prompts that users keep for their questions: a name by which one is found, and a
 * text, in which {{name}} is a variable that is asked for when it is used (which is
 * the page's to do).
 *
 * JSON: {id, name, text, created_at, updated_at}.
 *
 * Worker-only.  A json_t given out is the caller's reference.
 */
#ifndef WEIR_CHAT_OWN_PROMPTS_H
#define WEIR_CHAT_OWN_PROMPTS_H

#include "core/page.h"
#include "core/request.h"

enum { PROMPTS_MAX = 500 }; /* that a user may keep */

/* Input of prompt_create(), of prompt_update() and of prompts_import(). */
extern const struct field prompt_fields[], prompt_change_fields[], prompts_import_fields[];

/* The caller's, newest first.  E_INVALID_REQUEST stale cursor. */
enum status prompts_list(struct context *cx, const struct page *page, json_t **items, bool *more) MUST_CHECK;
/* Checked input; the same again is the one there is.  E_CONFLICT the caller has PROMPTS_MAX. */
enum status prompt_create(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;
/* Only what `in` has is changed.  E_NOT_FOUND, also for id NULL. */
enum status prompt_update(struct context *cx, const char *id, const json_t *in, json_t **out) MUST_CHECK;
/* E_NOT_FOUND. */
enum status prompt_delete(struct context *cx, const char *id) MUST_CHECK;
/* All of them as prompts_import() takes them: {format, version, prompts: [{name, text}]}, by name. */
enum status prompts_export(struct context *cx, json_t **out) MUST_CHECK;
/* Keep all that `in` has, or none; *out {added}: what was there already is passed over.  E_INVALID_REQUEST field
 * "prompts/N/…" of the Nth, E_CONFLICT there would be more than PROMPTS_MAX. */
enum status prompts_import(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;

#endif
