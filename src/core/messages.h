/*
 * Messages of a conversation, of rq->caller only.
 *
 * JSON as in the API: {id, conversation_id, sequence, role, content, status,
 * is_error, error_message, error_display, model, input_tokens, output_tokens,
 * credits_cost, attachments, task_id, created_at, updated_at}.  PostgreSQL's
 * message_json() makes all of it but error_display, which is in the reader's
 * language: message_localize() adds it wherever a message leaves.
 *
 * Worker-only but for message_localize().
 */
#ifndef WEIR_CORE_MESSAGES_H
#define WEIR_CORE_MESSAGES_H

#include "core/page.h"
#include "core/request.h"

/* Set "error_display": the text for people of a failed status, null for the
 * others.  NULL or JSON null is fine.  Any thread. */
void message_localize(json_t *message, enum lang lang);

/* One page of a conversation, in the order of the conversation: the newest
 * `limit`, or those before or after the cursor; `offset` skips that many of the
 * newest.  *more: there are more in that direction.  E_NOT_FOUND;
 * E_INVALID_REQUEST stale cursor. */
enum status messages_list(struct request *rq, const char *conversation_id, const struct page *page, int64_t offset,
    json_t **items, bool *more) MUST_CHECK;
/* Delete one physically.  An answer being written is asked to stop; what it
 * delivered is charged all the same.  E_NOT_FOUND. */
enum status message_delete(struct request *rq, const char *conversation_id, const char *message_id) MUST_CHECK;

#endif
