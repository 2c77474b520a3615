/*
 * GET /api/me/identities -- who the caller is at sign-in providers.
 *
 * out     200 {items: [{id, issuer, email, created_at, last_used_at}], has_more: false}
 * proof   tests/it/account/test_oidc.py
 */
#include "weir.h"

enum status
h_me_identities_list(struct request *rq)
{
	json_t *items;
	enum status st = identities_list(&rq->cx, &items);

	return st == OK ? reply_list(rq, items, false) : st;
}
