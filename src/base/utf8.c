#include "base/utf8.h"

#include <stdint.h>

/* The length of the well-formed sequence at s, or 0. */
static size_t
sequence(const unsigned char *s, size_t len)
{
	unsigned char c = s[0];
	size_t n = c < 0x80	      ? 1
	    : (c >= 0xc2 && c < 0xe0) ? 2
	    : (c >= 0xe0 && c < 0xf0) ? 3
	    : (c >= 0xf0 && c < 0xf5) ? 4
				      : 0;

	if (n == 0 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] > 0x9f) || (c == 0xf0 && s[1] < 0x90) ||
	    (c == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

bool
utf8_valid(const char *s, size_t len)
{
	for (size_t i = 0, n; i < len; i += n)
		if ((n = sequence((const unsigned char *)s + i, len - i)) == 0)
			return false;
	return true;
}

size_t
utf8_length(const char *s, size_t len)
{
	size_t chars = 0;

	for (size_t i = 0; i < len; i++)
		chars += ((unsigned char)s[i] & 0xc0) != 0x80;
	return chars;
}

size_t
utf8_prefix(const char *s, size_t len, size_t chars)
{
	size_t i = 0;

	for (; i < len; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80 && chars-- == 0)
			break;
	return i;
}

size_t
utf8_tail(const char *s, size_t len)
{
	for (size_t back = 1; back <= 3 && back <= len; back++) {
		unsigned char c = (unsigned char)s[len - back];

		if ((c & 0xc0) == 0x80)
			continue;
		return (c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : c >= 0xc0 ? 2u : 1u) > back ? back : 0;
	}
	return 0;
}
