/* The HTTP/1.x request reader. The contract is in h1.h. */
#include "demo/h1.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

bool
span_is(struct span s, const char *text)
{
	return strlen(text) == s.len && memcmp(s.at, text, s.len) == 0;
}

bool
span_is_nocase(struct span s, const char *text)
{
	return strlen(text) == s.len && strncasecmp(s.at, text, s.len) == 0;
}

static struct span
trim(struct span s)
{
	while (s.len > 0 && (*s.at == ' ' || *s.at == '\t')) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Cut the next line off *pos, without its CRLF or LF; false when none ends. */
static bool
next_line(const char **pos, const char *end, struct span *line)
{
	const char *nl = memchr(*pos, '\n', (size_t)(end - *pos));

	if (nl == NULL)
		return false;
	line->at = *pos;
	line->len = (size_t)(nl - *pos);
	if (line->len > 0 && line->at[line->len - 1] == '\r')
		line->len--;
	*pos = nl + 1;
	return true;
}

static bool
parse_request_line(struct span line, struct h1_request *rq)
{
	const char *end = line.at + line.len;
	const char *sp = memchr(line.at, ' ', line.len);
	const char *target, *query;

	if (sp == NULL || sp == line.at)
		return false;
	rq->method = (struct span){ line.at, (size_t)(sp - line.at) };
	target = sp + 1;
	sp = memchr(target, ' ', (size_t)(end - target));
	if (sp == NULL || sp == target || *target != '/')
		return false;
	query = memchr(target, '?', (size_t)(sp - target));
	rq->path = (struct span){ target, (size_t)((query ? query : sp) - target) };
	rq->query = query ? (struct span){ query + 1, (size_t)(sp - query) - 1 } : (struct span){ sp, 0 };
	rq->is_http10 = span_is((struct span){ sp + 1, (size_t)(end - sp - 1) }, "HTTP/1.0");
	return rq->is_http10 || span_is((struct span){ sp + 1, (size_t)(end - sp - 1) }, "HTTP/1.1");
}

/* Decimal digits up to the body cap; anything over it is reported as the cap + 1. */
static bool
parse_length(struct span s, size_t *out)
{
	size_t n = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		n = n * 10 + (size_t)(s.at[i] - '0');
		if (n > H1_BODY_MAX_BYTES)
			n = H1_BODY_MAX_BYTES + 1;
	}
	*out = n;
	return true;
}

static bool
note_header(struct h1_request *rq, struct h1_header h, bool *has_length)
{
	size_t n;

	if (span_is_nocase(h.name, "content-length")) {
		if (!parse_length(h.value, &n) || (*has_length && n != rq->content_length))
			return false;
		*has_length = true;
		rq->content_length = n;
	} else if (span_is_nocase(h.name, "transfer-encoding")) {
		rq->chunked = span_is_nocase(h.value, "chunked");
		return rq->chunked;
	} else if (span_is_nocase(h.name, "connection")) {
		if (span_is_nocase(h.value, "close"))
			rq->keep_alive = false;
		else if (span_is_nocase(h.value, "keep-alive"))
			rq->keep_alive = true;
	} else if (span_is_nocase(h.name, "expect")) {
		rq->expects_continue = span_is_nocase(h.value, "100-continue");
	}
	return true;
}

static bool
parse_header(struct span line, struct h1_request *rq, bool *has_length)
{
	const char *colon = memchr(line.at, ':', line.len);
	struct h1_header h;

	if (colon == NULL || colon == line.at || rq->header_count == H1_HEADERS_MAX)
		return false;
	h.name = (struct span){ line.at, (size_t)(colon - line.at) };
	if (memchr(h.name.at, ' ', h.name.len) != NULL)
		return false;
	h.value = trim((struct span){ colon + 1, line.len - h.name.len - 1 });
	rq->headers[rq->header_count++] = h;
	return note_header(rq, h, has_length);
}

enum h1_result
h1_parse_head(const char *bytes, size_t len, struct h1_request *rq)
{
	const char *pos = bytes, *end = bytes + len;
	bool has_length = false;
	struct span line;

	rq->header_count = 0;
	rq->content_length = 0;
	rq->chunked = rq->expects_continue = false;
	/* RFC 9112 2.2: tolerate empty lines before the request line. */
	do {
		if (!next_line(&pos, end, &line))
			return len > H1_HEAD_MAX_BYTES ? H1_TOO_LONG : H1_MORE;
	} while (line.len == 0);
	if (!parse_request_line(line, rq))
		return H1_BAD;
	rq->keep_alive = !rq->is_http10;
	for (;;) {
		if (!next_line(&pos, end, &line))
			return len > H1_HEAD_MAX_BYTES ? H1_TOO_LONG : H1_MORE;
		if (line.len == 0)
			break;
		if (!parse_header(line, rq, &has_length))
			return H1_BAD;
	}
	rq->head_bytes = (size_t)(pos - bytes);
	if (rq->chunked && has_length)
		return H1_BAD;
	return rq->content_length > H1_BODY_MAX_BYTES ? H1_TOO_LONG : H1_OK;
}

/* The size in a chunk's first line; extensions after ';' are ignored. */
static bool
parse_chunk_size(struct span line, size_t *out)
{
	size_t n = 0, i;

	for (i = 0; i < line.len && line.at[i] != ';' && line.at[i] != ' '; i++) {
		char c = line.at[i];
		int digit = c >= '0' && c <= '9' ? c - '0'
		    : c >= 'a' && c <= 'f'	 ? c - 'a' + 10
		    : c >= 'A' && c <= 'F'	 ? c - 'A' + 10
						 : -1;

		if (digit < 0 || i == 8)
			return false;
		n = n * 16 + (size_t)digit;
	}
	*out = n;
	return i > 0;
}

enum h1_result
h1_chunked_extent(const char *bytes, size_t len, size_t *body_bytes, size_t *wire_bytes)
{
	const char *pos = bytes, *end = bytes + len;
	size_t sum = 0, size;
	struct span line;

	do {
		if (!next_line(&pos, end, &line))
			return end - pos > 64 ? H1_BAD : H1_MORE;
		if (!parse_chunk_size(line, &size))
			return H1_BAD;
		sum += size;
		if (sum > H1_BODY_MAX_BYTES)
			return H1_TOO_LONG;
		if (size > 0) {
			if ((size_t)(end - pos) < size + 2)
				return H1_MORE;
			if (pos[size] != '\r' || pos[size + 1] != '\n')
				return H1_BAD;
			pos += size + 2;
		}
	} while (size > 0);
	do { /* trailers, up to the empty line */
		if (!next_line(&pos, end, &line))
			return (size_t)(end - pos) > H1_HEAD_MAX_BYTES ? H1_BAD : H1_MORE;
	} while (line.len > 0);
	*body_bytes = sum;
	*wire_bytes = (size_t)(pos - bytes);
	return H1_OK;
}

void
h1_chunked_copy(const char *bytes, char *out)
{
	for (;;) {
		const char *nl = rawmemchr(bytes, '\n');
		size_t line_len = (size_t)(nl - bytes), size = 0;

		if (line_len > 0 && bytes[line_len - 1] == '\r')
			line_len--;
		if (!parse_chunk_size((struct span){ bytes, line_len }, &size) || size == 0)
			return;
		memcpy(out, nl + 1, size);
		out += size;
		bytes = nl + 1 + size + 2;
	}
}

struct span
h1_header(const struct h1_request *rq, const char *name)
{
	for (size_t i = 0; i < rq->header_count; i++)
		if (span_is_nocase(rq->headers[i].name, name))
			return rq->headers[i].value;
	return (struct span){ NULL, 0 };
}

struct span
h1_query(const struct h1_request *rq, const char *name)
{
	const char *at = rq->query.at, *end = at + rq->query.len;
	size_t len = strlen(name);

	while (at < end) {
		const char *stop = memchr(at, '&', (size_t)(end - at));

		if (stop == NULL)
			stop = end;
		if ((size_t)(stop - at) > len && memcmp(at, name, len) == 0 && at[len] == '=')
			return (struct span){ at + len + 1, (size_t)(stop - at) - len - 1 };
		at = stop + 1;
	}
	return (struct span){ NULL, 0 };
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

void
h1_decode(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		int high = i + 2 < text.len && text.at[i] == '%' ? hex_digit(text.at[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(text.at[i + 2]) : -1;
		char c = low >= 0 ? (char)(high * 16 + low) : text.at[i];

		buf_add(out, &c, 1);
		if (low >= 0)
			i += 2;
	}
}
