/*
 * DELETE /api/admin/prices/{price_id} -- remove a row of prices.
 *
 * out     204
 * errors  403 no admin; 404
 * proof   tests/it/ledger/test_prices.py
 */
#include "weir.h"

enum status
h_admin_prices_delete(struct request *rq)
{
	enum status st;

	if ((st = price_delete(&rq->cx, path_int(rq, "price_id"))) != OK)
		return st;
	audit(&rq->cx, "price.delete", arena_printf(rq->cx.arena, "price:%s", path_text(rq, "price_id")), "ok", NULL);
	return reply_empty(rq);
}
