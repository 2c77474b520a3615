#include "account/totp.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

uint32_t
totp_code(const unsigned char *secret, size_t len, int64_t step)
{
	unsigned char counter[8], mac[SHA1_BYTES];
	const unsigned char *p;

	for (int i = 7; i >= 0; i--, step >>= 8)
		counter[i] = (unsigned char)(step & 0xff);
	crypto_hmac_sha1(secret, len, counter, sizeof(counter), mac);
	p = mac + (mac[SHA1_BYTES - 1] & 0x0f); /* RFC 4226 5.3 */
	return (((uint32_t)(p[0] & 0x7f) << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3]) % 1000000;
}

/* The six digits of a text; false: it has others or something else. */
static bool
digits_of(const char *text, char out[TOTP_DIGITS + 1])
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (*text == ' ')
			continue;
		if (*text < '0' || *text > '9' || n == TOTP_DIGITS)
			return false;
		out[n++] = *text;
	}
	out[n] = '\0';
	return n == TOTP_DIGITS;
}

bool
totp_matches(const unsigned char *secret, size_t len, int64_t now_s, int64_t last_step, const char *text, int64_t *step)
{
	char given[TOTP_DIGITS + 1], code[16];
	bool found = false;

	if (!digits_of(text, given))
		return false;
	for (int64_t at = now_s / TOTP_STEP_S - TOTP_DRIFT_STEPS; at <= now_s / TOTP_STEP_S + TOTP_DRIFT_STEPS; at++) {
		snprintf(code, sizeof(code), "%06u", totp_code(secret, len, at));
		if (!crypto_equal(code, given, TOTP_DIGITS) || at <= last_step)
			continue;
		*step = at;
		found = true;
	}
	return found;
}

char *
base32_encode(struct arena *a, const unsigned char *data, size_t len)
{
	char *out = arena_alloc(a, (len * 8 + 4) / 5 + 1), *p = out;
	unsigned bits = 0, have = 0;

	for (size_t i = 0; i < len; i++) {
		bits = (bits << 8) | data[i];
		for (have += 8; have >= 5; have -= 5)
			*p++ = letters[(bits >> (have - 5)) & 31];
		bits &= 31; /* at most four are left */
	}
	if (have > 0)
		*p++ = letters[(bits << (5 - have)) & 31];
	*p = '\0';
	return out;
}

size_t
base32_decode(const char *text, unsigned char *out, size_t size)
{
	unsigned bits = 0, have = 0;
	const char *at;
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if ((at = strchr(letters, *text)) == NULL)
			return SIZE_MAX;
		bits = ((bits << 5) | (unsigned)(at - letters)) & 0xfff;
		if ((have += 5) < 8)
			continue;
		if (n == size)
			return SIZE_MAX;
		have -= 8;
		out[n++] = (unsigned char)(bits >> have);
	}
	return n;
}
