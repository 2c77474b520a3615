/*
 * POST /api/assistant-links/{token} -- take the assistant that a link leads to.
 *
 * out     200 the assistant, which is in the caller's list from now on; again is no mistake
 * errors  404 there is no such link, or not any more; 409 the caller has taken as many as one may
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_assistants_take(struct request *rq)
{
	json_t *assistant;
	enum status st;

	if ((st = assistant_take(&rq->cx, path_text(rq, "token"), &assistant)) != OK)
		return st;
	return reply_json(rq, 200, assistant);
}
