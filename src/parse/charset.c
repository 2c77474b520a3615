#include "parse/charset.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uchardet.h>

#include "base/buf.h"
#include "base/utf8.h"

#define DECLARED_WITHIN_BYTES 2048
#define LOOK_BYTES ((size_t)1 << 20) /* that a guess looks at */
#define NAME_MAX_BYTES 40

/* In `from`, strictly: NULL when a byte does not fit.  At the end a character may be cut. */
static char *
convert(const char *from, const char *bytes, size_t len, size_t *out_len)
{
	iconv_t c = iconv_open("UTF-8", from);
	struct buf out = BUF_INIT(0);
	char piece[16384], *in = (char *)(uintptr_t)bytes, *to;
	size_t left = len, room, n = 0;

	if (c == (iconv_t)-1)
		return NULL;
	do {
		to = piece;
		room = sizeof(piece);
		n = iconv(c, &in, &left, &to, &room);
		buf_add(&out, piece, (size_t)(to - piece));
	} while (n == (size_t)-1 && errno == E2BIG);
	iconv_close(c);
	if (n == (size_t)-1 && !(errno == EINVAL && left < 4)) {
		buf_free(&out);
		return NULL;
	}
	if (out.data == NULL)
		buf_puts(&out, "");
	*out_len = out.len;
	return out.data;
}

/* ---- guesses ---- */

/* UTF-16 of mostly Latin text has its NULs on one side: "UTF-16LE", "UTF-16BE" or NULL. */
static const char *
utf16(const unsigned char *s, size_t len)
{
	size_t even = 0, odd = 0, pairs = (len < LOOK_BYTES ? len : LOOK_BYTES) / 2;

	for (size_t i = 0; i < pairs; i++) {
		even += s[2 * i] == 0;
		odd += s[2 * i + 1] == 0;
	}
	if (pairs < 2 || even + odd == 0)
		return NULL;
	if (odd * 10 > pairs && even * 20 < odd)
		return "UTF-16LE";
	return even * 10 > pairs && odd * 20 < even ? "UTF-16BE" : NULL;
}

/* The name that follows `key` and an optional quote, in `out`. */
static bool
name_after(const char *at, const char *end, char *out)
{
	size_t n = 0;

	while (at < end && (isspace((unsigned char)*at) || *at == '=' || *at == '"' || *at == '\''))
		at++;
	while (at < end && n + 1 < NAME_MAX_BYTES && (isalnum((unsigned char)*at) || strchr("-_:.", *at) != NULL) &&
	    *at != '\0')
		out[n++] = *at++;
	out[n] = '\0';
	return n > 0;
}

/* <?xml encoding="…"?>, <meta charset="…">, <meta … content="…; charset=…">. */
static bool
declared(const char *bytes, size_t len, char *out)
{
	const char *end = bytes + (len < DECLARED_WITHIN_BYTES ? len : DECLARED_WITHIN_BYTES);

	for (const char *at = bytes; at + 9 < end; at++) {
		if (strncasecmp(at, "charset", 7) == 0 && (at[7] == '=' || isspace((unsigned char)at[7])))
			return name_after(at + 7, end, out);
		if (strncasecmp(at, "encoding=", 9) == 0 && strncmp(bytes, "<?xml", 5) == 0)
			return name_after(at + 8, end, out);
	}
	return false;
}

/* Are all bytes above ASCII pairs of GB 2312, `percent` of them punctuation and the 3,755
 * common characters?  Those are sorted by sound; text has them of all parts, but Hangul in
 * EUC-KR, which has the same places, of the first half only. */
static bool
is_gb2312(const unsigned char *s, size_t len, size_t pairs_min, size_t percent)
{
	size_t pairs = 0, common = 0, second_half = 0;

	len = len < LOOK_BYTES ? len : LOOK_BYTES;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < 0x80)
			continue;
		if (i + 1 >= len)
			break; /* cut */
		if (s[i] < 0xA1 || s[i] > 0xF7 || s[i + 1] < 0xA1 || s[i + 1] == 0xFF)
			return false;
		pairs++;
		common += (s[i] >= 0xB0 && s[i] <= 0xD7) || s[i] == 0xA1 || s[i] == 0xA3;
		second_half += s[i] >= 0xC9 && s[i] <= 0xD7;
		i++;
	}
	return pairs >= pairs_min && common * 100 >= pairs * percent && second_half * 8 >= common;
}

/* uchardet's word, in `out`. */
static bool
guessed(const char *bytes, size_t len, char *out)
{
	uchardet_t u = uchardet_new();

	*out = '\0';
	if (u != NULL && uchardet_handle_data(u, bytes, len < LOOK_BYTES ? len : LOOK_BYTES) == 0) {
		uchardet_data_end(u);
		snprintf(out, NAME_MAX_BYTES, "%s", uchardet_get_charset(u));
	}
	uchardet_delete(u);
	return *out != '\0' && strcasecmp(out, "ASCII") != 0;
}

/* GB 2312 and GBK are parts of GB 18030, Latin 1 in fact always Windows-1252 (WHATWG Encoding). */
static const char *
larger(const char *name)
{
	if (strcasecmp(name, "gb2312") == 0 || strcasecmp(name, "gbk") == 0 || strcasecmp(name, "gb_2312-80") == 0 ||
	    strcasecmp(name, "x-gbk") == 0)
		return "GB18030";
	if (strcasecmp(name, "iso-8859-1") == 0 || strcasecmp(name, "latin1") == 0 || strcasecmp(name, "us-ascii") == 0)
		return "WINDOWS-1252";
	if (strcasecmp(name, "big5") == 0)
		return "BIG5-HKSCS";
	return name;
}

static bool
is_east_asian(const char *name)
{
	static const char *const names[] = { "GB", "BIG5", "EUC", "SHIFT", "ISO-2022", "UHC", "JOHAB", "HZ" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strncasecmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* Without a byte order mark, and no UTF-8. */
static char *
decode_unmarked(const char *bytes, size_t len, enum charset_of of, bool is_zh, size_t *out_len)
{
	const unsigned char *s = (const unsigned char *)bytes;
	const char *wide = utf16(s, len);
	char name[NAME_MAX_BYTES], *out = NULL;

	if (wide != NULL)
		return convert(wide, bytes, len, out_len);
	if (memchr(bytes, '\0', len) != NULL)
		return NULL;
	if (of == CHARSET_HTML && declared(bytes, len, name))
		out = convert(larger(name), bytes, len, out_len);
	if (out == NULL && is_gb2312(s, len, is_zh ? 1 : 4, is_zh ? 60 : 94))
		out = convert("GB18030", bytes, len, out_len);
	if (out == NULL && guessed(bytes, len, name) && (!is_zh || is_east_asian(name)))
		out = convert(larger(name), bytes, len, out_len);
	if (out == NULL && is_zh)
		out = convert("GB18030", bytes, len, out_len);
	if (out == NULL && guessed(bytes, len, name))
		out = convert(larger(name), bytes, len, out_len);
	return out != NULL ? out : convert("WINDOWS-1252", bytes, len, out_len);
}

/* Text has lines and words; what has many controls is a file of another kind. */
static bool
is_text(const char *s, size_t len)
{
	size_t controls = 0;

	for (size_t i = 0; i < len; i++)
		controls += (unsigned char)s[i] < 0x20 && strchr("\t\n\v\f\r\033", s[i]) == NULL;
	return controls * 200 <= len && memchr(s, '\0', len) == NULL;
}

static char *
copy(const char *bytes, size_t len, size_t *out_len)
{
	struct buf out = BUF_INIT(0);

	buf_add(&out, bytes, len);
	*out_len = len;
	return out.data;
}

char *
charset_decode(const char *bytes, size_t len, enum charset_of of, bool is_zh, size_t *out_len)
{
	char *out;

	if (len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 && utf8_valid(bytes + 3, len - 3))
		out = copy(bytes + 3, len - 3, out_len);
	else if (len >= 4 && (memcmp(bytes, "\xFF\xFE\0\0", 4) == 0 || memcmp(bytes, "\0\0\xFE\xFF", 4) == 0))
		out = convert("UTF-32", bytes, len, out_len);
	else if (len >= 2 && (memcmp(bytes, "\xFF\xFE", 2) == 0 || memcmp(bytes, "\xFE\xFF", 2) == 0))
		out = convert("UTF-16", bytes, len, out_len);
	else if (utf8_valid(bytes, len - utf8_tail(bytes, len)) && memchr(bytes, '\0', len) == NULL)
		out = copy(bytes, len - utf8_tail(bytes, len), out_len);
	else
		out = decode_unmarked(bytes, len, of, is_zh, out_len);
	if (out != NULL && is_text(out, *out_len))
		return out;
	free(out);
	return NULL;
}
