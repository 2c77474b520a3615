/*
 * GET /api/account-exports/{export_id} -- the file with all of an account.
 *
 * in      signature: of the link in GET /api/me/export
 * out     200 JSON, to be saved; or 302 to the bucket
 * errors  404 no link of ours, or it has expired
 * proof   tests/it/account/test_leaving.py
 */
#include "weir.h"

enum status
h_account_exports_get(struct request *rq)
{
	return export_send(rq, path_uuid(rq, "export_id"), query_text(rq, "signature"));
}
