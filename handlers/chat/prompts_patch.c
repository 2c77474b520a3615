/*
 * PATCH /api/prompts/{prompt_id} -- change a prompt.
 *
 * in      name?, text?
 * out     200 the prompt
 * errors  400; 404 not the caller's
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_prompts_patch(struct request *rq)
{
	json_t *prompt;
	enum status st;

	if ((st = prompt_update(&rq->cx, path_uuid(rq, "prompt_id"), rq->json, &prompt)) != OK)
		return st;
	return reply_json(rq, 200, prompt);
}
