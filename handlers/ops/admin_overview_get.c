/*
 * GET /api/admin/overview -- who is there, what is kept, and what is still to be set up.
 *
 * in      days? 1-366 (30): active is who used something in the last so many, today included
 * out     200 the overview (src/ops/overview.h)
 * errors  400; 403 no admin
 * units   stored_bytes: bytes
 * proof   tests/it/ops/test_overview.py
 */
#include "weir.h"

enum status
h_admin_overview_get(struct request *rq)
{
	int64_t days;
	json_t *out;
	enum status st;

	if ((st = query_int(rq, "days", 30, 1, 366, &days)) != OK || (st = overview(&rq->cx, days, &out)) != OK)
		return st;
	return reply_json(rq, 200, out);
}
