#include "base/sse.h"

#include <string.h>

/* Buffers larger than this are given back after an event: there is one reader
 * per open stream, and it waits most of the time. */
#define KEEP_BYTES 64
#define BOM "\xEF\xBB\xBF"
#define RETRY_DIGITS_MAX 12

void
sse_init(struct sse *s, size_t max_event_bytes)
{
	*s = (struct sse){ .max_event_bytes = max_event_bytes, .retry_ms = -1 };
}

void
sse_free(struct sse *s)
{
	buf_free(&s->line);
	buf_free(&s->type);
	buf_free(&s->data);
	buf_free(&s->id);
}

static void
forget(struct buf *b)
{
	buf_clear(b);
	if (b->cap > KEEP_BYTES)
		buf_free(b);
}

static void
set(struct buf *b, const char *text, size_t len)
{
	buf_clear(b);
	buf_add(b, text, len);
}

static bool
is_field(const char *line, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(line, name, len) == 0;
}

static void
set_retry(struct sse *s, const char *value, size_t len)
{
	int64_t ms = 0;

	if (len == 0 || len > RETRY_DIGITS_MAX)
		return;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return;
		ms = ms * 10 + (value[i] - '0');
	}
	s->retry_ms = ms;
}

/* An empty line: the event is complete.  Without data there is no event. */
static void
dispatch(struct sse *s, sse_event_fn *fn, void *arg)
{
	struct sse_event event = { buf_str(&s->type), s->type.len, buf_str(&s->data), s->data.len, buf_str(&s->id),
		s->id.len };

	if (s->has_data && !fn(arg, &event))
		s->result = SSE_STOPPED;
	s->has_data = false;
	forget(&s->data);
	forget(&s->type);
}

static void
take_field(struct sse *s, const char *line, size_t name_len, const char *value, size_t len)
{
	if (is_field(line, name_len, "data")) {
		if (s->data.len + s->type.len + len + 1 > s->max_event_bytes) {
			s->result = SSE_TOO_LONG;
			return;
		}
		if (s->has_data)
			buf_add(&s->data, "\n", 1);
		buf_add(&s->data, value, len);
		s->has_data = true;
	} else if (is_field(line, name_len, "event")) {
		set(&s->type, value, len);
	} else if (is_field(line, name_len, "id")) {
		if (memchr(value, '\0', len) == NULL)
			set(&s->id, value, len);
	} else if (is_field(line, name_len, "retry")) {
		set_retry(s, value, len);
	}
}

/* A whole line without its end. */
static void
take_line(struct sse *s, const char *line, size_t len, sse_event_fn *fn, void *arg)
{
	const char *colon, *value;
	size_t name_len;

	if (len == 0) {
		dispatch(s, fn, arg);
		return;
	}
	colon = memchr(line, ':', len);
	name_len = colon == NULL ? len : (size_t)(colon - line);
	value = colon == NULL ? line + len : colon + 1;
	if (value < line + len && *value == ' ')
		value++;
	if (name_len > 0) /* a colon first is a comment */
		take_field(s, line, name_len, value, len - (size_t)(value - line));
}

/* The byte order mark is skipped once, even when it comes in pieces.  Returns
 * how many bytes of this slice belong to it. */
static size_t
skip_bom(struct sse *s, const char *bytes, size_t len)
{
	size_t i = 0;

	while (i < len && s->bom_bytes < 3) {
		if (bytes[i] != BOM[s->bom_bytes]) {
			/* It was none: what looked like it is the start of a line. */
			if (s->bom_bytes > 0)
				buf_add(&s->line, BOM, s->bom_bytes);
			s->bom_bytes = 3;
			break;
		}
		s->bom_bytes++;
		i++;
	}
	return i;
}

/* The bytes up to a line's end; those of earlier slices wait in s->line. */
static void
end_line(struct sse *s, const char *bytes, size_t len, sse_event_fn *fn, void *arg)
{
	if (s->line.len == 0) {
		take_line(s, bytes, len, fn, arg);
		return;
	}
	buf_add(&s->line, bytes, len);
	take_line(s, s->line.data, s->line.len, fn, arg);
	forget(&s->line);
}

enum sse_result
sse_feed(struct sse *s, const char *bytes, size_t len, sse_event_fn *fn, void *arg)
{
	size_t at = s->result == SSE_OK ? skip_bom(s, bytes, len) : len;

	while (at < len && s->result == SSE_OK) {
		size_t start = at;

		if (s->after_cr && bytes[at] == '\n')
			start = ++at;
		s->after_cr = false;
		while (at < len && bytes[at] != '\n' && bytes[at] != '\r')
			at++;
		if (s->line.len + (at - start) > s->max_event_bytes) {
			s->result = SSE_TOO_LONG;
		} else if (at == len) {
			if (at > start)
				buf_add(&s->line, bytes + start, at - start);
		} else {
			s->after_cr = bytes[at] == '\r';
			end_line(s, bytes + start, at - start, fn, arg);
			at++;
		}
	}
	return s->result;
}

enum sse_result
sse_end(struct sse *s, sse_event_fn *fn, void *arg)
{
	if (s->result != SSE_OK)
		return s->result;
	if (s->line.len > 0)
		end_line(s, "", 0, fn, arg);
	if (s->result == SSE_OK)
		dispatch(s, fn, arg);
	return s->result;
}
