/*
 * GET /api/assistants/{assistant_id}/picture -- its picture.
 *
 * out     200 WebP of at most 512 pixels a side, or the picture as it was uploaded
 * errors  404 it has none, or it is not for the caller
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_assistants_picture(struct request *rq)
{
	return assistant_send_picture(rq, path_uuid(rq, "assistant_id"));
}
