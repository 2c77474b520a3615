/*
 * GET /api/uploads/{upload_id}/thumbnail -- a small picture of it.
 *
 * out     200 WebP of at most 512 pixels a side of a picture, 640 of a film; of a picture
 *         that has none (yet), the picture.  Sent as GET /api/uploads/{upload_id}
 * errors  404 not the caller's, or no picture of it
 * proof   tests/it/files/test_previews.py
 */
#include "weir.h"

enum status
h_uploads_thumbnail(struct request *rq)
{
	return upload_send_small(rq, path_uuid(rq, "upload_id"));
}
