/*
 * DELETE /api/conversations/{conversation_id}/messages/{message_id} -- remove a
 * message physically: a question with its answers.
 *
 * in      below? true: all that follows it as well
 * out     204
 * errors  404 not the caller's
 * note    an answer being written is stopped; what it delivered is charged.  What
 *	   followed moves up, but what followed a version goes with it
 * proof   tests/it/chat/test_branches.py, tests/it/chat/test_conversations.py
 */
#include "weir.h"

enum status
h_messages_delete(struct request *rq)
{
	enum status st;

	st = message_delete(
	    &rq->cx, path_uuid(rq, "conversation_id"), path_uuid(rq, "message_id"), query_bool(rq, "below", false));
	if (st != OK)
		return st;
	return reply_empty(rq);
}
