/*
 * GET /api/keys/export -- the caller's API keys as CSV, without secrets.
 * GET /api/admin/keys/export -- those of all users.
 *
 * in      status?, label?, q?; for admins user_id?
 * out     200 text/csv with a head, newest first, at most 10,000 lines
 * errors  400 q; 403 no admin
 * units   budget and spent in credits
 * proof   tests/it/account/test_keys.py, test_key_life.py
 */
#include "weir.h"

enum status
h_keys_export(struct request *rq)
{
	struct key_filter filter;
	const char *csv;
	enum status st;

	if ((st = key_filter_read(rq, &filter)) != OK || (st = keys_export(&rq->cx, &filter, &csv)) != OK)
		return st;
	reply_header(rq, "Content-Disposition", "attachment; filename=\"weir-api-keys.csv\"");
	return reply_text(rq, 200, "text/csv; charset=utf-8", csv);
}
