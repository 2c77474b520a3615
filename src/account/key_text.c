#include "account/key_text.h"

#include <stdint.h>
#include <string.h>

#define RANDOM_CHARS 27 /* 62^27 > 2^160 */
#define CHECK_CHARS 6	/* 62^6 > 2^32 */
#define CHECKED_LEN (sizeof(KEY_PREFIX) - 1 + RANDOM_CHARS)

_Static_assert(CHECKED_LEN + CHECK_CHARS + 1 == KEY_TEXT_LEN, "prefix, random part, checksum, NUL");

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* The number in `bytes`, high byte first, as `n` digits of base 62; `bytes` is used up. */
static void
write_base62(unsigned char *bytes, size_t len, char *out, size_t n)
{
	while (n-- > 0) {
		unsigned rest = 0;

		for (size_t i = 0; i < len; i++) {
			rest = rest << 8 | bytes[i];
			bytes[i] = (unsigned char)(rest / 62);
			rest %= 62;
		}
		out[n] = digits[rest];
	}
}

/* CRC-32 as in Ethernet and zlib: reflected, polynomial 0x04C11DB7. */
static uint32_t
crc32_of(const char *text, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)text[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xEDB88320) : 0);
	}
	return ~crc;
}

static void
write_check(const char *text, char out[CHECK_CHARS])
{
	uint32_t crc = crc32_of(text, CHECKED_LEN);
	unsigned char bytes[4] = { (unsigned char)(crc >> 24), (unsigned char)(crc >> 16), (unsigned char)(crc >> 8),
		(unsigned char)crc };

	write_base62(bytes, sizeof(bytes), out, CHECK_CHARS);
}

void
key_text_write(const unsigned char random[KEY_RANDOM_BYTES], char out[KEY_TEXT_LEN])
{
	unsigned char bytes[KEY_RANDOM_BYTES];

	memcpy(bytes, random, sizeof(bytes));
	memcpy(out, KEY_PREFIX, strlen(KEY_PREFIX));
	write_base62(bytes, sizeof(bytes), out + strlen(KEY_PREFIX), RANDOM_CHARS);
	write_check(out, out + CHECKED_LEN);
	out[KEY_TEXT_LEN - 1] = '\0';
}

bool
key_text_begins(const char *text)
{
	return text != NULL && strncmp(text, KEY_PREFIX, strlen(KEY_PREFIX)) == 0;
}

bool
key_text_is_whole(const char *text)
{
	char check[CHECK_CHARS];

	if (!key_text_begins(text) || strlen(text) != KEY_TEXT_LEN - 1 ||
	    strspn(text + strlen(KEY_PREFIX), digits) != RANDOM_CHARS + CHECK_CHARS)
		return false;
	write_check(text, check);
	return memcmp(check, text + CHECKED_LEN, CHECK_CHARS) == 0;
}

void
key_text_shown(const char *text, char out[KEY_SHOWN_LEN])
{
	size_t len = strnlen(text, KEY_SHOWN_LEN - 1);

	memcpy(out, text, len);
	out[len] = '\0';
}
