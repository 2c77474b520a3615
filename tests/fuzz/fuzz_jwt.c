/*
 * Access tokens of strangers: nothing but what our key signed is accepted, and
 * what decodes as base64url is encoded back to the same text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "account/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* the corpus holds tokens signed by another key of this shape */
	static const struct conf conf = { .auth_jwt_keys = "k1:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI",
		.auth_issuer = "weir",
		.auth_audience = "weir",
		.auth_access_ttl = 900000 };
	struct arena *a = arena_new(8192, 16 << 20);
	char *text = arena_strndup(a, (const char *)data, size);
	struct jwt_claims claims;
	unsigned char *bytes;
	const char *why = NULL;
	size_t len;

	if (access_token_check(a, &conf, text, &claims, &why) == OK || why == NULL)
		abort();
	if (crypto_base64url_decode(a, text, &bytes, &len) && strcmp(crypto_base64url(a, bytes, len), text) != 0)
		abort();
	arena_free(a);
	return 0;
}
