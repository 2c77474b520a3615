/*
 * What was said before in a conversation, as far as it goes upstream: each user
 * message with its answers, which call tools but for the last one, and what came of the calls, if that was a success; messages without one are left out.  It
 * goes the way of what is shown, or of the version that is made again or edited.
 *
 * Worker-only.  Lives in the request's arena and never changes.
 */
#ifndef WEIR_CHAT_HISTORY_H
#define WEIR_CHAT_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "core/context.h"
#include "wire/ask.h"

struct rows;

/* A document that was attached to a message. */
struct history_file {
	const char *url;
	size_t message; /* which */
};

/* Past messages, oldest first, that begin with a question; results of calls are a user's; all in the request's arena. */
struct history {
	struct rows *rows; /* the text of the messages */
	size_t n;
	struct ask_message *messages;
	struct history_file *files; /* in the order in which they were attached */
	size_t n_files;
	const char *question_id; /* user message to be answered again; NULL: another is to follow */
	size_t tail;   /* so many messages at the end are that one, and the calls of tools made for it already */
	size_t rounds; /* so many answers of those called tools */
};

/* How much of it is wanted. */
struct history_ask {
	const char *regenerate_id; /* NULL, or the assistant message that is to be made again */
	const char *edit_id;	   /* NULL, or the user message that another version is asked of */
	const char *continue_id;   /* NULL, or the answer whose calls of tools have ended: it is the last */
	int64_t messages;	   /* at most so many, the newest */
	int64_t bytes;		   /* at most so much text; 0: what the largest context of any model takes */
};

/* The statements that read it, for whoever asks more in the same round trip:
 * $1 conversation, $2 user, $3 ask.messages, $4 history_bytes(); again: $5
 * ask.regenerate_id, no row when there is nothing to make again; edit: $5 ask.edit_id; continue: $5 ask.continue_id, no row
 * when it calls nothing. */
extern const char history_sql[], history_again_sql[], history_edit_sql[], history_continue_sql[];
/* At most so much text: what is asked for, or what a context of so many tokens takes. */
int64_t history_bytes(const struct history_ask *ask, int64_t largest_context);
/* An empty one, which takes over its rows. */
struct history *history_new(struct context *cx);
/* Take the messages from its rows. */
void history_fill(struct context *cx, struct history *h);
/* Nothing can be made again: say why.  E_NOT_FOUND, E_INVALID_REQUEST field "message_id". */
enum status history_refuse(struct context *cx, const char *conversation_id, const char *message_id) MUST_CHECK;

#endif
