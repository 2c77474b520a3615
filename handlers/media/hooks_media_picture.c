/*
 * GET /api/hooks/media/{provider}/{task_id}/{token}/{upload_id} -- a provider fetches a picture that goes with what it makes.
 *
 * out     200 the picture
 * errors  404 another token, the task has ended, or the picture is none of what was asked
 * note    the token is made for one sending, and known to the provider alone
 * proof   tests/it/media/test_media.py
 */
#include "weir.h"

enum status
h_hooks_media_picture(struct request *rq)
{
	return media_lent(rq, path_text(rq, "provider"), path_uuid(rq, "task_id"), path_text(rq, "token"),
	    path_uuid(rq, "upload_id"));
}
