/*
 * GET /api/usage/records.csv -- the same as a table for spreadsheets.
 *
 * in      key_id?, model?, status?, from?, to?
 * out     200 text/csv, at most 10,000 lines, newest first
 * errors  400
 * proof   tests/it/ledger/test_usage.py
 */
#include "weir.h"

enum status
h_usage_csv(struct request *rq)
{
	struct usage_filter filter;
	const char *text;
	enum status st;

	if ((st = usage_filter_read(rq, false, &filter)) != OK || (st = usage_csv(&rq->cx, &filter, &text)) != OK)
		return st;
	reply_header(rq, "Content-Disposition", "attachment; filename=\"usage.csv\"");
	return reply_text(rq, 200, "text/csv", text);
}
