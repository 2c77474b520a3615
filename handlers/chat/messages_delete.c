/*
 * DELETE /api/conversations/{conversation_id}/messages/{message_id} -- remove a
 * message physically.
 *
 * out     204
 * errors  404 not the caller's
 * note    an answer being written is stopped; what it delivered is charged
 * proof   tests/it/chat/test_conversations.py
 */
#include "weir.h"

enum status
h_messages_delete(struct request *rq)
{
	enum status st;

	if ((st = message_delete(&rq->cx, path_uuid(rq, "conversation_id"), path_uuid(rq, "message_id"))) != OK)
		return st;
	return reply_empty(rq);
}
