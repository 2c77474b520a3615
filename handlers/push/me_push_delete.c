/*
 * DELETE /api/me/push/{device_id} -- tell a device nothing more.
 *
 * out     204
 * errors  404 not the caller's
 * proof   tests/it/push/test_push.py
 */
#include "weir.h"

enum status
h_me_push_delete(struct request *rq)
{
	enum status st = push_unsubscribe(&rq->cx, path_uuid(rq, "device_id"));

	return st == OK ? reply_empty(rq) : st;
}
