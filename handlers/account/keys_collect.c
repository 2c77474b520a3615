/*
 * POST /api/keys/{key_id}/collect -- fetch a key that was made by a rotation by itself.
 *
 * out     200 the key, with "key": shown this once
 * errors  404 not the caller's key; 409 there is nothing to collect (any more)
 * note    no Idempotency-Key: an answer that is kept to be given again would keep the secret;
 *         who loses it rotates the key
 * proof   tests/it/account/test_key_life.py
 */
#include "weir.h"

enum status
h_keys_collect(struct request *rq)
{
	const char *id = path_uuid(rq, "key_id");
	json_t *key;
	enum status st;

	if ((st = key_collect(&rq->cx, id, &key)) != OK)
		return st;
	audit(&rq->cx, "key.collect", arena_printf(rq->cx.arena, "key:%s", id), "ok", NULL);
	return reply_json(rq, 200, key);
}
