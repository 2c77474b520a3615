/*
 * PUT /api/admin/prices -- add rows of prices, or change those of the same key.
 *
 * in      prices_put_fields in ledger/prices.c; with `models` all other rows of those go
 * out     200 {dry_run, added, changed, removed, same, items: [price, change, before, before_per]}
 * errors  400 naming the element; 403 no admin
 * note    all or nothing; calls that run keep the prices they began with
 * proof   tests/it/ledger/test_prices.py
 */
#include "weir.h"

enum status
h_admin_prices_put(struct request *rq)
{
	json_t *done;
	enum status st;

	if ((st = prices_put(&rq->cx, rq->json, &done)) != OK)
		return st;
	prices_audit(rq, "price.put", done);
	return reply_json(rq, 200, done);
}
