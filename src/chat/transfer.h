/*
 * Conversations that are taken away as a file, and that come from one.
 *
 * The file is {"format": "weir-conversation", "version": 1, title, created_at, messages:
 * [{role, content, model, created_at, attachments}]}: what was said, nothing of money.  Other
 * programs' exports are brought into this shape before they get here (web/src/lib/import).
 *
 * Worker-only.
 */
#ifndef WEIR_CHAT_TRANSFER_H
#define WEIR_CHAT_TRANSFER_H

#include "core/request.h"

#define IMPORT_MESSAGES_MAX 2000

struct exported {
	const char *content_type, *extension, *text; /* the text lives as long as the arena */
};

/* The caller's conversation as "json" (NULL: too) or "markdown".  E_NOT_FOUND; E_INVALID_REQUEST the format;
 * E_CONFLICT it is temporary; E_TOO_LARGE. */
enum status conversation_export(
    struct context *cx, const char *id, const char *format, struct exported *out) MUST_CHECK;
/* Several in one file, {"format": "weir-conversations", "version": 1, conversations: [the same]}.  `ids`: as
 * arrange_ids() gives them; they are in that order.  Errors as above, of any of them. */
enum status conversations_export(
    struct context *cx, const char *ids, const char *format, struct exported *out) MUST_CHECK;
/* Add one from checked input {title?, created_at?, messages}; *out is the conversation, the caller's
 * reference.  E_INVALID_REQUEST names the field of the message, as messages/0/content. */
enum status conversation_import(struct context *cx, json_t *in, json_t **out) MUST_CHECK;

#endif
