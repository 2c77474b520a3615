/*
 * GET /api/usage -- what the caller used, summed up.
 * GET /api/admin/usage -- what all users used.
 *
 * in      from?, to? (a day or a time; the last 30 days), group_by? day (default), hour,
 *	   model, key or status; key_id?, model?, status?; for admins group_by also user and
 *	   channel; user_id?, channel?
 * out     200 {from, to, total, items: [{name, calls, errors, tokens of each kind, cost,
 *	   latency_ms, first_token_ms}]}, at most 5,000 items
 * errors  400; 403 no admin
 * units   credits; days and hours are UTC; times are averages
 * proof   tests/it/ledger/test_usage.py
 */
#include "weir.h"

enum status
h_usage_sums(struct request *rq)
{
	struct usage_filter filter;
	json_t *sums;
	enum status st;

	if ((st = usage_filter_read(rq, &filter)) != OK ||
	    (st = usage_sums(&rq->cx, &filter, query_text(rq, "group_by"), &sums)) != OK)
		return st;
	return reply_json(rq, 200, sums);
}
