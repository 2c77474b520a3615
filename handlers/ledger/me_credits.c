/*
 * GET /api/me/credits -- the caller's balance.
 *
 * out     200 {balance, held}
 * units   credits; held is set aside for running tasks and not in balance
 * proof   tests/it/account/test_accounts.py
 */
#include "weir.h"

enum status
h_me_credits(struct request *rq)
{
	json_t *credits;
	enum status st;

	if ((st = credits_json(&rq->cx, rq->cx.caller.user_id, &credits)) != OK)
		return st;
	return reply_json(rq, 200, credits);
}
