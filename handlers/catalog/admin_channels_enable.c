/*
 * POST /api/admin/channels/{channel_id}/enable -- turn a channel on.
 *
 * out     200 the channel
 * errors  403 no admin; 404
 * proof   tests/it/catalog/test_channels.py
 */
#include "weir.h"

enum status
h_admin_channels_enable(struct request *rq)
{
	json_t *in = json_own(rq->cx.arena, json_pack("{s:b}", "enabled", true)), *channel;
	enum status st;

	if ((st = channel_update(&rq->cx, path_int(rq, "channel_id"), in, &channel)) != OK)
		return st;
	admin_audit(rq, "channel.enable", "channel", channel);
	return reply_json(rq, 200, channel);
}
