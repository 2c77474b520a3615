#include "engine/pass.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "core/await.h"
#include "core/process.h"
#include "io/http.h"

struct pass {
	struct await await; /* first: await.h knows this */
	struct pass_ask ask;
	struct pass_answer answer;
	struct buf body;
	struct http_transfer *transfer;
	pass_then_fn *then;
	void *arg;
};

static void
on_headers(void *arg, int http_status)
{
	struct pass *p = arg;

	p->answer.http_status = http_status;
}

static void
on_data(void *arg, const char *data, size_t len)
{
	struct pass *p = arg;

	buf_add(&p->body, data, len); /* max_body_bytes has said enough of what does not fit */
}

static void
on_done(void *arg, enum http_result result, const char *detail)
{
	struct pass *p = arg;

	p->transfer = NULL;
	p->answer.status = result == HTTP_OK ? OK : result == HTTP_TIMEOUT ? E_UPSTREAM_TIMEOUT : E_UPSTREAM_FAILED;
	p->answer.body = buf_str(&p->body);
	p->answer.body_len = p->body.len;
	snprintf(p->answer.detail, sizeof(p->answer.detail), "%s", detail == NULL ? "" : detail);
	await_over(&p->await);
}

static void
begin(struct await *a)
{
	struct pass *p = (struct pass *)(void *)a;

	p->transfer = http_start(a->rq->cx.process->http,
	    &(struct http_spec){ .method = p->ask.method,
		.url = p->ask.url,
		.headers = p->ask.headers,
		.body = p->ask.body,
		.body_len = p->ask.body_len,
		.connect_timeout_ms = p->ask.connect_ms,
		.total_timeout_ms = p->ask.total_ms,
		.max_body_bytes = PASS_ANSWER_MAX_BYTES,
		.receive_bytes = 65536,
		.allow_private = p->ask.allow_private,
		.proxy = p->ask.proxy,
		.arg = p,
		.on_headers = on_headers,
		.on_data = on_data,
		.on_done = on_done });
}

static void
drop(struct await *a)
{
	struct pass *p = (struct pass *)(void *)a;

	if (p->transfer != NULL)
		http_cancel(p->transfer);
	p->transfer = NULL;
	p->answer.status = E_UNAVAILABLE;
	p->answer.body = "";
	p->answer.body_len = 0;
	snprintf(p->answer.detail, sizeof(p->answer.detail), "the server is stopping");
}

static enum status
after(struct await *a)
{
	struct pass *p = (struct pass *)(void *)a;

	return p->then(a->rq, &p->answer, p->arg);
}

static void
pass_free(void *arg)
{
	struct pass *p = arg;

	buf_free(&p->body);
}

enum status
pass_await(struct request *rq, const struct pass_ask *ask, pass_then_fn *then, void *arg)
{
	struct pass *p = ARENA_NEW(rq->cx.arena, struct pass);

	*p = (struct pass){ .await = { .begin = begin, .drop = drop, .then = after },
		.ask = *ask,
		.body = BUF_INIT(PASS_ANSWER_MAX_BYTES),
		.then = then,
		.arg = arg };
	arena_cleanup(rq->cx.arena, pass_free, p);
	return await(rq, &p->await);
}
