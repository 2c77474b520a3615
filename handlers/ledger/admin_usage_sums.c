/*
 * GET /api/admin/usage -- what all users used, summed up.
 *
 * in      as GET /api/usage; group_by also user and channel; user_id?
 * out     200 as GET /api/usage
 * errors  400; 403 no admin
 * proof   tests/it/ledger/test_usage.py
 */
#include "weir.h"

enum status
h_admin_usage_sums(struct request *rq)
{
	struct usage_filter filter;
	json_t *sums;
	enum status st;

	if ((st = usage_filter_read(rq, true, &filter)) != OK ||
	    (st = usage_sums(&rq->cx, &filter, query_text(rq, "group_by"), &sums)) != OK)
		return st;
	return reply_json(rq, 200, sums);
}
