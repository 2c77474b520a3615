/*
 * Conversations: find, list, create, change, delete.  Every function works for
 * rq->caller only; what belongs to somebody else is E_NOT_FOUND.
 *
 * JSON: {id, agent_id, project_id, assistant_id, assistant_name, assistant_gone, model, title, title_is_custom,
 * folder_id, pinned, archived, temporary_until, knowledge_ids, knowledge_mode, knowledge_rewrite, prompt, temperature, top_p,
 * context_messages, message_count, total_tokens, created_at, updated_at}; model is a name or null (the agent's or the
 * default one), title "" until the first message.
 * temporary_until: of a temporary one, when it is removed at the latest; else null.
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

/* What a list may show; "all" is what is not archived, "loose" what of it is neither pinned nor in a folder. */
#define CONVERSATION_VIEWS "all loose pinned archived"
struct conversations_ask {
	const char *q;	       /* must occur in the title, in whatever case; NULL: any */
	const char *view;      /* one of CONVERSATION_VIEWS; NULL: all */
	const char *folder_id; /* what is in it; NULL: in any or none */
};
/* Conversations with at least one successful answer, newest activity first; never temporary ones.
 * E_INVALID_REQUEST stale cursor, unknown view. */
enum status conversations_list(struct context *cx, const struct page *page, const struct conversations_ask *ask,
    json_t **items, bool *more) MUST_CHECK;
/* Create from checked input {agent_id?, assistant_id?, project_id?, model?, title?, temporary?, knowledge_ids?,
 * knowledge_mode?, knowledge_rewrite?} and CONVERSATION_SETTINGS.
 * E_INVALID_REQUEST agent_id, assistant_id or model not offered; E_DUPLICATE_CONVERSATION
 * with details.conversation_id: the same agent and project a moment ago. */
enum status conversation_create(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;
/* Change from checked input {title?, model?, knowledge_ids?, knowledge_mode?, knowledge_rewrite?} and CONVERSATION_SETTINGS: a title is custom from then on,
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
