/*
 * DELETE /api/keys/{key_id} -- remove an API key; it is refused from then on.
 *
 * out     204
 * errors  404 not the caller's key
 * proof   tests/it/account/test_keys.py
 */
#include "weir.h"

enum status
h_keys_delete(struct request *rq)
{
	const char *id = path_uuid(rq, "key_id");
	enum status st;

	if ((st = key_delete(&rq->cx, id)) != OK)
		return st;
	audit(&rq->cx, "key.delete", arena_printf(rq->cx.arena, "key:%s", id), "ok", NULL);
	return reply_empty(rq);
}
