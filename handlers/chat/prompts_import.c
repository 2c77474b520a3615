/*
 * POST /api/import/prompts -- keep the prompts of a file, all or none.
 *
 * in      prompts: 1-500 of {name, text}
 * out     200 {added}: those that were there already, name and text, are passed over
 * errors  400 the field that does not fit, prompts/N/… for the Nth; 409 there would be more than one may keep; 413
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_prompts_import(struct request *rq)
{
	json_t *added;
	enum status st;

	if ((st = prompts_import(&rq->cx, rq->json, &added)) != OK)
		return st;
	return reply_json(rq, 200, added);
}
