#include "media/ask.h"

#include <stdio.h>
#include <string.h>

#include "io/reactor.h"

#define LOOK_EVERY_MS 200 /* whether the job should stop */
#define RECEIVE_BYTES 65536
#define ERROR_BYTES_MAX 65536 /* of what is no file; more is of no interest */

struct running {
	struct context *cx;
	struct exchange *e;
	struct reactor *reactor;
	struct reactor_timer *look;
	struct http_client *http;
	struct http_transfer *transfer;
};

static void
end(struct running *r, enum http_result result, const char *detail)
{
	r->e->result = result;
	snprintf(r->e->detail, sizeof(r->e->detail), "%s", detail == NULL ? "" : detail);
	r->transfer = NULL;
	reactor_stop(r->reactor);
}

static void
on_headers(void *arg, int status)
{
	struct running *r = arg;
	const char *location = status / 100 == 3 ? http_header(r->transfer, "Location") : NULL;

	r->e->http_status = status;
	r->e->location = arena_strdup(r->cx->arena, location);
}

static void
on_data(void *arg, const char *data, size_t len)
{
	struct running *r = arg;

	if (r->e->file == NULL || r->e->http_status / 100 != 2) {
		buf_add(&r->e->body, data, len);
	} else if (!spool_add(r->e->file, data, len)) {
		r->e->was_full = true;
		http_cancel(r->transfer);
		end(r, HTTP_INTERNAL, "the file cannot be written");
	}
}

static void
on_done(void *arg, enum http_result result, const char *detail)
{
	end(arg, result, detail);
}

static void
look(void *arg)
{
	struct running *r = arg;

	if (r->transfer != NULL && job_stopping(r->e->job)) {
		http_cancel(r->transfer);
		end(r, HTTP_TIMEOUT, "the process ends");
		return;
	}
	reactor_timer_start(r->look, LOOK_EVERY_MS);
}

static void
begin(void *arg)
{
	struct running *r = arg;
	const struct exchange *e = r->e;

	r->transfer = http_start(r->http,
	    &(struct http_spec){ .method = e->rq.method,
		.url = e->rq.url,
		.headers = e->rq.headers,
		.body = e->rq.body,
		.body_len = e->rq.body_len,
		.connect_timeout_ms = r->cx->conf->upstream_connect_timeout,
		.total_timeout_ms = e->total_ms,
		.max_body_bytes = e->max_bytes,
		.receive_bytes = RECEIVE_BYTES,
		.allow_private = e->account->allow_private,
		.proxy = e->account->proxy,
		.fresh = true,
		.arg = r,
		.on_headers = on_headers,
		.on_data = on_data,
		.on_done = on_done });
	if (e->job != NULL)
		reactor_timer_start(r->look, LOOK_EVERY_MS);
}

static void
free_body(void *arg)
{
	struct exchange *e = arg;

	buf_free(&e->body);
}

void
exchange_run(struct context *cx, struct exchange *e)
{
	struct running r = { .cx = cx, .e = e, .reactor = reactor_new() };

	e->body = BUF_INIT(e->file == NULL ? (size_t)e->max_bytes : ERROR_BYTES_MAX);
	arena_cleanup(cx->arena, free_body, e);
	r.http = http_client_new(r.reactor);
	r.look = reactor_timer_new(r.reactor, look, &r);
	reactor_post(r.reactor, begin, &r);
	reactor_run(r.reactor);
	reactor_timer_free(r.look);
	http_client_free(r.http);
	reactor_free(r.reactor);
}

bool
exchange_unsent(const struct exchange *e)
{
	return e->result == HTTP_REFUSED || e->result == HTTP_FORBIDDEN;
}
