/*
 * GET /api/keys/{key_id} -- an API key, its limits and what it has spent.
 *
 * out     200 the key, without the secret
 * errors  404 not the caller's key
 * proof   tests/it/account/test_keys.py
 */
#include "weir.h"

enum status
h_keys_get(struct request *rq)
{
	json_t *key;
	enum status st;

	if ((st = key_find(&rq->cx, path_uuid(rq, "key_id"), &key)) != OK)
		return st;
	return reply_json(rq, 200, key);
}
