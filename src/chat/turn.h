/*
 * A turn: a question, its hold, and the answer as it streams.
 *
 *	opening    worker   turn_begin(): plan, history, ceiling, slots, one SQL
 *			    call that makes messages, task and hold      turn.c
 *	streaming  reactor  upstream, failover                turn_upstream.c
 *			    deadlines, the reader, the end            stream.c
 *			    the journal of what was delivered          journal.c
 *	settling   worker   one SQL call that ends task, message, hold  settle.c
 *	ending     reactor  terminal event, [DONE], slots given back   stream.c
 *
 * A turn belongs to one thread at a time and passes as a whole.
 */
#ifndef WEIR_CHAT_TURN_H
#define WEIR_CHAT_TURN_H

#include "engine/reader.h"
#include "core/request.h"

struct turn;

enum turn_mode {
	TURN_SEND,	 /* a new user message and its answer */
	TURN_REGENERATE, /* a failed answer in place, or another answer beside a good one */
	TURN_DEBUG,	 /* an admin tries an agent: nothing is stored but the debug log, nobody pays */
};

/* What the handler asks for. */
struct turn_ask {
	enum turn_mode mode;
	enum reader_wire wire;
	const char *conversation_id; /* NULL is E_NOT_FOUND, but for TURN_DEBUG */
	const char *message_id;	     /* TURN_REGENERATE: the assistant message */
	const char *agent_id;	     /* TURN_DEBUG */
	const char *model; /* NULL: the conversation's, its agent's or the default one; regenerating, the one before */
	const char *content;			       /* NULL for TURN_REGENERATE */
	const char *image_url, *video_url, *audio_url; /* NULL: none */
};

/* Open a turn and make `rq` a stream, or join the one an Idempotency-Key names.
 * Nothing is changed on failure, except that a message refused for want of
 * credits is kept with its status.  Errors as in the API: E_NOT_FOUND,
 * E_INVALID_REQUEST, E_INSUFFICIENT_CREDITS, E_TASK_QUEUE_FULL,
 * E_CONVERSATION_QUEUE_FULL, E_CONVERSATION_LIMIT, E_CONVERSATION_BUSY,
 * E_CONFLICT, E_IDEMPOTENCY_MISMATCH, E_OVERLOADED, E_UNAVAILABLE.  Worker. */
enum status turn_begin(struct request *rq, const struct turn_ask *ask) MUST_CHECK;

/* The live turn of that task in this process, or NULL.  Reactor. */
struct turn *turn_find(struct process *p, const char *task_id);
/* The task ids of the live turns, as PostgreSQL writes an array; NULL: none.
 * The caller frees it.  Reactor. */
char *turns_list(struct process *p);
/* Stop a turn: upstream at once, then settlement, then the terminal event.
 * E_CANCELLED ends it as cancelled, anything else as failed with that code.
 * No effect on one that is settling.  Reactor. */
void turn_stop(struct turn *t, enum status why);
/* Stop every turn of the process.  Reactor. */
void turns_stop_all(struct process *p, enum status why);

#endif
