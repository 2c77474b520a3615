/*
 * GET /api/conversations/{conversation_id} -- one conversation.
 *
 * out     200 the conversation
 * errors  404 not the caller's
 * proof   tests/it/chat/test_conversations.py
 */
#include "weir.h"

enum status
h_conversations_get(struct request *rq)
{
	json_t *conversation;
	enum status st;

	if ((st = conversation_find(&rq->cx, path_uuid(rq, "conversation_id"), &conversation)) != OK)
		return st;
	return reply_json(rq, 200, conversation);
}
