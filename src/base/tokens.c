#include "base/tokens.h"

#include <stdbool.h>

/* Thirds of a quarter: one token is 12 units, so a Latin byte is 3, a CJK
 * character 8 and any other character 6. */
enum { UNIT_TOKEN = 12, UNIT_LATIN = 3, UNIT_CJK = 8, UNIT_OTHER = 6 };

/* Kana, hangul, unified ideographs, their punctuation and full-width forms. */
static bool
is_cjk(uint32_t c)
{
	return (c >= 0x1100 && c <= 0x11FF) || (c >= 0x2E80 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7FF) ||
	    (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE4F) || (c >= 0xFF00 && c <= 0xFFEF) ||
	    (c >= 0x20000 && c <= 0x3FFFF);
}

/* The code point at s[*i]; *i moves past it.  A byte that begins none counts alone. */
static uint32_t
next_char(const unsigned char *s, size_t len, size_t *i)
{
	unsigned char lead = s[(*i)++];
	int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
	uint32_t c = more == 0 ? lead : lead & (0x3Fu >> more);

	while (more-- > 0 && *i < len && (s[*i] & 0xC0) == 0x80)
		c = c << 6 | (s[(*i)++] & 0x3F);
	return c;
}

int64_t
tokens_units(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	int64_t units = 0;
	size_t i = 0;

	while (i < len) {
		uint32_t c = next_char(s, len, &i);

		units += c < 0x80 ? UNIT_LATIN : is_cjk(c) ? UNIT_CJK : UNIT_OTHER;
	}
	return units;
}

int64_t
tokens_of_units(int64_t units)
{
	return (units + UNIT_TOKEN - 1) / UNIT_TOKEN;
}

int64_t
tokens_estimate(const char *text, size_t len)
{
	return tokens_of_units(tokens_units(text, len));
}
