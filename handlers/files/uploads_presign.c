/*
 * POST /api/uploads/presign -- where a browser puts a file into the bucket itself.
 *
 * in      content_type, size_bytes of the file
 * out     201 {id, method, url, headers, expires_in}: ask for url with them, then POST /api/uploads/{id}/complete
 *         within an hour
 * errors  400 field; 403 files of this site are in no bucket; 413 too_large with details.limit_bytes, storage_quota;
 *         415 another kind of file
 * units   expires_in: seconds
 * note    a file that is not completed is nobody's, and is removed
 * proof   tests/it/store/test_bucket.py
 */
#include "weir.h"

const struct field uploads_presign_fields[] = {
	{ "content_type", F_LINE, F_REQUIRED, .min = 1, .max = 100,
	    .help = "as POST /api/uploads would tell it, such as image/png" },
	{ "size_bytes", F_INT, F_REQUIRED, .min = 1, .max = INT64_MAX, .help = "its length" },
	{ .name = NULL },
};

enum status
h_uploads_presign(struct request *rq)
{
	json_t *ticket;
	enum status st;

	if ((st = ticket_make(
		 &rq->cx, field_text(rq->json, "content_type"), field_int(rq->json, "size_bytes", 0), &ticket)) != OK)
		return st;
	return reply_json(rq, 201, ticket);
}
