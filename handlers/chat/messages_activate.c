/*
 * POST /api/conversations/{conversation_id}/messages/{message_id}/activate -- show
 * this version of a question or answer.
 *
 * out     204: the conversation is shown, and goes on, by it and by what followed it
 * errors  404 not the caller's
 * proof   tests/it/chat/test_branches.py
 */
#include "weir.h"

enum status
h_messages_activate(struct request *rq)
{
	enum status st;

	if ((st = message_activate(&rq->cx, path_uuid(rq, "conversation_id"), path_uuid(rq, "message_id"))) != OK)
		return st;
	return reply_empty(rq);
}
