/*
 * PATCH /api/assistants/{assistant_id} -- change one's own assistant, or who may use it.
 *
 * in      assistant_change_fields in chat/assistants.c; what is absent stays as it is.  share private ends
 *         its link, and those who took it by that use it no more
 * out     200 the assistant
 * errors  400 as of POST /api/assistants; 404 not the caller's
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_assistants_patch(struct request *rq)
{
	json_t *assistant;
	enum status st;

	if ((st = assistant_update(&rq->cx, path_uuid(rq, "assistant_id"), rq->json, &assistant)) != OK)
		return st;
	return reply_json(rq, 200, assistant);
}
