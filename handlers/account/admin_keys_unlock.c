/*
 * POST /api/admin/keys/{key_id}/unlock -- give an API key back that was locked.
 *
 * out     200 the key
 * errors  403 no admin; 404 no such key; 409 it is not locked
 * proof   tests/it/account/test_key_life.py
 */
#include "weir.h"

enum status
h_admin_keys_unlock(struct request *rq)
{
	json_t *key;
	enum status st;

	if ((st = key_unlock(&rq->cx, path_uuid(rq, "key_id"), &key)) != OK)
		return st;
	admin_audit(rq, "key.unlock", "key", key);
	return reply_json(rq, 200, key);
}
