#include "base/multipart.h"

#include <string.h>
#include <strings.h>

/* The end of what begins here: of a quoted text its second quote, else the next semicolon. */
static const char *
value_end(const char *p, const char *end)
{
	if (p < end && *p == '"') {
		const char *quote = memchr(p + 1, '"', (size_t)(end - p - 1));

		return quote == NULL ? end : quote;
	}
	while (p < end && *p != ';')
		p++;
	return p;
}

/* Without blanks at its end. */
static size_t
trimmed(const char *p, size_t len)
{
	while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t'))
		len--;
	return len;
}

/* Go to the next parameter of a header's value and its "="; NULL: there is none. */
static const char *
next_parameter(const char *p, const char *end, const char **name)
{
	const char *equals;

	while (p < end && *p != ';')
		p++;
	for (p += p < end; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	*name = p;
	equals = memchr(p, '=', (size_t)(end - p));
	return equals;
}

/* A parameter of a header's value ("boundary", "name"), with or without quotes, into
 * `out`.  -1: there is none; else its length, which may be more than there is room for. */
static long
parameter(const char *value, size_t len, const char *name, char *out, size_t room)
{
	const char *end = value + len, *p = value, *at, *found;
	size_t n;

	while ((p = next_parameter(p, end, &found)) != NULL) {
		bool is_it = (size_t)(p - found) == strlen(name) && strncasecmp(found, name, strlen(name)) == 0;
		bool is_quoted = p + 1 < end && p[1] == '"';

		at = p + 1;
		p = value_end(at, end);
		if (is_it && is_quoted && p == end)
			return -1; /* it does not end */
		at += is_quoted;
		if (!is_it)
			continue;
		n = is_quoted ? (size_t)(p - at) : trimmed(at, (size_t)(p - at));
		memcpy(out, at, n < room ? n : room);
		out[n < room ? n : room] = '\0';
		return (long)n;
	}
	return -1;
}

bool
multipart_init(struct multipart *m, const char *content_type, const char *body, size_t len)
{
	static const char type[] = "multipart/form-data";
	long n;

	*m = (struct multipart){ .at = NULL };
	if (body == NULL || content_type == NULL || strncasecmp(content_type, type, sizeof(type) - 1) != 0)
		return false;
	m->at = body;
	m->end = body + len;
	m->mark[0] = m->mark[1] = '-';
	n = parameter(content_type, strlen(content_type), "boundary", m->mark + 2, MULTIPART_BOUNDARY_MAX);
	if (n < 1 || n > MULTIPART_BOUNDARY_MAX)
		return false;
	m->mark_len = (size_t)n + 2;
	return true;
}

/* Is what follows the two dashes and the boundary the rest of a mark? */
static bool
ends_mark(const struct multipart *m, const char *p)
{
	if (m->end - p >= 2 && p[0] == '-' && p[1] == '-')
		return true;
	while (p < m->end && (*p == ' ' || *p == '\t'))
		p++;
	return p == m->end || *p == '\n' || (*p == '\r' && m->end - p >= 2 && p[1] == '\n');
}

/* Where the mark stands at the beginning of a line, from `from` on; NULL: nowhere. */
static const char *
find_mark(const struct multipart *m, const char *from)
{
	const char *p = from;

	while (p < m->end && (p = memmem(p, (size_t)(m->end - p), m->mark, m->mark_len)) != NULL) {
		if ((p == from || p[-1] == '\n') && ends_mark(m, p + m->mark_len))
			return p;
		p++;
	}
	return NULL;
}

/* Past the end of the line. */
static const char *
next_line(const struct multipart *m, const char *p)
{
	const char *end = memchr(p, '\n', (size_t)(m->end - p));

	return end == NULL ? m->end : end + 1;
}

/* A header's value that fits, without blanks around it. */
static void
read_value(const char *p, size_t len, char out[MULTIPART_NAME_MAX + 1])
{
	while (len > 0 && (*p == ' ' || *p == '\t')) {
		p++;
		len--;
	}
	if (len > MULTIPART_NAME_MAX)
		len = 0;
	memcpy(out, p, len);
	out[len] = '\0';
}

/* Read the headers of a part; where its data begins, or NULL: they do not end. */
static const char *
read_headers(const struct multipart *m, const char *p, const char *end, struct multipart_part *out)
{
	static const char disposition[] = "content-disposition:", type[] = "content-type:";
	long n = -1;

	while (p < end) {
		const char *behind = next_line(m, p);
		size_t len = (size_t)(behind - p);

		while (len > 0 && (p[len - 1] == '\n' || p[len - 1] == '\r'))
			len--;
		if (len == 0)
			return n >= 0 && n <= MULTIPART_NAME_MAX && behind <= end ? behind : NULL;
		if (len > sizeof(disposition) - 1 && strncasecmp(p, disposition, sizeof(disposition) - 1) == 0) {
			n = parameter(p, len, "name", out->name, MULTIPART_NAME_MAX);
			out->is_file = parameter(p, len, "filename", out->file_name, MULTIPART_NAME_MAX) >= 0;
		}
		if (len > sizeof(type) - 1 && strncasecmp(p, type, sizeof(type) - 1) == 0)
			read_value(p + sizeof(type) - 1, len - (sizeof(type) - 1), out->type);
		p = behind;
	}
	return NULL;
}

bool
multipart_next(struct multipart *m, struct multipart_part *out)
{
	const char *begin = m->is_whole ? NULL : find_mark(m, m->at), *next;
	size_t left;

	memset(out, 0, sizeof(*out));
	if (begin == NULL)
		return false;
	left = (size_t)(m->end - begin) - m->mark_len;
	if (left >= 2 && memcmp(begin + m->mark_len, "--", 2) == 0) {
		m->is_whole = true;
		return false;
	}
	next = find_mark(m, next_line(m, begin));
	if (next == NULL || (out->data = read_headers(m, next_line(m, begin), next, out)) == NULL) {
		m->at = m->end;
		return false;
	}
	m->at = next;
	next -= next > out->data && next[-1] == '\n';
	next -= next > out->data && next[-1] == '\r';
	out->len = (size_t)(next - out->data);
	return true;
}

bool
multipart_is(const struct multipart_part *part, const char *name)
{
	return strcasecmp(part->name, name) == 0;
}

/* Between quotes; what would end them or the line stands for nothing in a name. */
static void
put_quoted(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "; %s=\"", name);
	for (; *value != '\0'; value++)
		buf_add(out, (unsigned char)*value < ' ' || strchr("\"\\\x7f", *value) != NULL ? "_" : value, 1);
	buf_puts(out, "\"");
}

/* A type of visible characters; anything else is left out. */
static bool
is_plain(const char *value)
{
	for (; *value != '\0'; value++)
		if (*value < ' ' || *value > '~')
			return false;
	return true;
}

void
multipart_put(struct buf *out, const char *boundary, const struct multipart_part *part)
{
	buf_printf(out, "--%s\r\nContent-Disposition: form-data", boundary);
	put_quoted(out, "name", part->name);
	if (part->is_file)
		put_quoted(out, "filename", part->file_name);
	if (*part->type != '\0' && is_plain(part->type))
		buf_printf(out, "\r\nContent-Type: %s", part->type);
	buf_puts(out, "\r\n\r\n");
	buf_add(out, part->data, part->len);
	buf_puts(out, "\r\n");
}

void
multipart_put_end(struct buf *out, const char *boundary)
{
	buf_printf(out, "--%s--\r\n", boundary);
}
