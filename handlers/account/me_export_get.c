/*
 * GET /api/me/export -- the file with all of the caller's account.
 *
 * out     200 {status (pending, ready), url, size_bytes, created_at, expires_at}; whoever has
 *         the url reads the file, until it expires
 * errors  404 none was asked for, or it has expired
 * proof   tests/it/account/test_leaving.py
 */
#include "weir.h"

enum status
h_me_export_get(struct request *rq)
{
	json_t *export;
	enum status st = export_find(&rq->cx, &export);

	return st == OK ? reply_json(rq, 200, export) : st;
}
