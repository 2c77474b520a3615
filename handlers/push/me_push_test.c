/*
 * POST /api/me/push/test -- send a message to this device.
 *
 * out     202 {}
 * errors  404 this session has not subscribed
 * proof   tests/it/push/test_push.py
 */
#include "weir.h"

enum status
h_me_push_test(struct request *rq)
{
	enum status st = push_try(&rq->cx);

	return st == OK ? reply_json(rq, 202, json_object()) : st;
}
