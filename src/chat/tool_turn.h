/*
 * The turn after an answer that calls tools: the user's word on each call, the calls, and then a turn of its own, with
 * its own task, hold and charge, whose prompt ends with what came of them.
 *
 *	an answer calls		   its turn ends and is charged as any; calls are asked, or approved
 *	tool_turn_begin()	   tool_calls_decide() takes them: running, of this process	   worker
 *	mcp/client.h		   makes them; the request holds no worker meanwhile		   reactor
 *	made()			   tool_calls_end(); turn_begin() with the answer as continue_id	   worker
 *
 * A process that dies in between leaves them unclear: they wait for the user's word again.
 */
#ifndef WEIR_CHAT_TOOL_TURN_H
#define WEIR_CHAT_TOOL_TURN_H

#include <jansson.h>

#include "core/request.h"

struct tool_turn_ask {
	const char *conversation_id, *message_id;
	const json_t *approve, *always,
	    *deny; /* positions; NULL: none.  always: approved, and their tools need no word in
						* this conversation from now on */
};

/* As turn_begin().  E_INVALID_REQUEST field "approve" (of always, too) or "deny"; E_NOT_FOUND also when the message calls nothing;
 * E_TOOLS_UNDECIDED, E_TOOLS_RUNNING, E_TOOLS_ANSWERED.  Worker. */
enum status tool_turn_begin(struct request *rq, const struct tool_turn_ask *ask) MUST_CHECK;

#endif
