/*
 * DELETE /api/assistants/{assistant_id} -- remove one's own assistant.
 *
 * out     204; conversations with it go on without, and say that it is gone
 * errors  404 not the caller's
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_assistants_delete(struct request *rq)
{
	enum status st = assistant_delete(&rq->cx, path_uuid(rq, "assistant_id"));

	return st == OK ? reply_empty(rq) : st;
}
