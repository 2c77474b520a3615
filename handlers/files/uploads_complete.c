/*
 * POST /api/uploads/{upload_id}/complete -- the file is in the bucket.
 *
 * out     200 the upload
 * errors  404 no such ticket of the caller; 409 conflict: the file is not there (yet); 415 it is not what was said,
 *         with details.problem, and a new ticket is needed; 503 the bucket does not answer
 * note    asked again it answers the same
 * proof   tests/it/store/test_bucket.py
 */
#include "weir.h"

enum status
h_uploads_complete(struct request *rq)
{
	json_t *upload;
	enum status st = ticket_complete(&rq->cx, path_uuid(rq, "upload_id"), &upload);

	if (st != OK)
		return st;
	attached_explain(&rq->cx, upload);
	return reply_json(rq, 200, upload);
}
