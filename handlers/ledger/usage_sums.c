/*
 * GET /api/usage -- what the caller used, summed up.
 *
 * in      from?, to? (a day or a time; the last 30 days), group_by? day (default), hour,
 *	   model, key or status; key_id?, model?, status?
 * out     200 {from, to, total, items: [{name, calls, request_tokens, response_tokens, cost}]}
 * errors  400
 * units   credits; days and hours are UTC
 * proof   tests/it/ledger/test_usage.py
 */
#include "weir.h"

enum status
h_usage_sums(struct request *rq)
{
	struct usage_filter filter;
	json_t *sums;
	enum status st;

	if ((st = usage_filter_read(rq, false, &filter)) != OK ||
	    (st = usage_sums(&rq->cx, &filter, query_text(rq, "group_by"), &sums)) != OK)
		return st;
	return reply_json(rq, 200, sums);
}
