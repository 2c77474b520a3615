/*
 * POST /api/keys -- make an API key.
 *
 * in      name; scopes?, models?, allow_ips?, expires_at?, budget? {amount, period?},
 *         rpm?, tpm?, max_concurrent?: null or absent is no limit of its own
 * out     201 the key, with "key": shown this once
 * errors  400; 409 too many keys
 * units   budget.amount in credits
 * note    no Idempotency-Key: an answer that is kept to be given again would keep the secret
 * proof   tests/it/account/test_keys.py
 */
#include "weir.h"

enum status
h_keys_create(struct request *rq)
{
	json_t *key;
	enum status st;

	if ((st = key_create(&rq->cx, rq->json, &key)) != OK)
		return st;
	admin_audit(rq, "key.create", "key", key);
	return reply_json(rq, 201, key);
}
