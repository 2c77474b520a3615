/*
 * A turn: a question and its answer in a conversation.  The kind "chat".
 *
 *	turn_begin()  plan, history, prompt, ceiling, gate; then the run is on
 *		      its way						  worker
 *	kind_chat     what is a chat's own of opening, settling, telling
 */
#ifndef WEIR_CHAT_TURN_H
#define WEIR_CHAT_TURN_H

#include "chat/prompt.h"
#include "core/request.h"
#include "engine/kind.h"
#include "engine/reader.h"

extern const struct kind kind_chat;

/* Weir's own dialect, as a stream or as a whole. */
extern const struct reader_wants wants_stream, wants_whole;

/* What the handler asks for. */
struct turn_ask {
	const struct reader_wants *wants;
	const char *conversation_id; /* NULL is E_NOT_FOUND */
	const char *regenerate_id;   /* the assistant message to make again: a failed one in place, another
				      * answer beside a good one.  NULL: a new question */
	const char *continue_id; /* the answer that called tools, which have been called: the model goes on with what
				  * came of it.  NULL: something else */
	const char *edit_id; /* the user message that this one stands beside, as another version; NULL: the next one */
	bool beside; /* regenerating, with a model: another answer beside that one, which stays the one that is shown */
	const char *
	    model; /* NULL: the conversation's, its agent's or the default one; regenerating and continuing, the one before */
	struct question question; /* regenerating and continuing: empty */
};

/* Open a turn and make `rq` a stream, or join the one an Idempotency-Key names.
 * Nothing is changed on failure, except that a message refused for want of
 * credits is kept with its status.  Errors as in the API: those of gate_open(),
 * of planning (chat/plan.h) and of the prompt; E_OVERLOADED.  Worker. */
enum status turn_begin(struct request *rq, const struct turn_ask *ask) MUST_CHECK;

#endif
