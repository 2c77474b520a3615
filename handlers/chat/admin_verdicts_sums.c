/*
 * GET /api/admin/verdicts/sums -- how often each model's answers were liked or not.
 *
 * in      days? 1-3650 (30): of the last so many
 * out     200 {items: [{model, up, down}]}, most verdicts first
 * errors  400; 403 no admin
 * proof   tests/it/chat/test_verdicts.py
 */
#include "weir.h"

enum status
h_admin_verdicts_sums(struct request *rq)
{
	int64_t days;
	json_t *items;
	enum status st;

	if ((st = query_int(rq, "days", 30, 1, 3650, &days)) != OK || (st = verdicts_sums(&rq->cx, days, &items)) != OK)
		return st;
	return reply_json(rq, 200, json_pack("{s:o}", "items", items));
}
