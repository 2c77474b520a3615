#include "relay/kept.h"

#include <stdlib.h>
#include <string.h>

#include "account/keys.h"
#include "base/buf.h"
#include "catalog/select.h"
#include "core/process.h"
#include "core/reply.h"
#include "engine/pass.h"
#include "io/pg.h"
#include "relay/pins.h"
#include "relay/relay.h"
#include "relay/resume.h"
#include "wire/override.h"
#include "wire/own.h"
#include "wire/quirks.h"
#include "wire/responses/responses.h"

#define TOTAL_MS 60000
#define AFTER_BYTES_MAX 256

const struct field responses_get_query[] = {
	{ "stream", F_BOOL, 0,
	    .help = "read its stream on: of a call with an Idempotency-Key, while its journal is there" },
	{ "starting_after", F_INT, 0, .help = "with stream: behind the event of that sequence_number" },
	{ .name = NULL },
};

struct kept {
	const char *id;	   /* NULL: of no answer */
	const char *model; /* as the caller knows it; NULL: leave it */
	bool is_delete;
};

/* ---- the answer --------------------------------------------------------------------- */

/* Words that the caller can do something with, and that are no secret of an account's. */
static bool
is_told(int http_status)
{
	return http_status / 100 == 2 || http_status == 400 || http_status == 404 || http_status == 409 ||
	    http_status == 422;
}

static enum status
forget_pin(struct context *cx, const char *id)
{
	enum status st = pg_query(
	    cx->pg, NULL, "DELETE FROM response_pins WHERE user_id = $1 AND id = $2", PS(cx->caller.user_id), PS(id));

	return st == OK ? OK : fail(cx, st, "response pin: %s", pg_error(cx->pg));
}

static enum status
tell(struct request *rq, const struct pass_answer *answer, const struct kept *k)
{
	static const char *const path[] = { "model", NULL };
	struct buf named = BUF_INIT(0);
	json_t *body;

	if (k->model != NULL)
		own_rename(&named, answer->body, answer->body_len, path, k->model);
	else
		buf_add(&named, answer->body, answer->body_len);
	body = json_loadb(buf_str(&named), named.len, JSON_ALLOW_NUL, NULL);
	buf_free(&named);
	if (!json_is_object(body)) {
		json_decref(body);
		return fail(&rq->cx, E_UPSTREAM_FAILED, "HTTP %d without a JSON object", answer->http_status);
	}
	return reply_json(rq, answer->http_status, body);
}

static enum status
then(struct request *rq, const struct pass_answer *answer, void *arg)
{
	const struct kept *k = arg;
	enum status st;

	if (answer->status != OK)
		return fail(&rq->cx, answer->status, "%s", answer->detail);
	if (!is_told(answer->http_status))
		return fail(&rq->cx, E_UPSTREAM_FAILED, "HTTP %d", answer->http_status);
	if (k->is_delete && (answer->http_status / 100 == 2 || answer->http_status == 404) &&
	    (st = forget_pin(&rq->cx, k->id)) != OK)
		return st;
	return tell(rq, answer, k);
}

/* ---- the question -------------------------------------------------------------------- */

/* Whom: an account, and one of its keys (NULL: none needed). */
struct keeper {
	const struct offer_account *account;
	const char *api_key;
};

static enum status
ask(struct request *rq, const struct keeper *whom, const char *method, const char *behind, const char *body, size_t len,
    struct kept *k)
{
	const struct offer_account *account = whom->account;
	const struct quirks *quirks = quirks_of(account->provider, account->base_url);
	const struct wire_target to = { .api_key = whom->api_key, .quirks = quirks, .traceparent = rq->cx.traceparent };
	struct pass_ask pass = { .method = method,
		.url = responses_url(rq->cx.arena, account->base_url, quirks, behind),
		.headers = responses_headers(rq->cx.arena, &to),
		.body = body,
		.body_len = len,
		.allow_private = account->allow_private,
		.proxy = account->proxy,
		.connect_ms = rq->cx.conf->upstream_connect_timeout,
		.total_ms = TOTAL_MS };

	if (pass.url == NULL || pass.headers == NULL)
		return fail(&rq->cx, E_UNAVAILABLE, "channel %s has no address", account->name);
	pass.headers = override_headers(rq->cx.arena, account->override, pass.headers);
	return pass_await(rq, &pass, then, k);
}

/* The account and the key that keep an answer. */
static enum status
find_keeper(struct context *cx, const struct offer *offer, const struct select_key *at, struct keeper *out)
{
	const struct offer_account *account = offer_account(offer, at->channel_id);
	size_t i = 0;

	*out = (struct keeper){ account, NULL };
	if (account != NULL && !account->is_sound)
		return fail(cx, E_ROUTE_UNAVAILABLE, "channel %s", account->name);
	while (account != NULL && i < account->n_keys && account->keys[i].id != at->key_id)
		i++;
	if (account == NULL || (at->key_id != 0 ? i == account->n_keys : account->has_keys))
		return fail(
		    cx, E_ROUTE_GONE, "channel %lld, key %lld", (long long)at->channel_id, (long long)at->key_id);
	if (at->key_id == 0)
		return OK;
	out->api_key = account->keys[i].key;
	return account->keys[i].is_active ? OK : fail(cx, E_ROUTE_UNAVAILABLE, "key %s", account->keys[i].name);
}

static bool
is_plain(const char *id)
{
	return strlen(id) <= AFTER_BYTES_MAX &&
	    strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(id);
}

/* The page of a list, made anew: nothing else passes. */
static enum status
page_of(struct request *rq, const char **query)
{
	const char *after = query_text(rq, "after"), *order = query_text(rq, "order");
	int64_t limit;
	enum status st;

	if ((st = query_int(rq, "limit", 20, 1, 100, &limit)) != OK)
		return st;
	if (after != NULL && !is_plain(after))
		return fail_field(&rq->cx, "after", "is no id");
	if (order != NULL && strcmp(order, "asc") != 0 && strcmp(order, "desc") != 0)
		return fail_field(&rq->cx, "order", "must be asc or desc");
	*query = arena_printf(rq->cx.arena, "?limit=%lld%s%s&order=%s", (long long)limit,
	    after == NULL ? "" : "&after=", after == NULL ? "" : after, order == NULL ? "desc" : order);
	return OK;
}

enum status
kept_ask(struct request *rq, const char *method, const char *behind)
{
	struct kept *k = ARENA_NEW(rq->cx.arena, struct kept);
	const struct offer_model *model;
	const char *query = "";
	struct keeper whom;
	struct offer *offer;
	struct pin pin;
	bool resumed;
	enum status st;

	*k = (struct kept){ .id = path_text(rq, "response_id"), .is_delete = strcmp(method, "DELETE") == 0 };
	if ((st = key_need_scope(&rq->cx, "chat")) != OK)
		return st;
	if (query_bool(rq, "stream", false) && strcmp(method, "GET") == 0 && *behind == '\0' &&
	    ((st = resume_begin(rq, k->id, &resumed)) != OK || resumed))
		return st;
	if (query_bool(rq, "stream", false))
		return pins_refuse(&rq->cx, &(struct dialect_problem){ "stream", "is not supported here", true });
	if (strcmp(behind, "/input_items") == 0 && (st = page_of(rq, &query)) != OK)
		return st;
	if (!is_plain(k->id))
		return fail(&rq->cx, E_NOT_FOUND, "response");
	if ((st = pins_find(&rq->cx, k->id, &pin)) != OK || (st = select_current(&rq->cx, &offer)) != OK ||
	    (st = find_keeper(&rq->cx, offer, &pin.at, &whom)) != OK)
		return st;
	if ((model = offer_model(offer, pin.model_id)) != NULL)
		k->model = model->name;
	return ask(rq, &whom, method, arena_printf(rq->cx.arena, "/%s%s%s", k->id, behind, query), NULL, 0, k);
}

/* ---- counting -------------------------------------------------------------------------- */

enum status
kept_count(struct request *rq)
{
	static const char *const ours[] = { "model", NULL };
	struct kept *k = ARENA_NEW(rq->cx.arena, struct kept);
	const struct offer_channel *ch = NULL;
	struct buf body = BUF_INIT(0);
	int64_t tokens;
	enum status st;

	*k = (struct kept){ .id = NULL };
	if ((st = relay_count_own(rq, &tokens, &ch)) != OK)
		return st;
	if (ch == NULL)
		return reply_json(rq, 200,
		    json_pack("{s:s, s:I}", "object", "response.input_tokens", "input_tokens", (json_int_t)tokens));
	buf_puts(&body, "{\"model\":");
	buf_json(&body, ch->upstream_name, strlen(ch->upstream_name));
	buf_puts(&body, ",");
	if (!own_members(&body, rq->body, rq->body_len, ours)) {
		buf_free(&body);
		return fail_field(&rq->cx, "body", "is not a JSON object");
	}
	buf_puts(&body, "}");
	arena_cleanup(rq->cx.arena, free, body.data);
	return ask(rq, &(struct keeper){ ch->account, ch->api_key }, "POST", "/input_tokens", body.data, body.len, k);
}
