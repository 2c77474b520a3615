/*
 * DELETE /api/admin/channels/{channel_id}/keys/{key_id} -- take a key away.
 *
 * out     204
 * errors  403 no admin; 404
 * proof   tests/it/catalog/test_channels.py
 */
#include "weir.h"

enum status
h_admin_channel_keys_delete(struct request *rq)
{
	int64_t key_id = path_int(rq, "key_id");
	enum status st;

	if ((st = channel_key_delete(&rq->cx, path_int(rq, "channel_id"), key_id)) != OK)
		return st;
	audit(&rq->cx, "channel.key_delete", arena_printf(rq->cx.arena, "channel:%s", path_text(rq, "channel_id")),
	    "ok", json_pack("{s:I}", "key_id", (json_int_t)key_id));
	return reply_empty(rq);
}
