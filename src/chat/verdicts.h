/*
 * What users think of answers: thumbs up or down, and a note.
 *
 * Worker-only.
 */
#ifndef WEIR_CHAT_VERDICTS_H
#define WEIR_CHAT_VERDICTS_H

#include "core/page.h"
#include "core/request.h"

#define VERDICT_NOTE_CHARS 2000

/* Keep what the caller thinks of an answer of their own: "up", "down", or "none", which takes it back.  `note` in
 * words, or NULL.  E_NOT_FOUND. */
enum status verdict_give(struct context *cx, const char *conversation_id, const char *message_id, const char *verdict,
    const char *note) MUST_CHECK;
/* Everybody's, for an admin, the last said first: {id, user_id, model, verdict, note, at}.  `verdict`, `model` NULL: any.
 * The caller owns *items.  E_INVALID_REQUEST stale cursor. */
enum status verdicts_list(struct context *cx, const struct page *page, const char *verdict, const char *model,
    json_t **items, bool *more) MUST_CHECK;
/* Of the last so many days, {model, up, down} for each model, the most first.  The caller owns *items. */
enum status verdicts_sums(struct context *cx, int64_t days, json_t **items) MUST_CHECK;

#endif
