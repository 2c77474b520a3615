/*
 * GET /api/me -- the caller's account.
 *
 * out     200 {id, email, phone, nickname, role, credits, held, locale, created_at}
 * units   credits (may be spent) and held (set aside for running tasks) in credits
 * proof   tests/it/account/test_accounts.py
 */
#include "weir.h"

enum status
h_me_get(struct request *rq)
{
	json_t *account;
	enum status st;

	if ((st = account_json(&rq->cx, rq->cx.caller.user_id, &account)) != OK)
		return st;
	return reply_json(rq, 200, account);
}
