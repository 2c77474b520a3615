/*
 * POST /api/admin/channels/{channel_id}/balance -- what is left at its provider?
 *
 * Asks with each of its keys (the first 50), and keeps what is told beside them.
 *
 * out     200 {items: [{key_id, name, supported, ok, http_status, error: code or null, detail,
 *         balance: number or null, currency: text or null}]}
 * errors  403 no admin; 404; 503 its proxy cannot be opened
 * note    OpenRouter and DeepSeek tell it; others are not asked: supported is false
 * proof   tests/it/catalog/test_channels.py
 */
#include "weir.h"

/* Understand one answer, and keep it. */
static enum status
take(struct request *rq, struct inquiry *q, json_t **item)
{
	struct inquiry_result *r = &q->result;
	struct account_balance b;
	enum status st = OK;
	bool told = r->status == OK && account_balance(r->body, r->len, &b);

	if (r->status == OK && !told) {
		r->status = E_UPSTREAM_FAILED;
		snprintf(r->detail, sizeof(r->detail), "its answer tells no balance");
	}
	if (told)
		st = channel_key_balance(&rq->cx, q->account->id, q->key->id, b.amount, b.currency);
	*item = json_pack("{s:I, s:s, s:b, s:b, s:i, s:o, s:s, s:o, s:s?}", "key_id", (json_int_t)q->key->id, "name",
	    q->key->name, "supported", q->is_supported, "ok", told, "http_status", r->http_status, "error",
	    told || !q->is_supported ? json_null() : json_string(status_code(r->status)), "detail", r->detail,
	    "balance", told ? json_real(strtod(b.amount, NULL)) : json_null(), "currency", told ? b.currency : NULL);
	return st;
}

static enum status
tell(struct request *rq, struct inquiry *list, size_t n, void *arg)
{
	json_t *items = json_own(rq->cx.arena, json_array()), *item;
	enum status st;

	(void)arg;
	for (size_t i = 0; i < n; i++) {
		st = take(rq, &list[i], &item);
		json_array_append_new(items, item);
		if (st != OK)
			return st;
	}
	audit(&rq->cx, "channel.balance", arena_printf(rq->cx.arena, "channel:%s", path_text(rq, "channel_id")), "ok",
	    NULL);
	return reply_json(rq, 200, json_pack("{s:O}", "items", items));
}

enum status
h_admin_channels_balance(struct request *rq)
{
	const struct offer_account *account;
	struct inquiry *list;
	enum status st;
	size_t n;

	if ((st = inquiry_channel(&rq->cx, path_int(rq, "channel_id"), &account)) != OK)
		return st;
	n = account->n_keys < INQUIRIES_MAX ? account->n_keys : INQUIRIES_MAX;
	list = ARENA_ARRAY(rq->cx.arena, struct inquiry, n + 1);
	for (size_t i = 0; i < n; i++)
		inquiry_make(rq->cx.arena, ACCOUNT_BALANCE, account, &account->keys[i], &list[i]);
	return inquire(rq, list, n, tell, NULL);
}
