/*
 * GET /api/usage/records.csv -- the same as a table for spreadsheets.
 * GET /api/admin/usage/records.csv -- of all users.
 *
 * in      before_id (older), key_id?, model?, status?, from?, to?; for admins user_id?, channel?
 * out     200 text/csv, at most 10,000 lines, newest first: what comes after them is had with the
 *	   last one's id as before_id
 * errors  400; 403 no admin
 * proof   tests/it/ledger/test_usage.py
 */
#include "weir.h"

enum status
h_usage_csv(struct request *rq)
{
	struct usage_filter filter;
	struct page page;
	const char *text;
	enum status st;

	if ((st = page_read_int(rq, &page)) != OK || (st = usage_filter_read(rq, &filter)) != OK ||
	    (st = usage_csv(&rq->cx, &filter, page.before, &text)) != OK)
		return st;
	reply_header(rq, "Content-Disposition", "attachment; filename=\"usage.csv\"");
	return reply_text(rq, 200, "text/csv", text);
}
