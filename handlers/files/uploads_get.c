/*
 * GET /api/uploads/{upload_id} -- the file.
 *
 * out     200 its bytes, sent by the web server (ranges and 304 work); may be
 *         cached by the browser, which has to ask each time
 * errors  404 not the caller's
 * proof   tests/it/files/test_uploads.py
 */
#include "weir.h"

enum status
h_uploads_get(struct request *rq)
{
	return upload_send(rq, path_uuid(rq, "upload_id"));
}
