#include "base/scan.h"

#include <stddef.h>
#include <string.h>

#define REPLACEMENT 0xFFFDu

void
scan_init(struct scan *s, const char *bytes, size_t len)
{
	*s = (struct scan){ .at = bytes, .end = bytes + len };
}

/* Everything ends here: nothing is left to read. */
static bool
wrong(struct scan *s)
{
	s->is_wrong = true;
	s->at = s->end;
	return false;
}

/* The next character after white space, or NUL at the end (where a NUL in the
 * bytes is as wrong as the end is). */
static char
peek(struct scan *s)
{
	if (s->at < s->end && (unsigned char)*s->at > ' ') /* as machines write it */
		return *s->at;
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
		s->at++;
	return s->at < s->end ? *s->at : '\0';
}

/* ---- arrays and objects ------------------------------------------------------ */

static bool
open_with(struct scan *s, char opener)
{
	if (peek(s) != opener)
		return false;
	if (++s->depth > SCAN_DEPTH_MAX)
		return wrong(s);
	s->at++;
	s->is_fresh = true;
	return true;
}

/* To the next value inside; false at the closer, which is consumed. */
static bool
next_inside(struct scan *s, char closer)
{
	char c = peek(s);
	bool is_first = s->is_fresh;

	s->is_fresh = false;
	if (s->is_wrong)
		return false;
	if (c == closer) {
		s->at++;
		s->depth--;
		return false;
	}
	if (is_first)
		return true;
	if (c != ',')
		return wrong(s);
	s->at++;
	return peek(s) != closer || wrong(s);
}

bool
scan_object(struct scan *s)
{
	return open_with(s, '{');
}

bool
scan_array(struct scan *s)
{
	return open_with(s, '[');
}

bool
scan_member(struct scan *s, struct scan_text *name)
{
	if (!next_inside(s, '}'))
		return false;
	if (!scan_string(s, name))
		return wrong(s);
	if (peek(s) != ':')
		return wrong(s);
	s->at++;
	return true;
}

bool
scan_element(struct scan *s)
{
	return next_inside(s, ']');
}

/* ---- strings ----------------------------------------------------------------- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Past the escape whose backslash was just read. */
static bool
skip_escape(struct scan *s)
{
	char c = s->at < s->end ? *s->at++ : '\0';

	if (c == 'u') {
		for (int i = 0; i < 4; i++)
			if (s->at == s->end || hex_digit(*s->at++) < 0)
				return false;
		return true;
	}
	return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
}

/* Past what stands for itself in a string, eight bytes at a time while there is nothing else in them. */
static const char *
skip_plain(const char *at, const char *end)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
	uint64_t bytes, quote, backslash;

	for (; end - at >= (ptrdiff_t)sizeof(bytes); at += sizeof(bytes)) {
		memcpy(&bytes, at, sizeof(bytes));
		quote = bytes ^ ones * '"';
		backslash = bytes ^ ones * '\\';
		/* a byte below n borrows from its highest bit: below 1 of the first two, below ' ' of the last */
		if ((((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((bytes - ones * ' ') & ~bytes)) &
		    highs)
			break;
	}
	while (at < end && (unsigned char)*at >= ' ' && *at != '"' && *at != '\\')
		at++;
	return at;
}

bool
scan_string(struct scan *s, struct scan_text *out)
{
	struct scan_text text = { .len = 0 };

	if (peek(s) != '"')
		return false;
	text.at = ++s->at;
	for (;;) {
		s->at = skip_plain(s->at, s->end);
		if (s->at == s->end || (unsigned char)*s->at < ' ')
			return wrong(s);
		if (*s->at++ == '"')
			break;
		text.has_escapes = true;
		if (!skip_escape(s))
			return wrong(s);
	}
	text.len = (size_t)(s->at - 1 - text.at);
	*out = text;
	return true;
}

bool
scan_is(const struct scan_text *text, const char *name)
{
	return strlen(name) == text->len && memcmp(text->at, name, text->len) == 0;
}

static unsigned
read_hex(const char *at)
{
	unsigned n = 0;

	for (int i = 0; i < 4; i++)
		n = n << 4 | (unsigned)hex_digit(at[i]);
	return n;
}

/* The character of a \u escape; at stands behind its "u".  Moves *at past it. */
static unsigned
read_unicode(const char **at, const char *end)
{
	unsigned c = read_hex(*at), low;

	*at += 4;
	if (c < 0xD800 || c > 0xDFFF)
		return c;
	if (c > 0xDBFF || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
		return REPLACEMENT;
	low = read_hex(*at + 2);
	if (low < 0xDC00 || low > 0xDFFF)
		return REPLACEMENT;
	*at += 6;
	return 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
}

static char *
put_utf8(char *out, unsigned c)
{
	if (c < 0x80) {
		if (c != 0)
			*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xC0 | c >> 6);
		*out++ = (char)(0x80 | (c & 63));
	} else if (c < 0x10000) {
		*out++ = (char)(0xE0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 63));
		*out++ = (char)(0x80 | (c & 63));
	} else {
		*out++ = (char)(0xF0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 63));
		*out++ = (char)(0x80 | (c >> 6 & 63));
		*out++ = (char)(0x80 | (c & 63));
	}
	return out;
}

size_t
scan_decode(const struct scan_text *text, char *out)
{
	const char *at = text->at, *end = at + text->len;
	char *to = out;

	while (at < end) {
		if (*at != '\\') {
			*to++ = *at++;
			continue;
		}
		at += 2;
		switch (at[-1]) {
		case 'b': *to++ = '\b'; break;
		case 'f': *to++ = '\f'; break;
		case 'n': *to++ = '\n'; break;
		case 'r': *to++ = '\r'; break;
		case 't': *to++ = '\t'; break;
		case 'u': to = put_utf8(to, read_unicode(&at, end)); break;
		default: *to++ = at[-1]; break;
		}
	}
	return (size_t)(to - out);
}

/* ---- numbers and words ------------------------------------------------------- */

/* Past one or more digits. */
static bool
skip_digits(struct scan *s)
{
	const char *start = s->at;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return s->at > start;
}

/* Past a number; *is_integer: it has neither fraction nor exponent. */
static bool
skip_number(struct scan *s, bool *is_integer)
{
	if (*s->at == '-')
		s->at++;
	if (s->at < s->end && *s->at == '0')
		s->at++;
	else if (!skip_digits(s))
		return wrong(s);
	*is_integer = true;
	if (s->at < s->end && *s->at == '.') {
		*is_integer = false;
		s->at++;
		if (!skip_digits(s))
			return wrong(s);
	}
	if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
		*is_integer = false;
		s->at++;
		if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
			s->at++;
		if (!skip_digits(s))
			return wrong(s);
	}
	return true;
}

bool
scan_integer(struct scan *s, int64_t *out)
{
	const char *start;
	bool is_integer, is_negative;
	int64_t n = 0;
	char c = peek(s);

	if (c != '-' && (c < '0' || c > '9'))
		return false;
	start = s->at;
	if (!skip_number(s, &is_integer))
		return false;
	is_negative = *start == '-';
	for (const char *p = start + is_negative; is_integer && p < s->at; p++)
		is_integer = !__builtin_mul_overflow(n, 10, &n) && !__builtin_sub_overflow(n, *p - '0', &n);
	/* n is minus the number, as there is one more below zero than above. */
	if (!is_integer || (!is_negative && n == INT64_MIN)) {
		s->at = start;
		return false;
	}
	*out = is_negative ? n : -n;
	return true;
}

static void
skip_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->at) >= len && memcmp(s->at, word, len) == 0)
		s->at += len;
	else
		wrong(s);
}

void
scan_skip(struct scan *s)
{
	struct scan_text unused;
	bool is_integer;

	switch (peek(s)) {
	case '{':
		if (scan_object(s))
			while (scan_member(s, &unused))
				scan_skip(s);
		break;
	case '[':
		if (scan_array(s))
			while (scan_element(s))
				scan_skip(s);
		break;
	case '"': scan_string(s, &unused); break;
	case 't': skip_word(s, "true"); break;
	case 'f': skip_word(s, "false"); break;
	case 'n': skip_word(s, "null"); break;
	default:
		if (s->at < s->end && (*s->at == '-' || (*s->at >= '0' && *s->at <= '9')))
			skip_number(s, &is_integer);
		else
			wrong(s);
	}
}

bool
scan_end(struct scan *s)
{
	peek(s);
	return !s->is_wrong && s->depth == 0 && s->at == s->end;
}
