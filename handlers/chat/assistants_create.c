/*
 * POST /api/assistants -- make an assistant of one's own.
 *
 * in      assistant_fields in chat/assistants.c
 * out     201 the assistant
 * errors  400 a model not offered, a base that is not there, a picture that is none of the caller's;
 *         409 the caller has as many as one may
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_assistants_create(struct request *rq)
{
	json_t *assistant;
	enum status st;

	if ((st = assistant_create(&rq->cx, rq->json, &assistant)) != OK)
		return st;
	return reply_json(rq, 201, assistant);
}
