/*
 * GET /api/me/quota -- what may still be spent: by the account, and by its keys.
 *
 * in      an API key, or a session
 * out     200 {balance, held, group, ratio, user_budget, group_budget, keys: [{id, name,
 *         prefix, budget}]}: the key that asks, or with a session all keys that are active
 *         and have a budget
 * units   credits
 * proof   tests/it/account/test_keys.py
 */
#include "weir.h"

enum status
h_me_quota(struct request *rq)
{
	json_t *quota;
	enum status st;

	if ((st = keys_quota(&rq->cx, &quota)) != OK)
		return st;
	return reply_json(rq, 200, quota);
}
