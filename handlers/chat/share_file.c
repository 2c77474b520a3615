/*
 * GET /api/share/{token}/files/{upload_id} -- a file that a shared conversation shows.
 *
 * out     200 its bytes, as of /api/uploads/{upload_id}
 * errors  404 the link does not show it, was revoked, or its owner has removed the file
 * proof   tests/it/chat/test_shares.py
 */
#include "weir.h"

enum status
h_share_file(struct request *rq)
{
	reply_header(rq, "X-Robots-Tag", "noindex, nofollow");
	return share_send_file(rq, path_text(rq, "token"), path_uuid(rq, "upload_id"));
}
