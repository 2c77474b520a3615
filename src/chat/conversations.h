/*
 * Conversations: find, list, create, change, delete.  Every function works for
 * rq->caller only; what belongs to somebody else is E_NOT_FOUND.
 *
 * JSON: {id, agent_id, project_id, assistant_id, assistant_name, assistant_gone, model, title, title_is_custom,
 * knowledge_ids, knowledge_mode, prompt, temperature, top_p, context_messages, message_count, total_tokens,
 * created_at, updated_at}; model is a name or null (the agent's or the default one), title "" until the first message.
 * prompt to context_messages: of this conversation alone, null: as its agent or assistant has them.  assistant_gone:
 * it was deleted or is not shared with the caller any more, and the conversation goes on without it.
 *
 * Worker-only.  A json_t given out is the caller's reference.
 */
#ifndef WEIR_CHAT_CONVERSATIONS_H
#define WEIR_CHAT_CONVERSATIONS_H

#include "core/page.h"
#include "core/request.h"

#define CONVERSATION_TITLE_CHARS 200
/* What a conversation may set for itself: rows of a field table. */
/* clang-format off */
#define CONVERSATION_SETTINGS \
	{ "prompt", F_PROSE, F_NULLABLE, .max = 32000, .help = "system prompt of this conversation; null: the agent's or assistant's" }, \
	{ "temperature", F_NUMBER, F_NULLABLE, .max = 2, .help = "null: the agent's or assistant's" }, \
	{ "top_p", F_NUMBER, F_NULLABLE, .max = 1, .help = "null: the assistant's" }, \
	{ "context_messages", F_INT, F_NULLABLE, .max = 1000, .help = "at most so many earlier messages go upstream; null: the assistant's" }
/* clang-format on */

/* E_NOT_FOUND, also for id NULL. */
enum status conversation_find(struct context *cx, const char *id, json_t **out) MUST_CHECK;
/* Conversations with at least one successful answer, newest activity first;
 * `q` (NULL: all) must occur in the title, in whatever case.
 * E_INVALID_REQUEST stale cursor. */
enum status conversations_list(
    struct context *cx, const struct page *page, const char *q, json_t **items, bool *more) MUST_CHECK;
/* Create from checked input {agent_id?, assistant_id?, project_id?, model?, title?, knowledge_ids?, knowledge_mode?} and
 * CONVERSATION_SETTINGS.  E_INVALID_REQUEST agent_id, assistant_id or model not offered; E_DUPLICATE_CONVERSATION
 * with details.conversation_id: the same agent and project a moment ago. */
enum status conversation_create(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;
/* Change from checked input {title?, model?, knowledge_ids?, knowledge_mode?} and CONVERSATION_SETTINGS: a title is custom from then on,
 * an empty one goes back to automatic; model null goes back to the default.
 * E_NOT_FOUND, E_INVALID_REQUEST model not offered. */
enum status conversation_update(struct context *cx, const char *id, const json_t *in, json_t **out) MUST_CHECK;
/* Delete with all messages.  Answers being written are asked to stop; what they
 * delivered is charged all the same.  E_NOT_FOUND. */
enum status conversation_delete(struct context *cx, const char *id) MUST_CHECK;

/* The id, as text, of a chat model that is offered; NULL for name NULL.  E_INVALID_REQUEST field "model". */
enum status conversation_model(struct context *cx, const char *name, const char **id) MUST_CHECK;

/* The title of a conversation that has none: the first line of its first message that says anything,
 * shortened; in the arena.  Any thread. */
char *conversation_auto_title(struct arena *a, const char *content);

#endif
