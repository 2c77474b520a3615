/*
 * POST /api/me/push -- have this device told what has ended.
 *
 * in      endpoint, p256dh, auth: as PushSubscription has them, the last two as base64url without padding
 * out     201 the device, in the place of what this session or this browser had
 * errors  400; 404 nothing is told on devices here; 409 too_many_devices
 * proof   tests/it/push/test_push.py
 */
#include "weir.h"

const struct field me_push_fields[] = {
	{ "endpoint", F_URL, F_REQUIRED, .max = PUSH_ENDPOINT_BYTES_MAX,
	    .help = "where its push service takes messages" },
	{ "p256dh", F_LINE, F_REQUIRED, .min = 87, .max = 87, .help = "its point on P-256" },
	{ "auth", F_LINE, F_REQUIRED, .min = 22, .max = 22, .help = "its secret" },
	{ .name = NULL },
};

enum status
h_me_push_subscribe(struct request *rq)
{
	json_t *device;
	enum status st = push_subscribe(&rq->cx, rq->json, &device);

	return st == OK ? reply_json(rq, 201, device) : st;
}
