/*
 * Messages found by their words (search/terms.h): a row of message_words for each question and answer that has text,
 * made by weir-worker.  Whoever writes a message pays for a row in message_news and nothing else.
 *
 * A hit: {id, conversation_id, title, role, model, created_at, active, snippet, marks: [{from, to}]}; `id` is the
 * message's, `active`: it is of the version of the conversation that is shown, marks are characters of the snippet.
 */
#ifndef WEIR_CHAT_WORDS_H
#define WEIR_CHAT_WORDS_H

#include "core/page.h"

/* The caller's own messages that have all words of `q`, newest first; nothing where q has no words.  E_INVALID_REQUEST
 * a stale cursor.  Worker; the caller owns *items. */
enum status words_find(
    struct context *cx, const char *q, const struct page *page, json_t **items, bool *more) MUST_CHECK;

/* Of weir-worker: note the words of what was written, and then of what was there before they were noted. */
struct sweeper;
enum status words_sweep(struct sweeper *s) MUST_CHECK;

#endif
