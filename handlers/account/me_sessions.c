/*
 * GET /api/me/sessions -- where the caller is signed in, newest first.
 *
 * out     200 {items: [{id, current, created_at, expires_at, user_agent, ip}], has_more: false}
 * proof   tests/it/account/test_accounts.py
 */
#include "weir.h"

enum status
h_me_sessions(struct request *rq)
{
	json_t *items;
	enum status st;

	if ((st = sessions_list(&rq->cx, &items)) != OK)
		return st;
	return reply_list(rq, items, false);
}
