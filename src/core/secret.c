#include "core/secret.h"

#include <string.h>

#include "base/crypto.h"
#include "base/log.h"

static enum status
encryption_key(struct arena *a, const struct conf *conf, unsigned char **key)
{
	size_t len = 0;

	if (crypto_base64url_decode(a, conf->auth_encryption_key, key, &len) && len == AES_KEY_BYTES)
		return OK;
	LOG(ERROR, "encryption_key_invalid",
	    LS("hint", "[auth] encryption_key must be 32 bytes as base64url: weirctl setup makes one"));
	return E_UNAVAILABLE;
}

enum status
secret_seal(struct arena *a, const struct conf *conf, const char *text, unsigned char **out, size_t *out_len)
{
	unsigned char *key = NULL;
	enum status st = encryption_key(a, conf, &key);

	if (st != OK)
		return st;
	*out = crypto_seal(a, key, text, strlen(text), out_len);
	return OK;
}

enum status
secret_open(struct arena *a, const struct conf *conf, const char *whose, const unsigned char *sealed, size_t len,
    const char **out)
{
	unsigned char *key = NULL;
	char *text = NULL;
	size_t text_len = 0;
	enum status st = encryption_key(a, conf, &key);

	if (st != OK)
		return st;
	if (!crypto_open(a, key, sealed, len, &text, &text_len)) {
		LOG(ERROR, "secret_unreadable", LS("of", whose),
		    LS("hint", "it was sealed with another encryption_key: set it again"));
		return E_UNAVAILABLE;
	}
	*out = text;
	return OK;
}
