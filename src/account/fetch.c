#include "account/fetch.h"

#include <string.h>

#include "base/buf.h"
#include "core/await.h"
#include "core/process.h"
#include "io/http.h"

struct fetch {
	struct await await; /* first: await.h knows this */
	struct fetch_ask ask;
	struct http_transfer *transfer; /* NULL: none is under way */
	struct buf body;
	int status;
	const char *why;
	fetch_fn *then;
	void *arg;
};

/* ---- reactor ----------------------------------------------------------- */

static void
on_headers(void *arg, int status)
{
	struct fetch *f = arg;

	f->status = status;
}

static void
on_data(void *arg, const char *data, size_t len)
{
	struct fetch *f = arg;

	if (!buf_add(&f->body, data, len))
		f->why = "its answer is too long";
}

static void
on_done(void *arg, enum http_result result, const char *detail)
{
	struct fetch *f = arg;

	f->transfer = NULL;
	if (result != HTTP_OK) {
		f->status = 0;
		f->why = result == HTTP_FORBIDDEN
		    ? "it is at a loopback or private address: see [oidc] allow_private"
		    : arena_strdup(f->await.rq->cx.arena, detail == NULL ? "no answer" : detail);
	}
	await_over(&f->await);
}

static void
begin(struct await *a)
{
	struct fetch *f = (struct fetch *)(void *)a;

	f->transfer = http_start(a->rq->cx.process->http,
	    &(struct http_spec){
		.method = f->ask.method,
		.url = f->ask.url,
		.headers = f->ask.headers,
		.body = f->ask.body,
		.body_len = f->ask.body == NULL ? 0 : strlen(f->ask.body),
		.connect_timeout_ms = FETCH_TIMEOUT_MS / 2,
		.total_timeout_ms = FETCH_TIMEOUT_MS,
		.max_body_bytes = FETCH_BYTES_MAX,
		.receive_bytes = 16384,
		.allow_private = f->ask.allow_private,
		.fresh = f->ask.body != NULL, /* a code is exchanged once */
		.arg = f,
		.on_headers = on_headers,
		.on_data = on_data,
		.on_done = on_done,
	    });
}

static void
drop(struct await *a)
{
	struct fetch *f = (struct fetch *)(void *)a;

	if (f->transfer != NULL)
		http_cancel(f->transfer);
	f->transfer = NULL;
	f->status = 0;
	f->why = "the server is stopping";
}

/* ---- worker ------------------------------------------------------------ */

static enum status
after(struct await *a)
{
	struct fetch *f = (struct fetch *)(void *)a;
	json_t *answer = NULL;
	enum status st;

	if (f->why == NULL && (answer = json_loadb(f->body.data, f->body.len, JSON_REJECT_DUPLICATES, NULL)) == NULL)
		f->why = "its answer is no JSON";
	if (answer != NULL && !json_is_object(answer)) {
		json_decref(answer);
		answer = NULL;
		f->why = "its answer is no object";
	}
	st = f->then(a->rq, f->status, answer, f->why, f->arg);
	json_decref(answer);
	return st;
}

static void
fetch_free(void *arg)
{
	struct fetch *f = arg;

	buf_free(&f->body);
}

enum status
fetch_await(struct request *rq, const struct fetch_ask *ask, fetch_fn *then, void *arg)
{
	struct fetch *f = ARENA_NEW(rq->cx.arena, struct fetch);

	f->ask = *ask;
	f->body = BUF_INIT(FETCH_BYTES_MAX);
	f->then = then;
	f->arg = arg;
	arena_cleanup(rq->cx.arena, fetch_free, f);
	f->await = (struct await){ .begin = begin, .drop = drop, .then = after };
	return await(rq, &f->await);
}
