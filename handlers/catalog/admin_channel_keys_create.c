/*
 * POST /api/admin/channels/{channel_id}/keys -- give a channel another key.
 *
 * in      channel_key_fields in catalog/channel_keys.c
 * out     201 the channel, with all its keys
 * errors  400 fields; 403 no admin; 404; 409 the name is taken, or it has 1000 keys
 * proof   tests/it/catalog/test_channels.py
 */
#include "weir.h"

enum status
h_admin_channel_keys_create(struct request *rq)
{
	int64_t channel_id = path_int(rq, "channel_id"), id;
	json_t *channel;
	enum status st;

	if ((st = channel_key_add(&rq->cx, channel_id, rq->json, &id)) != OK)
		return st;
	if ((st = channel_find(&rq->cx, channel_id, &channel)) != OK)
		return st;
	admin_audit(rq, "channel.key_add", "channel", channel);
	return reply_json(rq, 201, channel);
}
