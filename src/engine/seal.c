#include "engine/seal.h"

#include <string.h>

void
seal_id(const char *text, size_t len, char out[SEAL_ID_LEN])
{
	struct crypto_sha256 *h = crypto_sha256_new();
	unsigned char digest[SHA256_BYTES];
	size_t from = 0;

	while (len > 0 && text[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '-' && text[i] != '_')
			continue;
		crypto_sha256_add(h, text + from, i - from);
		crypto_sha256_add(h, text[i] == '-' ? "+" : "/", 1);
		from = i + 1;
	}
	crypto_sha256_add(h, text + from, len - from);
	crypto_sha256_end(h, digest);
	memcpy(out, "seal:", 5);
	crypto_hex(digest, sizeof(digest), out + 5);
}
