/*
 * POST /api/keys/{key_id}/expire -- let an API key end now, as if its time were over.
 *
 * out     200 the key
 * errors  404 not the caller's key; 409 it has ended or is locked
 * note    what runs with it goes on, and another expires_at gives it back: to end both, revoke
 * proof   tests/it/account/test_key_life.py
 */
#include "weir.h"

enum status
h_keys_expire(struct request *rq)
{
	const char *id = path_uuid(rq, "key_id");
	json_t *key;
	enum status st;

	if ((st = key_expire(&rq->cx, id, &key)) != OK)
		return st;
	audit(&rq->cx, "key.expire", arena_printf(rq->cx.arena, "key:%s", id), "ok", NULL);
	return reply_json(rq, 200, key);
}
