/*
 * POST /api/admin/channels/{channel_id}/fetch-models -- which models does its provider have?
 *
 * out     200 {ok, http_status (0: no answer), error: code or null, detail, models: [name]}
 * errors  403 no admin; 404; 503 its proxy cannot be opened
 * note    at most 20 seconds; nothing is changed
 * proof   tests/it/catalog/test_channels.py
 */
#include "weir.h"

static enum status
tell(struct request *rq, struct inquiry *list, size_t n, void *arg)
{
	struct inquiry_result *r = &list[0].result;
	json_t *models = r->status == OK ? account_models(r->body, r->len) : NULL;

	(void)n;
	(void)arg;
	if (r->status == OK && models == NULL) {
		r->status = E_UPSTREAM_FAILED;
		snprintf(r->detail, sizeof(r->detail), "its answer is no list of models");
	}
	audit(&rq->cx, "channel.fetch_models", arena_printf(rq->cx.arena, "channel:%s", path_text(rq, "channel_id")),
	    status_code(r->status), NULL);
	return reply_json(rq, 200,
	    json_pack("{s:b, s:i, s:o, s:s, s:o}", "ok", r->status == OK, "http_status", r->http_status, "error",
		r->status == OK ? json_null() : json_string(status_code(r->status)), "detail", r->detail, "models",
		models == NULL ? json_array() : models));
}

enum status
h_admin_channels_models(struct request *rq)
{
	struct inquiry *q = ARENA_NEW(rq->cx.arena, struct inquiry);
	const struct offer_account *account;
	enum status st;

	if ((st = inquiry_channel(&rq->cx, path_int(rq, "channel_id"), &account)) != OK)
		return st;
	inquiry_make(rq->cx.arena, ACCOUNT_MODELS, account, account_key(account), q);
	return inquire(rq, q, 1, tell, NULL);
}
