/*
 * PATCH /api/keys/{key_id} -- change the name or the limits of an API key.
 *
 * in      what POST /api/keys takes, each optional; null takes a limit away.  An
 *         expired key lives again with another expires_at
 * out     200 the key
 * errors  400; 404 not the caller's key; 409 it was rotated, revoked or locked
 * proof   tests/it/account/test_keys.py
 */
#include "weir.h"

enum status
h_keys_patch(struct request *rq)
{
	json_t *key;
	enum status st;

	if ((st = key_update(&rq->cx, path_uuid(rq, "key_id"), rq->json, &key)) != OK)
		return st;
	admin_audit(rq, "key.update", "key", key);
	return reply_json(rq, 200, key);
}
