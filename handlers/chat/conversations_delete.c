/*
 * DELETE /api/conversations/{conversation_id} -- remove it with its messages.
 *
 * out     204
 * errors  404 not the caller's
 * note    answers being written are stopped; what they delivered is charged
 * proof   tests/it/chat/test_conversations.py
 */
#include "weir.h"

enum status
h_conversations_delete(struct request *rq)
{
	enum status st;

	if ((st = conversation_delete(&rq->cx, path_uuid(rq, "conversation_id"))) != OK)
		return st;
	return reply_empty(rq);
}
