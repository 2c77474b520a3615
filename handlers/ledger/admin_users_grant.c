/*
 * POST /api/admin/users/{user_id}/credits -- give or take credits.
 *
 * in      amount (negative: take), reason
 * out     200 {balance}
 * errors  400; 403 no admin; 404; 409 below zero, with details.balance
 * units   credits, at most six decimals
 * note    honours Idempotency-Key: a repeated grant is made once
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

#define GRANT_MAX_UCR (INT64_C(1000000000) * UCR_PER_CREDIT)

const struct field admin_users_grant_fields[] = {
	{ "amount", F_CREDITS, F_REQUIRED, .min = -GRANT_MAX_UCR, .max = GRANT_MAX_UCR, .help = "negative: take" },
	{ "reason", F_LINE, F_REQUIRED, .min = 1, .max = 200, .help = "stands in the user's history" },
	{ .name = NULL },
};

static void
audit_grant(struct request *rq, const char *result)
{
	audit(&rq->cx, "credits.grant", arena_printf(rq->cx.arena, "user:%s", path_text(rq, "user_id")), result,
	    json_incref(rq->json));
}

enum status
h_admin_users_grant(struct request *rq)
{
	int64_t amount_ucr = field_ucr(rq->json, "amount", 0);
	int64_t balance_ucr;
	enum status st;

	if (amount_ucr == 0)
		return fail_field(&rq->cx, "amount", "must not be zero");
	st = credits_grant(&rq->cx, path_uuid(rq, "user_id"), amount_ucr, "admin_adjustment",
	    field_text(rq->json, "reason"), &balance_ucr);
	audit_grant(rq, st == OK ? "ok" : status_code(st));
	if (st != OK)
		return st;
	return reply_json(rq, 200, json_pack("{s:o}", "balance", json_credits(balance_ucr)));
}
