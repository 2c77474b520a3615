/*
 * GET /api/admin/channels/{channel_id} -- one channel.
 *
 * out     200 the channel
 * errors  403 no admin; 404
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_channels_get(struct request *rq)
{
	json_t *channel;
	enum status st;

	if ((st = channel_find(&rq->cx, path_int(rq, "channel_id"), &channel)) != OK)
		return st;
	return reply_json(rq, 200, channel);
}
