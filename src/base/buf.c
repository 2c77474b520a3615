#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define FIRST_BYTES 64	       /* a stream has four buffers that hold little for long */
#define DOUBLE_BELOW_BYTES 512 /* then by half: most of what grows is the text of a stream */

char *
buf_reserve(struct buf *b, size_t len)
{
	size_t need = b->len + len + 1, cap = b->cap == 0 ? FIRST_BYTES : b->cap;
	char *data;

	if (b->max_bytes != 0 && b->len + len > b->max_bytes) {
		b->overflow = true;
		return NULL;
	}
	if (need > b->cap) {
		while (cap < need)
			cap += cap < DOUBLE_BELOW_BYTES ? cap : cap / 2;
		data = xrealloc(b->data, cap);
		b->data = data;
		b->cap = cap;
	}
	return b->data + b->len;
}

void
buf_commit(struct buf *b, size_t len)
{
	b->len += len;
	b->data[b->len] = '\0';
}

bool
buf_add(struct buf *b, const void *bytes, size_t len)
{
	char *to = buf_reserve(b, len);

	if (to == NULL)
		return false;
	if (len > 0)
		memcpy(to, bytes, len);
	buf_commit(b, len);
	return true;
}

bool
buf_puts(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

bool
buf_printf(struct buf *b, const char *fmt, ...)
{
	size_t room = b->cap - b->len; /* most texts fit at once */
	va_list ap;
	char *to;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(room == 0 ? NULL : b->data + b->len, room, fmt, ap);
	va_end(ap);
	if (len < 0 || (to = buf_reserve(b, (size_t)len)) == NULL) {
		if (room > 0)
			b->data[b->len] = '\0';
		return false;
	}
	if ((size_t)len >= room) {
		va_start(ap, fmt);
		vsnprintf(to, (size_t)len + 1, fmt, ap);
		va_end(ap);
	}
	buf_commit(b, (size_t)len);
	return true;
}

bool
buf_json(struct buf *b, const char *s, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	size_t start = 0, before = b->len;
	bool ok = buf_add(b, "\"", 1);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		char esc[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
		size_t n = 6;

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		if (c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t') {
			esc[1] = c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : (char)c;
			n = 2;
		}
		ok = ok && buf_add(b, s + start, i - start) && buf_add(b, esc, n);
		start = i + 1;
	}
	ok = ok && buf_add(b, s + start, len - start) && buf_add(b, "\"", 1);
	if (!ok && b->data != NULL) {
		b->len = before;
		b->data[b->len] = '\0';
	}
	return ok;
}

void
buf_consume(struct buf *b, size_t len)
{
	if (len >= b->len) {
		buf_clear(b);
		return;
	}
	memmove(b->data, b->data + len, b->len - len + 1);
	b->len -= len;
}

void
buf_cut(struct buf *b, size_t len)
{
	if (len >= b->len)
		return;
	b->len = len;
	b->data[len] = '\0';
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	b->overflow = false;
	if (b->data != NULL)
		b->data[0] = '\0';
}

void
buf_free(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}

const char *
buf_str(const struct buf *b)
{
	return b->data == NULL ? "" : b->data;
}
