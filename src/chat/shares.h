/*
 * Conversations that were shared by a link: snapshots, read by whoever has the link
 * and revoked by who made it.
 *
 * JSON of one for its owner: {id, conversation_id, title, url, message_count,
 * created_at}; url is the page.  For readers: {title, created_at, messages: [{role,
 * content, model, created_at, attachments}]}, in which the owner's own files have
 * addresses that the link opens.
 *
 * Worker-only.  A json_t given out is the caller's reference.
 */
#ifndef WEIR_CHAT_SHARES_H
#define WEIR_CHAT_SHARES_H

#include "core/page.h"
#include "core/request.h"

/* Share the caller's conversation as it is now.  E_NOT_FOUND; E_CONFLICT nothing was answered in
 * it, it is temporary, or the caller has SHARES_MAX; E_TOO_LARGE. */
#define SHARES_MAX 500
enum status share_create(struct context *cx, const char *conversation_id, json_t **out) MUST_CHECK;
/* The caller's, newest first. */
enum status shares_list(struct context *cx, const struct page *page, json_t **items, bool *more) MUST_CHECK;
/* From now on the link opens nothing.  E_NOT_FOUND. */
enum status share_revoke(struct context *cx, const char *id) MUST_CHECK;

/* What a link opens, for anybody.  E_NOT_FOUND. */
enum status share_read(struct context *cx, const char *token, json_t **out) MUST_CHECK;
/* A file that its messages show, as long as its owner keeps it: upload_send().  E_NOT_FOUND. */
enum status share_send_file(struct request *rq, const char *token, const char *upload_id) MUST_CHECK;

#endif
