/*
 * GET /api/uploads/{upload_id}/about -- say what a file is.
 *
 * out     200 Upload; document tells whether its text has been read, and if not, why
 * errors  404 not the caller's
 * proof   tests/it/files/test_attached.py
 */
#include "weir.h"

enum status
h_uploads_about(struct request *rq)
{
	const char *id = path_uuid(rq, "upload_id");
	json_t *upload;
	enum status st;

	if (id == NULL)
		return fail(&rq->cx, E_NOT_FOUND, "no such upload");
	if ((st = upload_find(&rq->cx, id, &upload)) != OK)
		return st;
	attached_explain(&rq->cx, upload);
	return reply_json(rq, 200, upload);
}
