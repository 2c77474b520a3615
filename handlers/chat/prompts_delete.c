/*
 * DELETE /api/prompts/{prompt_id} -- remove a prompt.
 *
 * out     204
 * errors  404 not the caller's
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_prompts_delete(struct request *rq)
{
	enum status st = prompt_delete(&rq->cx, path_uuid(rq, "prompt_id"));

	return st == OK ? reply_empty(rq) : st;
}
