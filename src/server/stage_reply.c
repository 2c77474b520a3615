#include "server/stages.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "account/origin.h"
#include "io/fcgi.h"
#include "server/router.h"
#include "wire/dialect.h"
#include "core/reply.h"

/* What the official SDKs send besides, from a browser. */
#define SDK_HEADERS \
	", x-api-key, api-key, anthropic-version, anthropic-beta, anthropic-dangerous-direct-browser-access," \
	" x-goog-api-key, x-goog-api-client, OpenAI-Organization, OpenAI-Project, x-stainless-lang," \
	" x-stainless-package-version, x-stainless-os, x-stainless-arch, x-stainless-runtime," \
	" x-stainless-runtime-version, x-stainless-retry-count, x-stainless-timeout, x-stainless-helper-method"

static const char *
reason(int http_status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 206, "Partial Content" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 402, "Payment Required" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 507, "Insufficient Storage" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == http_status)
			return reasons[i].text;
	return "Status";
}

/* The caller's Origin when the configuration allows it, "*" for any; NULL: none. */
static const char *
allowed_origin(struct request *rq)
{
	const char *origin = request_header(rq, "Origin"), *list = rq->cx.conf->server_cors_origins;

	if (origin == NULL || *origin == '\0')
		return NULL;
	if (strcmp(list, "*") == 0)
		return "*";
	return origin_listed(list, origin) ? origin : NULL;
}

/* Our limits, in the words of the vendor whose clients these are; what the provider said of its own stays here. */
static const char *
rate_headers(struct request *rq)
{
	const struct dialect *d = router_dialect(rq);
	int64_t left_s = (rq->window.reset_ms + 999) / 1000;
	struct buf lines = BUF_INIT(0);
	const char *kept;

	if (rq->window.limit == 0 || d->rate_headers == NULL)
		return "";
	d->rate_headers(&lines, rq->window.limit, rq->window.remaining, left_s, clock_wall_s() + left_s);
	kept = arena_strdup(rq->cx.arena, buf_str(&lines));
	buf_free(&lines);
	return kept;
}

const char *
reply_common_headers(struct request *rq)
{
	const char *origin = allowed_origin(rq), *cors = "", *id = "",
		   *id_header = router_dialect(rq)->request_id_header;

	if (origin != NULL)
		cors = arena_printf(rq->cx.arena,
		    "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n%s"
		    "Access-Control-Expose-Headers: X-Request-Id, request-id, Retry-After,"
		    " RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, x-ratelimit-limit-requests,"
		    " x-ratelimit-remaining-requests, x-ratelimit-reset-requests, anthropic-ratelimit-requests-limit,"
		    " anthropic-ratelimit-requests-remaining, anthropic-ratelimit-requests-reset\r\n",
		    origin, *origin == '*' ? "" : "Access-Control-Allow-Credentials: true\r\n");
	if (id_header != NULL)
		id = arena_printf(rq->cx.arena, "%s: %s\r\n", id_header, rq->cx.request_id);
	return arena_printf(rq->cx.arena,
	    "X-Request-Id: %s\r\n%sCache-Control: %s\r\nX-Content-Type-Options: nosniff\r\n%s%s%s", rq->cx.request_id,
	    id, rq->cache_control != NULL ? rq->cache_control : "no-store", cors, rate_headers(rq), rq->extra_headers);
}

bool
stage_preflight(struct request *rq)
{
	if (strcmp(rq->method, "OPTIONS") != 0 || request_header(rq, "Access-Control-Request-Method") == NULL)
		return false;
	if (allowed_origin(rq) != NULL) {
		reply_header(rq, "Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE");
		reply_header(rq, "Access-Control-Allow-Headers",
		    "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id, traceparent" SDK_HEADERS);
		reply_header(rq, "Access-Control-Max-Age", "86400");
	}
	reply_empty(rq);
	return true;
}

/* As the dialect of the route says it. */
static void
make_error(struct request *rq)
{
	json_t *details = rq->cx.details;
	enum status st = rq->cx.error;
	int retry_after_s = rq->cx.retry_after_s, http_status = status_http(st);
	const struct dialect *dialect = router_dialect(rq);
	json_t *body;

	if (retry_after_s == 0 && (st == E_OVERLOADED || st == E_UNAVAILABLE))
		retry_after_s = 1;
	rq->cx.details = NULL;
	rq->cache_control = NULL;
	body = dialect->error(st, rq->cx.message, details, rq->cx.request_id, &http_status);
	reply_json(rq, http_status, body);
	if (retry_after_s > 0)
		reply_header(rq, "Retry-After", "%d", retry_after_s);
	if (dialect->is_final != NULL && dialect->is_final(st))
		reply_header(rq, "x-should-retry", "false");
	if (st == E_UNAUTHENTICATED)
		reply_header(rq, "WWW-Authenticate", "Bearer");
}

void
stage_reply(struct request *rq)
{
	struct buf b = BUF_INIT(0);
	bool head = strcmp(rq->method, "HEAD") == 0;

	if (rq->cx.error != OK)
		make_error(rq);
	buf_printf(&b, "Status: %d %s\r\n", rq->http_status, reason(rq->http_status));
	if (rq->reply != NULL)
		buf_printf(&b, "Content-Type: %s%s\r\nContent-Length: %zu\r\n", rq->content_type,
		    strchr(rq->content_type, ';') == NULL ? "; charset=utf-8" : "", rq->reply_len);
	buf_puts(&b, reply_common_headers(rq));
	buf_puts(&b, "\r\n");
	if (rq->reply != NULL && !head)
		buf_add(&b, rq->reply, rq->reply_len);
	fcgi_write(rq->conn, b.data, b.len);
	buf_free(&b);
}
