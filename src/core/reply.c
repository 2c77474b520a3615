#include "core/reply.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void
free_json_text(void *text)
{
	free(text);
}

enum status
reply_json(struct request *rq, int http_status, json_t *body)
{
	char *text = body == NULL ? NULL : json_dumps(body, JSON_WIRE);

	json_decref(body);
	if (text == NULL)
		return fail(&rq->cx, E_INTERNAL, "no JSON to answer with");
	arena_cleanup(rq->cx.arena, free_json_text, text);
	return reply_text(rq, http_status, "application/json", text);
}

enum status
reply_text(struct request *rq, int http_status, const char *content_type, const char *text)
{
	return reply_bytes(rq, http_status, content_type, text, strlen(text));
}

enum status
reply_bytes(struct request *rq, int http_status, const char *content_type, const char *bytes, size_t len)
{
	rq->http_status = http_status;
	rq->content_type = content_type;
	rq->reply = bytes;
	rq->reply_len = len;
	return OK;
}

enum status
reply_not_modified(struct request *rq)
{
	rq->http_status = 304;
	rq->reply = NULL;
	return OK;
}

enum status
reply_empty(struct request *rq)
{
	rq->http_status = 204;
	rq->reply = NULL;
	return OK;
}

enum status
reply_list(struct request *rq, json_t *items, bool has_more)
{
	return reply_json(rq, 200, json_pack("{s:o, s:b}", "items", items, "has_more", has_more));
}

void
reply_header(struct request *rq, const char *name, const char *fmt, ...)
{
	char *value;
	va_list ap;

	va_start(ap, fmt);
	value = arena_vprintf(rq->cx.arena, fmt, ap);
	va_end(ap);
	value[strcspn(value, "\r\n")] = '\0';
	rq->extra_headers = arena_printf(rq->cx.arena, "%s%s: %s\r\n", rq->extra_headers, name, value);
}
