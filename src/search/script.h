/* What kind of character a code point is, for terms and tokens. */
#ifndef WEIR_SEARCH_SCRIPT_H
#define WEIR_SEARCH_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The code point at s[*at] of well-formed UTF-8, and *at behind it.  Bytes that are none are
 * taken one by one. */
static inline uint32_t
script_next(const char *s, size_t len, size_t *at)
{
	const unsigned char *p = (const unsigned char *)s + *at;
	size_t n = p[0] < 0xc0 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));

	if (n > len - *at)
		n = 1;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3fu);
	*at += n;
	return c;
}

/* Han, kana, Hangul: written without spaces, or searched as if. */
static inline bool
script_is_cjk(uint32_t c)
{
	return (c >= 0x3400 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7af) ||
	    (c >= 0x3041 && c <= 0x30ff && c != 0x30fb) || (c >= 0x20000 && c <= 0x3ffff) ||
	    (c >= 0xf900 && c <= 0xfaff) || (c >= 0x1100 && c <= 0x11ff) || (c >= 0x3130 && c <= 0x318f) ||
	    (c >= 0x31f0 && c <= 0x31ff) || (c >= 0x3105 && c <= 0x312f) || c == 0x3005 || c == 0x3007;
}

/* The punctuation that goes with them. */
static inline bool
script_is_wide_mark(uint32_t c)
{
	return (c >= 0x3000 && c <= 0x303f && c != 0x3005 && c != 0x3007) || c == 0x30fb ||
	    (c >= 0xff01 && c <= 0xff0f) || (c >= 0xff1a && c <= 0xff20) || (c >= 0xff3b && c <= 0xff40) ||
	    (c >= 0xff5b && c <= 0xff65) || c == 0x2014 || c == 0x2026 || (c >= 0x2018 && c <= 0x201f);
}

static inline bool
script_is_blank(uint32_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200b) ||
	    c == 0x2028 || c == 0x2029 || c == 0xfeff;
}

#endif
