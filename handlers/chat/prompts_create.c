/*
 * POST /api/prompts -- keep a prompt.
 *
 * in      name, text: {{name}} in it is a variable
 * out     201 the prompt; with the name and text of one that is there, that one
 * errors  400; 409 the caller keeps as many as one may
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_prompts_create(struct request *rq)
{
	json_t *prompt;
	enum status st;

	if ((st = prompt_create(&rq->cx, rq->json, &prompt)) != OK)
		return st;
	return reply_json(rq, 201, prompt);
}
