/*
 * POST /api/conversations/{conversation_id}/messages/{message_id}/regenerate --
 * answer the same question again.
 *
 * in      model? (another model than before), beside? (with a model: to compare)
 * out     SSE as messages/stream
 * errors  as messages/stream; 404 no such message; 400 it is no answer to
 *	   anything; 409 it is being made at this moment, or three are compared already
 * note    a failed answer is refilled in place and restored if this fails too; a
 *	   good one stays and gets a sibling.  Beside it: the answer stays the one that is
 *	   shown, and may be on its way itself; each is a turn of its own
 * proof   tests/it/chat/test_regenerate.py, test_compare.py
 */
#include "weir.h"

const struct field messages_regenerate_fields[] = {
	{ "model", F_LINE, 0, .min = 1, .max = 100, .help = "A model's name; default: the one that answered before." },
	{ "beside", F_BOOL, 0,
	    .help =
		"To compare: the answer stays the one that is shown, also while it is being written, and another model's stands beside it; three at most." },
	{ .name = NULL },
};

enum status
h_messages_regenerate(struct request *rq)
{
	const char *message_id = path_uuid(rq, "message_id"), *model = field_text(rq->json, "model");
	bool beside = field_bool(rq->json, "beside", false);

	if (message_id == NULL)
		return fail(&rq->cx, E_NOT_FOUND, "no such message");
	if (beside && model == NULL)
		return fail_field(&rq->cx, "model", "is needed beside another answer");
	return turn_begin(rq,
	    &(struct turn_ask){ .wants = &wants_stream,
		.conversation_id = path_uuid(rq, "conversation_id"),
		.regenerate_id = message_id,
		.beside = beside,
		.model = model });
}
