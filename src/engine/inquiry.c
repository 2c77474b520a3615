#include "engine/inquiry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/await.h"
#include "core/process.h"
#include "io/http.h"
#include "io/reactor.h"
#include "wire/override.h"

#define BODY_MAX_BYTES (4 << 20)
#define RECEIVE_BYTES 16384

struct inquiries;

struct asking {
	struct inquiries *all;
	struct inquiry *inquiry;
	struct http_transfer *transfer;
	struct buf body;
};

/* Several that are under way. */
struct inquiries {
	struct await await; /* first: await.h knows this; of inquire() */
	struct process *process;
	struct asking *list;
	size_t n, left;
	int64_t connect_timeout_ms;
	void (*over)(struct inquiries *all); /* reactor */
	inquiry_then_fn *then;
	void *arg;
	struct inquiry *inquiries;
	struct reactor *own; /* of inquire_alone() */
};

/* ---- one -------------------------------------------------------------------------- */

void
inquiry_make(struct arena *a, enum account_what what, const struct offer_account *account, const struct offer_key *key,
    struct inquiry *out)
{
	struct wire_target to = { .base_url = account->base_url, .api_key = key == NULL ? NULL : key->key };

	*out = (struct inquiry){ .account = account, .key = key, .result = { .status = E_NOT_FOUND } };
	out->is_supported = account_ask(a, what, account->provider, &to, &out->rq);
	if (out->is_supported)
		out->rq.headers = override_headers(a, account->override, out->rq.headers);
}

enum status
inquiry_channel(struct context *cx, int64_t channel_id, const struct offer_account **out)
{
	struct offer *o;
	enum status st;

	if ((st = offer_read(cx->pg, cx->conf, channel_id, &o)) != OK)
		return fail(cx, st, "read channel: %s", pg_error(cx->pg));
	arena_cleanup(cx->arena, (void (*)(void *))offer_unref, o);
	if (channel_id == 0 || o->n_accounts == 0)
		return fail(cx, E_NOT_FOUND, "channel %lld", (long long)channel_id);
	*out = &o->accounts[0];
	if (!(*out)->is_sound)
		return fail(cx, E_UNAVAILABLE, "the proxy of channel %lld cannot be opened", (long long)channel_id);
	return OK;
}

static void
one_over(struct asking *one)
{
	one->transfer = NULL;
	if (--one->all->left == 0)
		one->all->over(one->all);
}

static void
on_headers(void *arg, int status)
{
	struct asking *one = arg;

	one->inquiry->result.http_status = status;
}

static void
on_data(void *arg, const char *data, size_t len)
{
	struct asking *one = arg;

	buf_add(&one->body, data, len);
}

static void
on_done(void *arg, enum http_result how, const char *detail)
{
	struct asking *one = arg;
	struct inquiry_result *r = &one->inquiry->result;
	const struct wire *wire = wire_find(one->inquiry->account->provider);
	struct wire_failure f = { .status = E_UPSTREAM_FAILED };

	r->status = OK;
	if (how == HTTP_FORBIDDEN)
		detail = "it is at a loopback or private address: set allow_private if it should be";
	if (how != HTTP_OK) {
		wire_failure_transport(&f, how == HTTP_TIMEOUT ? E_UPSTREAM_TIMEOUT : E_UPSTREAM_FAILED, detail);
		r->status = f.status;
	} else if (r->http_status / 100 != 2) {
		if (wire != NULL)
			wire->failure(r->http_status, NULL, buf_str(&one->body), one->body.len, &f);
		r->status = f.status == OK ? E_UPSTREAM_FAILED : f.status;
	}
	if (r->status != OK)
		snprintf(r->detail, sizeof(r->detail), "%s", f.detail);
	r->body = buf_str(&one->body);
	r->len = one->body.len;
	one_over(one);
}

static void
start(struct asking *one)
{
	const struct inquiry *q = one->inquiry;

	one->body = BUF_INIT(BODY_MAX_BYTES);
	one->transfer = http_start(one->all->process->http,
	    &(struct http_spec){
		.method = q->rq.method,
		.url = q->rq.url,
		.headers = q->rq.headers,
		.connect_timeout_ms = one->all->connect_timeout_ms,
		.total_timeout_ms = INQUIRY_TIMEOUT_MS,
		.max_body_bytes = BODY_MAX_BYTES,
		.receive_bytes = RECEIVE_BYTES,
		.allow_private = q->account->allow_private,
		.proxy = q->account->proxy,
		.arg = one,
		.on_headers = on_headers,
		.on_data = on_data,
		.on_done = on_done,
	    });
}

/* ---- several ------------------------------------------------------------------------ */

static void
free_all(void *arg)
{
	struct inquiries *all = arg;

	for (size_t i = 0; i < all->n; i++)
		buf_free(&all->list[i].body);
}

static struct inquiries *
make(struct arena *a, struct process *process, struct inquiry *list, size_t n)
{
	struct inquiries *all = ARENA_NEW(a, struct inquiries);

	*all = (struct inquiries){ .process = process,
		.list = ARENA_ARRAY(a, struct asking, n + 1),
		.n = n,
		.inquiries = list,
		.connect_timeout_ms = process->conf->upstream_connect_timeout };
	for (size_t i = 0; i < n; i++) {
		all->list[i] = (struct asking){ .all = all, .inquiry = &list[i] };
		all->left += list[i].is_supported;
	}
	arena_cleanup(a, free_all, all);
	return all;
}

static void
start_all(void *arg)
{
	struct inquiries *all = arg;

	for (size_t i = 0; i < all->n; i++)
		if (all->list[i].inquiry->is_supported)
			start(&all->list[i]);
}

static void
end_wait(struct inquiries *all)
{
	await_over(&all->await);
}

static void
begin(struct await *a)
{
	start_all(a);
}

static void
drop(struct await *a)
{
	struct inquiries *all = (struct inquiries *)(void *)a;

	for (size_t i = 0; i < all->n; i++)
		if (all->list[i].transfer != NULL) {
			struct inquiry_result *r = &all->list[i].inquiry->result;

			http_cancel(all->list[i].transfer);
			all->list[i].transfer = NULL;
			r->status = E_UNAVAILABLE;
			snprintf(r->detail, sizeof(r->detail), "the server is stopping");
		}
}

static enum status
after(struct await *a)
{
	struct inquiries *all = (struct inquiries *)(void *)a;

	return all->then(a->rq, all->inquiries, all->n, all->arg);
}

enum status
inquire(struct request *rq, struct inquiry *list, size_t n, inquiry_then_fn *then, void *arg)
{
	struct inquiries *all = make(rq->cx.arena, rq->cx.process, list, n);

	if (all->left == 0)
		return then(rq, list, n, arg);
	all->await = (struct await){ .begin = begin, .drop = drop, .then = after };
	all->over = end_wait;
	all->then = then;
	all->arg = arg;
	return await(rq, &all->await);
}

static void
stop_own(struct inquiries *all)
{
	reactor_stop(all->own);
}

void
inquire_alone(struct context *cx, struct inquiry *list, size_t n)
{
	struct process process = { .conf = cx->conf, .reactor = reactor_new() };
	struct inquiries *all;

	process.http = http_client_new(process.reactor);
	all = make(cx->arena, &process, list, n);
	all->over = stop_own;
	all->own = process.reactor;
	if (all->left > 0) {
		reactor_post(process.reactor, start_all, all);
		reactor_run(process.reactor);
	}
	http_client_free(process.http);
	reactor_free(process.reactor);
}
