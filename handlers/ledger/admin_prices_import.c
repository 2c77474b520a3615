/*
 * POST /api/admin/prices/import -- take over somebody's list of prices.
 *
 * in      prices_import_fields in ledger/prices.c
 * out     200 as PUT /api/admin/prices, unmatched: [our models that the list does not know],
 *         refused: [prices that no row holds]
 * errors  400; 403 no admin
 * note    with dry_run nothing is changed, and what would be is told
 * proof   tests/it/ledger/test_prices.py
 */
#include "weir.h"

enum status
h_admin_prices_import(struct request *rq)
{
	json_t *done;
	enum status st;

	if ((st = prices_import(&rq->cx, rq->json, &done)) != OK)
		return st;
	prices_audit(rq, "price.import", done);
	return reply_json(rq, 200, done);
}
