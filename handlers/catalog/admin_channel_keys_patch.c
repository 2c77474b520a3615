/*
 * PATCH /api/admin/channels/{channel_id}/keys/{key_id} -- change a key, replace it, turn it on or off.
 *
 * in      channel_key_change_fields in catalog/channel_keys.c; what is absent stays as it is
 * out     200 the channel, with all its keys
 * errors  400 fields; 403 no admin; 404; 409 the name is taken
 * proof   tests/it/catalog/test_channels.py
 */
#include "weir.h"

enum status
h_admin_channel_keys_patch(struct request *rq)
{
	int64_t channel_id = path_int(rq, "channel_id");
	json_t *channel;
	enum status st;

	if ((st = channel_key_update(&rq->cx, channel_id, path_int(rq, "key_id"), rq->json)) != OK)
		return st;
	if ((st = channel_find(&rq->cx, channel_id, &channel)) != OK)
		return st;
	json_object_set_new(rq->json, "key_id", json_integer((json_int_t)path_int(rq, "key_id")));
	admin_audit(rq, "channel.key_update", "channel", channel);
	return reply_json(rq, 200, channel);
}
