#include "engine/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "core/await.h"
#include "catalog/channels.h"
#include "wire/wire.h"
#include "io/http.h"
#include "io/reactor.h"

#define BODY_MAX 8192	     /* of a failure's body, to understand it */
#define ANSWER_MAX (1 << 20) /* of an answer: more than any single token needs */
#define PROBE_ARENA_MAX (1 << 20)

struct probe {
	struct http_client *http;
	struct arena *arena;
	const struct provider *provider;
	struct http_spec spec;
	struct http_transfer *transfer;
	void *parser;
	struct buf failure_body;
	size_t fed_bytes;
	int64_t started_ms;
	struct probe_result result;
	void (*on_end)(void *arg); /* reactor */
	void *arg;
};

static void
probe_free(struct probe *p)
{
	if (p->parser != NULL)
		p->provider->parser_free(p->parser);
	buf_free(&p->failure_body);
	arena_free(p->arena);
	free(p);
}

static void
set_failure(struct probe *p, const struct provider_failure *f)
{
	p->result.status = f->status == OK ? E_UPSTREAM_FAILED : f->status;
	snprintf(p->result.detail, sizeof(p->result.detail), "%s", f->detail);
}

static void
end(struct probe *p)
{
	p->transfer = NULL;
	p->result.latency_ms = clock_mono_ms() - p->started_ms;
	p->on_end(p->arg);
}

static void
on_event(void *arg, const struct provider_event *e)
{
	struct probe *p = arg;

	if (e->kind == PROVIDER_FAILURE)
		set_failure(p, &e->failure);
	if (e->kind == PROVIDER_TEXT && p->result.text[0] == '\0') {
		size_t len = e->len < sizeof(p->result.text) - 1 ? e->len : sizeof(p->result.text) - 1;

		len -= utf8_tail(e->text, len);
		memcpy(p->result.text, e->text, len);
		p->result.text[len] = '\0';
	}
}

static void
on_headers(void *arg, int status)
{
	struct probe *p = arg;

	p->result.http_status = status;
}

static bool
is_success(const struct probe *p)
{
	return p->result.http_status >= 200 && p->result.http_status < 300;
}

static void
on_data(void *arg, const char *data, size_t len)
{
	struct probe *p = arg;

	if (!is_success(p)) {
		(void)buf_add(&p->failure_body, data, len); /* what does not fit is not needed */
		return;
	}
	p->fed_bytes += len;
	if (p->fed_bytes <= ANSWER_MAX && p->provider->parser_feed(p->parser, data, len, on_event, p))
		return;
	if (p->result.status == OK)
		set_failure(
		    p, &(struct provider_failure){ .status = E_UPSTREAM_FAILED, .detail = "the answer is too long" });
	http_cancel(p->transfer);
	end(p);
}

static void
on_done(void *arg, enum http_result result, const char *detail)
{
	struct probe *p = arg;
	struct provider_failure f;

	if (result == HTTP_FORBIDDEN) {
		set_failure(p,
		    &(struct provider_failure){ .status = E_UPSTREAM_FAILED,
			.detail = "it is at a loopback or private address: set allow_private if it should be" });
	} else if (result != HTTP_OK) {
		provider_failure_transport(&f, result == HTTP_TIMEOUT ? E_UPSTREAM_TIMEOUT : E_UPSTREAM_FAILED, detail);
		set_failure(p, &f);
	} else if (!is_success(p)) {
		p->provider->failure(p->result.http_status, NULL, buf_str(&p->failure_body), p->failure_body.len, &f);
		set_failure(p, &f);
	} else if (!p->provider->parser_end(p->parser, on_event, p) && p->result.status == OK) {
		set_failure(
		    p, &(struct provider_failure){ .status = E_UPSTREAM_FAILED, .detail = "the answer was cut" });
	}
	end(p);
}

static enum status
build(struct probe *p, const struct probe_spec *spec)
{
	struct provider_message message = { .role = "user", .content = "ping" };
	struct provider_call call = { .base_url = spec->base_url,
		.api_key = spec->api_key,
		.model = spec->model,
		.messages = &message,
		.n_messages = 1,
		.max_output_tokens = 1,
		.temperature = -1 };
	struct provider_request request;
	enum status st;

	if ((p->provider = provider_find(spec->provider)) == NULL)
		return E_INVALID_REQUEST;
	if ((st = p->provider->build(p->arena, &call, &request)) != OK)
		return st;
	p->parser = p->provider->parser_new(false);
	p->spec = (struct http_spec){ .method = request.method,
		.url = request.url,
		.headers = request.headers,
		.body = request.body,
		.body_len = request.body_len,
		.connect_timeout_ms = spec->connect_timeout_ms,
		.total_timeout_ms = PROBE_TIMEOUT_MS,
		.allow_private = spec->allow_private,
		.arg = p,
		.on_headers = on_headers,
		.on_data = on_data,
		.on_done = on_done };
	return OK;
}

/* NULL, and *result says why, when it cannot be asked. */
static struct probe *
probe_new(const struct probe_spec *spec, struct probe_result *result)
{
	struct probe *p = xcalloc(1, sizeof(*p));
	enum status st;

	p->arena = arena_new(4096, PROBE_ARENA_MAX);
	p->failure_body = BUF_INIT(BODY_MAX);
	if ((st = build(p, spec)) != OK) {
		*result = (struct probe_result){ .status = st, .detail = "no adapter of ours can ask this" };
		probe_free(p);
		return NULL;
	}
	return p;
}

static void
start(void *arg)
{
	struct probe *p = arg;

	p->started_ms = clock_mono_ms();
	p->transfer = http_start(p->http, &p->spec);
}

/* ---- through the process' reactor, for a request that waits ----------------------- */

struct probe_wait {
	struct await await; /* first: await.h knows this */
	struct probe *probe;
	struct probe_result result;
	probe_then_fn *then;
	void *arg;
};

static void
on_answer(void *arg)
{
	struct probe_wait *w = arg;

	await_over(&w->await);
}

static void
begin_probe(struct await *a)
{
	struct probe_wait *w = (struct probe_wait *)(void *)a;

	w->probe->http = a->rq->cx.process->http;
	w->probe->on_end = on_answer;
	w->probe->arg = w;
	start(w->probe);
}

static void
drop_probe(struct await *a)
{
	struct probe_wait *w = (struct probe_wait *)(void *)a;

	if (w->probe->transfer != NULL)
		http_cancel(w->probe->transfer);
	w->probe->transfer = NULL;
	set_failure(
	    w->probe, &(struct provider_failure){ .status = E_UNAVAILABLE, .detail = "the server is stopping" });
}

static enum status
after_probe(struct await *a)
{
	struct probe_wait *w = (struct probe_wait *)(void *)a;

	w->result = w->probe->result;
	return w->then(a->rq, &w->result, w->arg);
}

static void
free_probe(void *probe)
{
	probe_free(probe);
}

enum status
probe_await(struct request *rq, const struct probe_spec *spec, probe_then_fn *then, void *arg)
{
	struct probe_wait *w = ARENA_NEW(rq->cx.arena, struct probe_wait);

	if ((w->probe = probe_new(spec, &w->result)) == NULL)
		return then(rq, &w->result, arg);
	arena_cleanup(rq->cx.arena, free_probe, w->probe);
	w->await = (struct await){ .begin = begin_probe, .drop = drop_probe, .then = after_probe };
	w->then = then;
	w->arg = arg;
	return await(rq, &w->await);
}

/* ---- alone ---------------------------------------------------------------------------- */

static void
stop_own(void *reactor)
{
	reactor_stop(reactor);
}

void
probe_run_alone(const struct probe_spec *spec, struct probe_result *result)
{
	struct probe *p = probe_new(spec, result);
	struct reactor *own;

	if (p == NULL)
		return;
	own = reactor_new();
	p->http = http_client_new(own);
	p->on_end = stop_own;
	p->arg = own;
	reactor_post(own, start, p);
	reactor_run(own);
	*result = p->result;
	http_client_free(p->http);
	reactor_free(own);
	probe_free(p);
}

/* ---- channels ----------------------------------------------------------------------------- */

enum status
probe_channel(
    struct context *cx, int64_t channel_id, const char *model, const char **model_name, struct probe_spec *spec)
{
	AUTO_ROWS struct rows *rows = NULL;
	const unsigned char *sealed;
	size_t len = 0;
	enum status st;

	st = pg_query_again(cx->pg, &rows,
	    "SELECT ch.name, ch.provider, ch.base_url, ch.api_key_enc, ch.allow_private, m.name AS model,"
	    "  coalesce(cm.upstream_name, m.name) AS upstream_name"
	    " FROM channels ch LEFT JOIN (channel_models cm JOIN llm_models m ON m.id = cm.model_id)"
	    "  ON cm.channel_id = ch.id AND ($2::text IS NULL OR m.name = $2)"
	    " WHERE ch.id = $1 ORDER BY m.sort, m.name LIMIT 1",
	    PI(channel_id), PS(model));
	if (st != OK)
		return fail(cx, st, "read channel: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "channel %lld", (long long)channel_id);
	if (row_null(rows, 0, "model"))
		return model != NULL ? fail_field(cx, "model", "is not served by this channel")
				     : fail(cx, E_CONFLICT, "channel %lld serves no model", (long long)channel_id);
	*model_name = arena_strdup(cx->arena, row_text(rows, 0, "model"));
	*spec = (struct probe_spec){ .provider = arena_strdup(cx->arena, row_text(rows, 0, "provider")),
		.base_url = arena_strdup(cx->arena, row_text(rows, 0, "base_url")),
		.model = arena_strdup(cx->arena, row_text(rows, 0, "upstream_name")),
		.allow_private = row_bool(rows, 0, "allow_private"),
		.connect_timeout_ms = cx->conf->chat_connect_timeout };
	if ((sealed = row_bytes(rows, 0, "api_key_enc", cx->arena, &len)) == NULL)
		return OK;
	st = channel_key_open(cx->arena, cx->conf, row_text(rows, 0, "name"), sealed, len, &spec->api_key);
	return st == OK ? OK : fail(cx, st, "the key of channel %lld cannot be opened", (long long)channel_id);
}

json_t *
probe_json(const struct probe_result *result, const char *model, const char *upstream_name)
{
	bool ok = result->status == OK;

	return json_pack("{s:b, s:s, s:s, s:i, s:I, s:o, s:s, s:s}", "ok", ok, "model", model, "upstream_name",
	    upstream_name, "http_status", result->http_status, "latency_ms", (json_int_t)result->latency_ms, "error",
	    ok ? json_null() : json_string(status_code(result->status)), "detail", result->detail, "text",
	    result->text);
}
