/*
 * Uploads in what goes upstream: a provider cannot fetch them, for reading one
 * takes its owner's token, so they go along as data: URLs (RFC 2397).
 */
#ifndef WEIR_CHAT_ATTACHMENTS_H
#define WEIR_CHAT_ATTACHMENTS_H

#include "chat/prompt.h"
#include "core/request.h"
#include "wire/wire.h"

/* Put the bytes of the caller's uploads in the place of their addresses, newest
 * message first, until [uploads] inline_bytes are used; other addresses stay as
 * they are.  The texts live as long as the request's arena, outside its cap.
 *
 * With `asked`, the last of the `n` messages is that question, being sent now: an address of
 * somebody else's upload, of another kind of file or of too large a one is
 * E_INVALID_REQUEST naming the field.  In older messages such attachments, and
 * those that have been removed, are left out.  E_UNAVAILABLE.  Worker. */
enum status attachments_inline(
    struct context *cx, struct ask_message *messages, size_t n, const struct question *asked) MUST_CHECK;

#endif
