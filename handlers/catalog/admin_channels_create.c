/*
 * POST /api/admin/channels -- add a channel.
 *
 * in      channel_fields in catalog/channels.c
 * out     201 the channel
 * errors  400 fields, unknown provider or model; 403 no admin; 409 the name is taken
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_channels_create(struct request *rq)
{
	json_t *channel;
	enum status st;

	if ((st = channel_create(&rq->cx, rq->json, &channel)) != OK)
		return st;
	admin_audit(rq, "channel.create", "channel", channel);
	return reply_json(rq, 201, channel);
}
