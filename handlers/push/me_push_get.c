/*
 * GET /api/me/push -- what a browser needs to subscribe, and the caller's devices.
 *
 * out     200 {is_on, public_key, items: [{id, current, user_agent, created_at, last_ok_at, failures}]}; public_key, a
 *	   point on P-256 as base64url, is null where [push] contact is not set; current: this session's
 * proof   tests/it/push/test_push.py
 */
#include "weir.h"

enum status
h_me_push_get(struct request *rq)
{
	json_t *push;
	enum status st = push_devices(&rq->cx, &push);

	return st == OK ? reply_json(rq, 200, push) : st;
}
