/*
 * GET /api/assistant-links/{token} -- the assistant that a link leads to.
 *
 * out     200 {id, name, description, avatar, has_picture, openers, own, share, model}
 * errors  404 there is no such link, or not any more
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_assistants_linked(struct request *rq)
{
	json_t *assistant;
	enum status st;

	if ((st = assistant_linked(&rq->cx, path_text(rq, "token"), &assistant)) != OK)
		return st;
	return reply_json(rq, 200, assistant);
}
