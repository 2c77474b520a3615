/*
 * POST /api/admin/prices/quote -- what a call would cost, and by which rows.
 *
 * in      quote_fields in catalog/quote.c
 * out     200 {model, group, tier, ratio, cost, lines}
 * errors  400; 403 no admin; 503 price_unknown
 * units   credits; lines are before the ratio
 * proof   tests/it/ledger/test_prices.py
 */
#include "weir.h"

enum status
h_admin_prices_quote(struct request *rq)
{
	json_t *quote;
	enum status st;

	if ((st = price_quote(&rq->cx, rq->json, &quote)) != OK)
		return st;
	return reply_json(rq, 200, quote);
}
