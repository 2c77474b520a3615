/*
 * POST /api/admin/channels/{channel_id}/test -- does this channel answer?
 *
 * Asks one of its models for a single token, whether it is enabled or not.
 *
 * in      model? one the channel serves (name), absent: its test_model, or the first;
 *         key_id? one of its keys, absent: the first that is active
 * out     200 {ok, model, upstream_name, http_status (0: no answer), latency_ms,
 *         error: code or null, detail, text}
 * errors  400 model not served by it; 403 no admin; 404 also the key; 409 it serves no model
 * note    the provider may charge for it, nobody here does; at most 20 seconds
 * proof   tests/it/house/test_admin.py, tests/it/catalog/test_channels.py
 */
#include "weir.h"

const struct field admin_channels_test_fields[] = {
	{ "model", F_LINE, 0, .min = 1, .max = 200,
	    .help = "one the channel serves; absent: its test_model, or the first" },
	{ "key_id", F_INT, 0, .min = 1, .max = INT64_MAX, .help = "one of its keys; absent: the first that is active" },
	{ .name = NULL },
};

struct trial {
	struct probe_spec spec;
	const char *model;
};

static enum status
tell(struct request *rq, const struct probe_result *result, void *arg)
{
	const struct trial *t = arg;

	audit(&rq->cx, "channel.test", arena_printf(rq->cx.arena, "channel:%s", path_text(rq, "channel_id")),
	    status_code(result->status), json_pack("{s:s}", "model", t->model));
	return reply_json(rq, 200, probe_json(result, t->model, t->spec.model));
}

enum status
h_admin_channels_test(struct request *rq)
{
	struct trial *t = ARENA_NEW(rq->cx.arena, struct trial);
	enum status st;

	st = probe_channel_key(&rq->cx, path_int(rq, "channel_id"), field_int(rq->json, "key_id", 0),
	    field_text(rq->json, "model"), &t->model, &t->spec);
	return st == OK ? probe_await(rq, &t->spec, tell, t) : st;
}
