/*
 * DELETE /api/assistants/{assistant_id}/taken -- put away what was taken by a link.
 *
 * out     204
 * errors  404 the caller has not taken it
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_assistants_put_away(struct request *rq)
{
	enum status st = assistant_put_away(&rq->cx, path_uuid(rq, "assistant_id"));

	return st == OK ? reply_empty(rq) : st;
}
