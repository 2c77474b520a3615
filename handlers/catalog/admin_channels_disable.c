/*
 * POST /api/admin/channels/{channel_id}/disable -- turn a channel off.
 *
 * out     200 the channel
 * errors  403 no admin; 404
 * proof   tests/it/catalog/test_channels.py
 */
#include "weir.h"

enum status
h_admin_channels_disable(struct request *rq)
{
	json_t *in = json_own(rq->cx.arena, json_pack("{s:b}", "enabled", false)), *channel;
	enum status st;

	if ((st = channel_update(&rq->cx, path_int(rq, "channel_id"), in, &channel)) != OK)
		return st;
	admin_audit(rq, "channel.disable", "channel", channel);
	return reply_json(rq, 200, channel);
}
