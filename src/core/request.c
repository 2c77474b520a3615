#include "core/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "io/fcgi.h"

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

/* The length of a parameter's value at `path`, of which `pattern` is what follows
 * it: the rest of the segment, or up to the last place where the literal text
 * behind the parameter stands ("{model}:generateContent"); 0: there is none. */
static size_t
value_length(const char *pattern, const char *path)
{
	size_t segment = strcspn(path, "/"), literal = strcspn(pattern, "/{");

	if (literal == 0)
		return segment;
	for (size_t n = segment < literal ? 0 : segment - literal; n > 0; n--)
		if (strncmp(path + n, pattern, literal) == 0)
			return n;
	return 0;
}

bool
request_match(struct request *rq, const char *pattern)
{
	const char *path = rq->path;
	int n = 0;

	while (*pattern != '\0') {
		if (*pattern == '{') {
			size_t name = strcspn(++pattern, "}"), value = value_length(pattern + name + 1, path);

			if (value == 0 || n == PATH_PARAMS_MAX)
				return false;
			rq->path_params[n].name = arena_strndup(rq->cx.arena, pattern, name);
			rq->path_params[n++].value = arena_strndup(rq->cx.arena, path, value);
			pattern += name + 1;
			path += value;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	if (n < PATH_PARAMS_MAX)
		rq->path_params[n].name = NULL;
	return *path == '\0';
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

char *
percent_encode(struct arena *a, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = arena_alloc(a, 3 * strlen(text) + 1), *p = out;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-._~", c) != NULL) {
			*p++ = (char)c;
			continue;
		}
		*p++ = '%';
		*p++ = hex[c >> 4];
		*p++ = hex[c & 15];
	}
	*p = '\0';
	return out;
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
