/*
 * GET /api/me/factor -- the caller's second factor.
 *
 * out     200 {enabled, required, has_password, confirmed_at, recovery_left}
 * proof   tests/it/account/test_trust.py
 */
#include "weir.h"

enum status
h_me_factor_get(struct request *rq)
{
	json_t *factor;
	enum status st = factor_json(&rq->cx, &factor);

	return st == OK ? reply_json(rq, 200, factor) : st;
}
