/*
 * POST /api/conversations/{conversation_id}/messages -- ask, and get the whole
 * answer at once.
 *
 * in      as messages/stream
 * out     200 {user_message, assistant_message, credits_consumed, balance, usage, task_id, …}
 * errors  as messages/stream; a failed answer is 502, 503 or 504 with
 *	   details.assistant_message; a stopped one 409 cancelled
 * note    the same rules, limits and charges as the streamed one
 * proof   tests/it/chat/test_stream.py
 */
#include "weir.h"

#include "messages_fields.h"

const struct field messages_send_fields[] = { MESSAGE_FIELDS };

enum status
h_messages_send(struct request *rq)
{
	return message_begin(rq, &wants_whole);
}
