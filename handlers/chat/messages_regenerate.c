/*
 * POST /api/conversations/{conversation_id}/messages/{message_id}/regenerate --
 * answer the same question again.
 *
 * in      model? (another model than before)
 * out     SSE as messages/stream
 * errors  as messages/stream; 404 no such message; 400 it is no answer to
 *	   anything; 409 it is being made at this moment
 * note    a failed answer is refilled in place and restored if this fails too; a
 *	   good one stays and gets a sibling
 * proof   tests/it/chat/test_regenerate.py
 */
#include "weir.h"

const struct field messages_regenerate_fields[] = {
	{ "model", F_LINE, 0, .min = 1, .max = 100, .help = "A model's name; default: the one that answered before." },
	{ .name = NULL },
};

enum status
h_messages_regenerate(struct request *rq)
{
	const char *message_id = path_uuid(rq, "message_id");

	if (message_id == NULL)
		return fail(&rq->cx, E_NOT_FOUND, "no such message");
	return turn_begin(rq,
	    &(struct turn_ask){ .wants = &wants_stream,
		.conversation_id = path_uuid(rq, "conversation_id"),
		.regenerate_id = message_id,
		.model = field_text(rq->json, "model") });
}
