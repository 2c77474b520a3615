/*
 * DELETE /api/admin/channels/{channel_id} -- remove a channel.
 *
 * out     204
 * errors  403 no admin; 404
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_channels_delete(struct request *rq)
{
	enum status st;

	if ((st = channel_delete(&rq->cx, path_int(rq, "channel_id"))) != OK)
		return st;
	audit(&rq->cx, "channel.delete", arena_printf(rq->cx.arena, "channel:%s", path_text(rq, "channel_id")), "ok",
	    NULL);
	return reply_empty(rq);
}
