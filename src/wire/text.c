#include "wire/text.h"

#include <string.h>

#include "base/utf8.h"

#define KEEP_BYTES 4096
#define ESCAPE_BYTES 6 /* of \uD83D */

/* Bytes at the end of a raw text that begin a character the next delta ends. */
static size_t
half_at_end(const char *at, size_t len)
{
	size_t tail = utf8_tail(at, len), slashes = 0;
	const char *u = at + len - ESCAPE_BYTES;

	if (tail > 0)
		return (unsigned char)at[len - tail] >= 0xC2 && (unsigned char)at[len - tail] <= 0xF4 ? tail : 0;
	if (len < ESCAPE_BYTES || u[0] != '\\' || u[1] != 'u' || (u[2] | 0x20) != 'd' ||
	    memchr("89abAB", u[3], 6) == NULL)
		return 0;
	while (u - slashes > at && u[-1 - (ptrdiff_t)slashes] == '\\')
		slashes++;
	return slashes % 2 == 0 ? ESCAPE_BYTES : 0;
}

bool
text_decode(struct text_half *half, const struct scan_text *raw, struct buf *scratch, struct scan_text *out)
{
	size_t keep;

	*out = *raw;
	if (raw->len == 0)
		return true;
	if (scratch->cap > KEEP_BYTES)
		buf_free(scratch);
	if (half->len > 0 || raw->has_escapes) {
		buf_clear(scratch);
		buf_add(scratch, half->bytes, half->len);
		buf_add(scratch, raw->at, raw->len);
		*out = (struct scan_text){ scratch->data, scratch->len,
			raw->has_escapes || (half->len > 0 && half->bytes[0] == '\\') };
	}
	keep = half_at_end(out->at, out->len);
	out->len -= keep;
	half->len = keep;
	memcpy(half->bytes, out->at + out->len, keep);
	if (out->has_escapes)
		out->len = scan_decode(out, scratch->data); /* never longer than what it reads */
	return utf8_valid(out->at, out->len);
}

bool
text_keep(struct buf *out, const struct scan_text *raw)
{
	size_t len = raw->len;
	char *room;
	bool ok;

	if (len == 0)
		return true;
	if ((room = buf_reserve(out, len)) == NULL)
		return false;
	if (raw->has_escapes)
		len = scan_decode(raw, room);
	else
		memcpy(room, raw->at, len);
	ok = utf8_valid(room, len);
	buf_commit(out, ok ? len : 0);
	return ok;
}
