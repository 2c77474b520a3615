#include "server/stages.h"

#include <string.h>

#include "base/utf8.h"
#include "base/trace.h"
#include "io/fcgi.h"

#define AGENT_CHARS_MAX 500

/* The caller's request id if it is sane, else ours. */
static const char *
choose_request_id(struct request *rq)
{
	const char *given = request_header(rq, "X-Request-Id");
	char *id;

	if (request_id_is_sane(given))
		return given;
	id = arena_alloc(rq->cx.arena, UUID_LEN);
	uuid_v7(id);
	return id;
}

static void
set_trace(struct request *rq)
{
	struct trace *t = ARENA_NEW(rq->cx.arena, struct trace);

	trace_start(request_header(rq, "traceparent"), t);
	rq->cx.trace_id = t->trace_id;
	rq->span_id = t->span_id;
	rq->cx.traceparent = t->header;
}

/* 1 to 255 bytes of UTF-8 without control characters. */
static bool
is_key(const char *key)
{
	size_t len = strlen(key);

	for (const char *p = key; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return len > 0 && len <= 255 && utf8_valid(key, len);
}

static const char *
user_agent(struct request *rq)
{
	const char *agent = request_header(rq, "User-Agent");

	if (agent == NULL || !utf8_valid(agent, strlen(agent)))
		return NULL;
	return arena_strndup(rq->cx.arena, agent, utf8_prefix(agent, strlen(agent), AGENT_CHARS_MAX));
}

enum status
stage_identify(struct request *rq)
{
	const char *uri = fcgi_param(rq->conn, "REQUEST_URI");
	const char *method = fcgi_param(rq->conn, "REQUEST_METHOD");
	const char *question;

	rq->method = method == NULL ? "GET" : method;
	rq->cx.request_id = choose_request_id(rq);
	rq->cx.lang = lang_accept(request_header(rq, "Accept-Language"));
	rq->cx.client_ip = fcgi_param(rq->conn, "REMOTE_ADDR");
	rq->cx.user_agent = user_agent(rq);
	rq->idempotency_key = request_header(rq, "Idempotency-Key");
	rq->path = "/";
	set_trace(rq);
	if (uri == NULL)
		return fail(&rq->cx, E_INVALID_REQUEST, "the web server sent no REQUEST_URI");
	if (strlen(uri) > rq->cx.conf->server_max_url_bytes)
		return fail(&rq->cx, E_URI_TOO_LONG, "%zu bytes", strlen(uri));
	if (!utf8_valid(uri, strlen(uri)))
		return fail(&rq->cx, E_INVALID_REQUEST, "the address is not UTF-8");
	question = strchr(uri, '?');
	rq->path = question == NULL ? uri : arena_strndup(rq->cx.arena, uri, (size_t)(question - uri));
	rq->query = question == NULL ? "" : question + 1;
	/* as a whole and here, so that query_text() is NULL only for what is absent */
	if (percent_decode(rq->cx.arena, rq->query, strlen(rq->query), true) == NULL)
		return fail_field(&rq->cx, "query", "is not well-formed");
	if (rq->idempotency_key != NULL && !is_key(rq->idempotency_key))
		return fail_field(&rq->cx, "Idempotency-Key", "must have 1 to 255 bytes of printable UTF-8");
	return OK;
}
