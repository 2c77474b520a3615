#include "core/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/utf8.h"
#include "io/fcgi.h"

enum status
fail_with(struct context *cx, enum status st, json_t *details, const char *fmt, ...)
{
	va_list ap;

	cx->error = st;
	cx->message = status_text(st, cx->lang);
	if (cx->details != NULL)
		json_decref(cx->details);
	cx->details = details;
	if (fmt != NULL) {
		va_start(ap, fmt);
		cx->log_detail = arena_vprintf(cx->arena, fmt, ap);
		va_end(ap);
	}
	return st;
}

enum status
fail(struct context *cx, enum status st, const char *fmt, ...)
{
	char *detail = NULL;
	va_list ap;

	if (fmt != NULL) {
		va_start(ap, fmt);
		detail = arena_vprintf(cx->arena, fmt, ap);
		va_end(ap);
	}
	return fail_with(cx, st, NULL, detail == NULL ? NULL : "%s", detail);
}

enum status
fail_field(struct context *cx, const char *field, const char *fmt, ...)
{
	char *problem;
	va_list ap;

	va_start(ap, fmt);
	problem = arena_vprintf(cx->arena, fmt, ap);
	va_end(ap);
	return fail_with(cx, E_INVALID_REQUEST, json_pack("{s:s, s:s}", "field", field, "problem", problem), "%s: %s",
	    field, problem);
}

void
fail_message(struct context *cx, const char *en, const char *zh)
{
	cx->message = arena_strdup(cx->arena, cx->lang == LANG_ZH ? zh : en);
}

static void
free_json_text(void *text)
{
	free(text);
}

json_t *
json_credits(int64_t ucr)
{
	return json_real((double)ucr / (double)UCR_PER_CREDIT);
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
	rq->http_status = http_status;
	rq->content_type = content_type;
	rq->reply = text;
	rq->reply_len = strlen(text);
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

static void
decref(void *j)
{
	json_decref(j);
}

json_t *
json_own(struct arena *a, json_t *j)
{
	if (j != NULL)
		arena_cleanup(a, decref, j);
	return j;
}

const char *
request_header(const struct request *rq, const char *name)
{
	char param[80] = "HTTP_";
	size_t n = 5;

	for (; *name != '\0' && n < sizeof(param) - 1; name++)
		param[n++] = (char)(*name == '-' ? '_' : *name >= 'a' && *name <= 'z' ? *name - 32 : *name);
	return rq->conn == NULL ? NULL : fcgi_param(rq->conn, param);
}

const char *
request_cookie(struct request *rq, const char *name)
{
	const char *p = request_header(rq, "Cookie");
	size_t len = strlen(name);

	while (p != NULL && *p != '\0') {
		p += strspn(p, "; ");
		if (strncmp(p, name, len) == 0 && p[len] == '=')
			return arena_strndup(rq->cx.arena, p + len + 1, strcspn(p + len + 1, ";"));
		p += strcspn(p, ";");
	}
	return NULL;
}

const char *
path_text(struct request *rq, const char *name)
{
	for (int i = 0; i < PATH_PARAMS_MAX && rq->path_params[i].name != NULL; i++)
		if (strcmp(rq->path_params[i].name, name) == 0)
			return rq->path_params[i].value;
	abort(); /* the handler asks for what its route does not have */
}

const char *
path_uuid(struct request *rq, const char *name)
{
	char *id = arena_alloc(rq->cx.arena, UUID_LEN);

	return uuid_parse(path_text(rq, name), id) ? id : NULL;
}

int64_t
path_int(struct request *rq, const char *name)
{
	const char *text = path_text(rq, name);
	char *end;
	long long n = strtoll(text, &end, 10);

	return *text >= '0' && *text <= '9' && *end == '\0' && strlen(text) < 19 ? n : 0;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *
percent_decode(struct arena *a, const char *s, size_t len, bool plus_is_space)
{
	char *out = arena_alloc(a, len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '%') {
			int hi = i + 2 < len ? hex_digit(s[i + 1]) : -1;
			int lo = i + 2 < len ? hex_digit(s[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return NULL;
			out[n++] = (char)(hi * 16 + lo);
			i += 2;
		} else {
			out[n++] = s[i] == '+' && plus_is_space ? ' ' : s[i];
		}
	}
	out[n] = '\0';
	/* %00 would cut the text where nobody expects it. */
	return strlen(out) == n && utf8_valid(out, n) ? out : NULL;
}

const char *
query_text(struct request *rq, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = rq->query; p != NULL && *p != '\0';) {
		size_t part = strcspn(p, "&");

		if (part > len && strncmp(p, name, len) == 0 && p[len] == '=')
			return percent_decode(rq->cx.arena, p + len + 1, part - len - 1, true);
		p += part;
		p += *p == '&';
	}
	return NULL;
}

enum status
query_int(struct request *rq, const char *name, int64_t def, int64_t min, int64_t max, int64_t *out)
{
	const char *text = query_text(rq, name);
	char *end;
	long long n;

	*out = def;
	if (text == NULL)
		return OK;
	n = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || n < min || n > max || strlen(text) > 18)
		return fail_field(
		    &rq->cx, name, "must be a whole number from %lld to %lld", (long long)min, (long long)max);
	*out = n;
	return OK;
}

enum status
query_uuid(struct request *rq, const char *name, const char **out)
{
	const char *text = query_text(rq, name);
	char *id = arena_alloc(rq->cx.arena, UUID_LEN);

	*out = NULL;
	if (text == NULL)
		return OK;
	if (!uuid_parse(text, id))
		return fail_field(&rq->cx, name, "must be an id (UUID)");
	*out = id;
	return OK;
}

bool
query_bool(struct request *rq, const char *name, bool def)
{
	const char *text = query_text(rq, name);

	if (text == NULL)
		return def;
	return strcmp(text, "true") == 0 || strcmp(text, "1") == 0 || *text == '\0';
}
