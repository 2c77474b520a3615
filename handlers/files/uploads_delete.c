/*
 * DELETE /api/uploads/{upload_id} -- remove a file.
 *
 * out     204
 * errors  404 not the caller's
 * note    messages that show it keep its address, which answers 404 from now on
 * proof   tests/it/files/test_uploads.py
 */
#include "weir.h"

enum status
h_uploads_delete(struct request *rq)
{
	enum status st;

	if ((st = upload_delete(&rq->cx, path_uuid(rq, "upload_id"))) != OK)
		return st;
	return reply_empty(rq);
}
