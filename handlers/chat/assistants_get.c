/*
 * GET /api/assistants/{assistant_id} -- an assistant the caller may use.
 *
 * out     200 of one's own all there is; of another's what the list says of it
 * errors  404 not there, or not shared with the caller
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_assistants_get(struct request *rq)
{
	json_t *assistant;
	enum status st;

	if ((st = assistant_find(&rq->cx, path_uuid(rq, "assistant_id"), &assistant)) != OK)
		return st;
	return reply_json(rq, 200, assistant);
}
