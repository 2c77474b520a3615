/*
 * POST /api/admin/route-test -- where would a call go?  Without a call.
 *
 * in      route_fields in catalog/route.c
 * out     200 {model, group, region, strategy, by_session, items}: catalog/route.h
 * errors  400 no such model, or key; 403 no admin
 * note    no model is called, and nobody's turn is over by it
 * proof   tests/it/catalog/test_channels.py
 */
#include "weir.h"

enum status
h_admin_route_test(struct request *rq)
{
	struct offer *o;
	json_t *told;
	enum status st;

	if ((st = select_current(&rq->cx, &o)) != OK || (st = route_explain(&rq->cx, o, rq->json, &told)) != OK)
		return st;
	return reply_json(rq, 200, told);
}
