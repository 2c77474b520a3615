/*
 * PATCH /api/admin/channels/{channel_id} -- change a channel.
 *
 * in      channel_change_fields in catalog/channels.c; what is absent stays as it is
 * out     200 the channel
 * errors  400 fields, unknown provider or model; 403 no admin; 409 the name is taken; 404
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_channels_patch(struct request *rq)
{
	json_t *channel;
	enum status st;

	if ((st = channel_update(&rq->cx, path_int(rq, "channel_id"), rq->json, &channel)) != OK)
		return st;
	admin_audit(rq, "channel.update", "channel", channel);
	return reply_json(rq, 200, channel);
}
