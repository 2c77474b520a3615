/*
 * POST /api/keys/{key_id}/revoke -- end an API key, and what runs with it.
 *
 * out     200 the key
 * errors  404 not the caller's key
 * note    idempotent: one that has ended stays as it is
 * proof   tests/it/account/test_keys.py
 */
#include "weir.h"

enum status
h_keys_revoke(struct request *rq)
{
	const char *id = path_uuid(rq, "key_id");
	json_t *key;
	enum status st;

	if ((st = key_revoke(&rq->cx, id, &key)) != OK)
		return st;
	audit(&rq->cx, "key.revoke", arena_printf(rq->cx.arena, "key:%s", id), "ok", NULL);
	return reply_json(rq, 200, key);
}
