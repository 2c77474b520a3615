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
#include "wire/headers.h"
#include "wire/own.h"
#include "wire/responses/responses.h"

#define TOTAL_MS 60000
#define AFTER_BYTES_MAX 256

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

static enum status
ask(struct request *rq, const struct offer_channel *ch, const char *method, const char *behind, const char *body,
    size_t len, struct kept *k)
{
	const struct wire_target to = { .api_key = ch->api_key, .traceparent = rq->cx.traceparent };
	struct pass_ask pass = { .method = method,
		.url = responses_url(rq->cx.arena, ch->base_url, behind),
		.headers = headers_make(rq->cx.arena, &to, "Authorization: Bearer ", NULL),
		.body = body,
		.body_len = len,
		.allow_private = ch->allow_private,
		.connect_ms = rq->cx.conf->upstream_connect_timeout,
		.total_ms = TOTAL_MS };

	if (pass.url == NULL || pass.headers == NULL)
		return fail(&rq->cx, E_UNAVAILABLE, "channel %s has no address", ch->name);
	return pass_await(rq, &pass, then, k);
}

/* The channel, as one of its models is offered, and the name of that model. */
static const struct offer_channel *
find_channel(const struct offer *offer, int64_t id, const char **model)
{
	for (size_t i = 0; i < offer->n_models; i++)
		for (size_t j = 0; j < offer->models[i].n_channels; j++)
			if (offer->models[i].channels[j].id == id) {
				*model = offer->models[i].name;
				return &offer->models[i].channels[j];
			}
	return NULL;
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
	const struct offer_channel *ch;
	const char *query = "";
	int64_t channel_id, tokens;
	struct offer *offer;
	enum status st;

	*k = (struct kept){ .id = path_text(rq, "response_id"), .is_delete = strcmp(method, "DELETE") == 0 };
	if ((st = key_need_scope(&rq->cx, "chat")) != OK)
		return st;
	if (query_bool(rq, "stream", false))
		return pins_refuse(&rq->cx, &(struct dialect_problem){ "stream", "is not supported here", true });
	if (strcmp(behind, "/input_items") == 0 && (st = page_of(rq, &query)) != OK)
		return st;
	if (!is_plain(k->id))
		return fail(&rq->cx, E_NOT_FOUND, "response");
	if ((st = pins_find(&rq->cx, k->id, &channel_id, &tokens)) != OK ||
	    (st = select_current(&rq->cx, &offer)) != OK)
		return st;
	if ((ch = find_channel(offer, channel_id, &k->model)) == NULL)
		return fail(&rq->cx, E_UNAVAILABLE, "the channel that keeps %s", k->id);
	return ask(rq, ch, method, arena_printf(rq->cx.arena, "/%s%s%s", k->id, behind, query), NULL, 0, k);
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
	return ask(rq, ch, "POST", "/input_tokens", body.data, body.len, k);
}
