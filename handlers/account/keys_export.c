/*
 * GET /api/keys/export -- all of the caller's API keys as CSV, without secrets.
 *
 * out     200 text/csv with a head, newest first
 * units   budget and spent in credits
 * proof   tests/it/account/test_keys.py
 */
#include "weir.h"

enum status
h_keys_export(struct request *rq)
{
	const char *csv;
	enum status st;

	if ((st = keys_export(&rq->cx, &csv)) != OK)
		return st;
	reply_header(rq, "Content-Disposition", "attachment; filename=\"weir-api-keys.csv\"");
	return reply_text(rq, 200, "text/csv; charset=utf-8", csv);
}
