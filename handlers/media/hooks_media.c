/*
 * POST /api/hooks/media/{provider}/{task_id}/{token} -- a provider tells that a task has ended.
 *
 * in      whatever the provider says; only its id of the task is looked at
 * out     200 {}
 * errors  404 no such task, or another token
 * note    wakes the job that asks the provider; said again it does no harm
 * proof   tests/it/media/test_media.py
 */
#include "weir.h"

enum status
h_hooks_media(struct request *rq)
{
	enum status st = media_called(&rq->cx, path_text(rq, "provider"), path_uuid(rq, "task_id"),
	    path_text(rq, "token"), rq->body, rq->body_len);

	return st == OK ? reply_json(rq, 200, json_object()) : st;
}
