/*
 * Documents that users attach to their questions, as numbered texts in what goes upstream.
 *
 * A document is an upload whose text weir-worker has read (knowledge/attached.h).  Those of a
 * question go along with it whole, or it is refused; those of questions before it go along, too, as far
 * as there is room, the newest first.  What had no room is told to the user and to the model, by name.
 */
#ifndef WEIR_CHAT_FILES_H
#define WEIR_CHAT_FILES_H

#include <jansson.h>

#include "chat/history.h"
#include "core/context.h"
#include "store/store.h"

#define QUESTION_FILES_MAX 10

struct question;

enum chat_file_fate {
	FILE_SHOWN,    /* goes along */
	FILE_LEFT_OUT, /* there is no room */
	FILE_GONE,     /* it was removed */
};

struct chat_file {
	const char *url, *name, *kind; /* kind: as parse.h tells it */
	char id[UUID_LEN];
	int64_t pages, tokens, size_bytes;
	size_t message; /* of the history: where it was attached; its length: to the question */
	enum chat_file_fate fate;
	struct store_object text;
};

/* Number 1 is list[0]: in the order in which they were attached. */
struct chat_files {
	struct chat_file *list;
	size_t n, own; /* list[own] and those behind it belong to what is to be answered */
};

/* Those of the question and of what was said before it, in the arena; *out is NULL without any.  Without a question's
 * content the last message of the history is what is to be answered.  Of the question's own: E_INVALID_REQUEST field
 * "file_urls" it is no document of the caller's, E_FILE_NOT_READY, E_FILE_UNREADABLE.  Worker. */
enum status files_find(
    struct context *cx, const struct question *q, const struct history *h, struct chat_files **out) MUST_CHECK;
/* Say which of them go along: their texts may take room_tokens, those of older messages three quarters of them.  *tokens:
 * what they take.  E_FILES_TOO_LONG: there is no room for those of the question (details.tokens, room_tokens). */
enum status files_choose(struct context *cx, struct chat_files *files, int64_t room_tokens, int64_t *tokens) MUST_CHECK;
/* What the system prompt has of them: the texts.  It lives as long as the arena, outside its cap.  E_UNAVAILABLE,
 * E_INVALID_REQUEST a text is gone. */
enum status files_prompt(struct context *cx, struct chat_files *files, const char **out) MUST_CHECK;
/* The words of message `at`, with the numbers of what was attached to it; `text` itself where nothing was. */
const char *files_named(struct arena *a, const struct chat_files *files, size_t at, const char *text);
/* As conversation_messages.attachments keeps it; the caller owns it. */
json_t *file_json(const struct chat_file *f);
/* The names of those that had no room; NULL: all had.  The caller owns it. */
json_t *files_left_out(const struct chat_files *files);

#endif
