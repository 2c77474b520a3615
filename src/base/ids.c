#include "base/ids.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"

void
uuid_v7(char out[UUID_LEN])
{
	uint64_t ms = (uint64_t)clock_wall_ms();
	unsigned char b[16];

	crypto_random(b, sizeof(b));
	for (int i = 0; i < 6; i++)
		b[i] = (unsigned char)(ms >> (40 - 8 * i));
	b[6] = (unsigned char)(0x70 | (b[6] & 0x0f));
	b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
	snprintf(out, UUID_LEN, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
	    b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

bool
uuid_parse(const char *text, char out[UUID_LEN])
{
	char copy[UUID_LEN] = { 0 };

	if (text == NULL || strlen(text) != UUID_LEN - 1)
		return false;
	for (int i = 0; i < UUID_LEN - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
		copy[i] = (char)tolower((unsigned char)text[i]);
	}
	memcpy(out, copy, UUID_LEN);
	return true;
}

bool
request_id_is_sane(const char *id)
{
	size_t len = id == NULL ? 0 : strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return len >= 8 && len <= 64 && id[len] == '\0';
}
