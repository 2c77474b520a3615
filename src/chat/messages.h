/*
 * Messages of a conversation, of rq->caller only.
 *
 * JSON as in the API: {id, conversation_id, sequence, role, content, status,
 * is_error, error_message, error_display, model, input_tokens, output_tokens,
 * credits_cost, attachments, citations, searched, calls, task_id, created_at, updated_at}.  PostgreSQL's
 * message_json() makes it of what is stored, message_written() of what a turn
 * has just stored and need not read again; error_display, which is in the
 * reader's language, message_localize() adds wherever a message leaves.
 *
 * A page tells {parent_id, versions, finish, verdict, left_out, first_token_ms} besides:
 * of the versions of a message, which have one parent, one is shown, and a page is of
 * those that are shown.  With an answer that is compared with others come these, in
 * {beside}.
 *
 * Worker-only but for message_localize() and message_written().
 */
#ifndef WEIR_CHAT_MESSAGES_H
#define WEIR_CHAT_MESSAGES_H

#include "core/page.h"
#include "core/request.h"

/* A message as a turn wrote it. */
struct message {
	const char *id, *conversation_id, *role, *content, *status;
	int64_t sequence;
	const char *error_message, *model; /* NULL: none */
	int64_t input_tokens, output_tokens, cost_ucr;
	json_t *attachments, *citations, *calls; /* the references are taken over */
	const char *searched;			 /* JSON; NULL: nothing was searched for */
	const char *task_id;
	const char *created_at, *updated_at; /* from the database's json_time() */
};
/* The caller owns it.  Any thread. */
json_t *message_written(const struct message *m);

/* Set "error_display": the text for people of a failed status, null for the
 * others; and say "error_message" in the reader's language, where it is one of ours.  NULL or JSON null is fine.  Any thread. */
void message_localize(json_t *message, enum lang lang);

/* One page of a conversation as it is shown, in the order of the conversation: the newest
 * `limit`, or those before or after the cursor; `offset` skips that many of the
 * newest.  *more: there are more in that direction.  E_NOT_FOUND;
 * E_INVALID_REQUEST stale cursor. */
enum status messages_list(struct context *cx, const char *conversation_id, const struct page *page, int64_t offset,
    json_t **items, bool *more) MUST_CHECK;
/* Delete physically: a question with its answers, and what follows moves up; `below`, or where there is another
 * version: with all that follows.  An answer being written is asked to stop; what it delivered is charged all the same.
 * E_NOT_FOUND. */
enum status message_delete(
    struct context *cx, const char *conversation_id, const char *message_id, bool below) MUST_CHECK;
/* Show this version, all before it, and what was shown behind it.  E_NOT_FOUND. */
enum status message_activate(struct context *cx, const char *conversation_id, const char *message_id) MUST_CHECK;

#endif
