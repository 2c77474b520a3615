#include "base/webpush.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

#define KEY_BYTES 16
#define NONCE_BYTES 12
#define TAG_BYTES 16
#define RECORD_BYTES 4096
/* salt, size of a record, length of the key, the key (RFC 8188 2.1) */
#define HEADER_BYTES (WEBPUSH_SALT_BYTES + 4 + 1 + P256_PUBLIC_BYTES)
#define LAST_RECORD 2

/* HKDF (RFC 5869) of one block, which is all that is wanted here: `info_len` bytes, at most 256. */
static void
derive(const unsigned char *salt, size_t salt_len, const unsigned char secret[SHA256_BYTES], const void *info,
    size_t info_len, unsigned char out[SHA256_BYTES])
{
	unsigned char prk[SHA256_BYTES], block[257];

	crypto_hmac(salt, salt_len, secret, SHA256_BYTES, prk);
	memcpy(block, info, info_len);
	block[info_len] = 1;
	crypto_hmac(prk, sizeof(prk), block, info_len + 1, out);
	OPENSSL_cleanse(prk, sizeof(prk));
}

/* RFC 8291 3.4: what both sides know is bound to their keys and to what the browser has besides. */
static void
input_key(const struct webpush_browser *to, const struct p256_key *once, const unsigned char shared[SHA256_BYTES],
    unsigned char out[SHA256_BYTES])
{
	static const char label[] = "WebPush: info"; /* with its NUL */
	unsigned char info[sizeof(label) + (size_t)2 * P256_PUBLIC_BYTES];

	memcpy(info, label, sizeof(label));
	memcpy(info + sizeof(label), to->p256dh, P256_PUBLIC_BYTES);
	memcpy(info + sizeof(label) + P256_PUBLIC_BYTES, once->public, P256_PUBLIC_BYTES);
	derive(to->auth, WEBPUSH_AUTH_BYTES, shared, info, sizeof(info), out);
}

/* AES-128-GCM: the data, and its tag behind it. */
static void
seal(const unsigned char key[KEY_BYTES], const unsigned char nonce[NONCE_BYTES], const unsigned char *data, size_t len,
    unsigned char *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, rest = 0;

	if (ctx == NULL || EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, nonce) != 1 ||
	    EVP_EncryptUpdate(ctx, out, &n, data, (int)len) != 1 || EVP_EncryptFinal_ex(ctx, out + n, &rest) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out + len) != 1) {
		fprintf(stderr, "weir: AES-128-GCM failed\n");
		abort();
	}
	EVP_CIPHER_CTX_free(ctx);
}

unsigned char *
webpush_encrypt_with(struct arena *a, const struct webpush_browser *to, const struct p256_key *once,
    const unsigned char salt[WEBPUSH_SALT_BYTES], const void *text, size_t len, size_t *out_len)
{
	static const char key_label[] = "Content-Encoding: aes128gcm", nonce_label[] = "Content-Encoding: nonce";
	unsigned char shared[P256_PRIVATE_BYTES], ikm[SHA256_BYTES], key[SHA256_BYTES], nonce[SHA256_BYTES], *out,
	    *record;

	if (len > WEBPUSH_TEXT_MAX || !p256_agree(once, to->p256dh, shared))
		return NULL;
	input_key(to, once, shared, ikm);
	derive(salt, WEBPUSH_SALT_BYTES, ikm, key_label, sizeof(key_label), key);
	derive(salt, WEBPUSH_SALT_BYTES, ikm, nonce_label, sizeof(nonce_label), nonce);

	out = arena_alloc(a, HEADER_BYTES + len + 1 + TAG_BYTES);
	memcpy(out, salt, WEBPUSH_SALT_BYTES);
	memcpy(out + WEBPUSH_SALT_BYTES, (const unsigned char[]){ 0, 0, RECORD_BYTES >> 8, RECORD_BYTES & 255 }, 4);
	out[WEBPUSH_SALT_BYTES + 4] = P256_PUBLIC_BYTES;
	memcpy(out + WEBPUSH_SALT_BYTES + 5, once->public, P256_PUBLIC_BYTES);
	record = arena_alloc(a, len + 1);
	memcpy(record, text, len);
	record[len] = LAST_RECORD;
	seal(key, nonce, record, len + 1, out + HEADER_BYTES);
	*out_len = HEADER_BYTES + len + 1 + TAG_BYTES;
	OPENSSL_cleanse(shared, sizeof(shared));
	OPENSSL_cleanse(ikm, sizeof(ikm));
	OPENSSL_cleanse(key, sizeof(key));
	return out;
}

unsigned char *
webpush_encrypt(struct arena *a, const struct webpush_browser *to, const void *text, size_t len, size_t *out_len)
{
	unsigned char salt[WEBPUSH_SALT_BYTES], *out;
	struct p256_key once;

	p256_make(&once);
	crypto_random(salt, sizeof(salt));
	out = webpush_encrypt_with(a, to, &once, salt, text, len, out_len);
	OPENSSL_cleanse(&once, sizeof(once));
	return out;
}

char *
webpush_vapid(struct arena *a, const struct p256_key *key, const char *endpoint, const char *contact, int64_t expires_s)
{
	static const char header[] = "{\"typ\":\"JWT\",\"alg\":\"ES256\"}";
	const char *host = strstr(endpoint, "://");
	size_t origin_len = host == NULL ? strlen(endpoint) : (size_t)(host + 3 - endpoint) + strcspn(host + 3, "/?#");
	json_t *claims = json_pack(
	    "{s:s%, s:I, s:s}", "aud", endpoint, origin_len, "exp", (json_int_t)expires_s, "sub", contact);
	char *text = claims == NULL ? NULL : json_dumps(claims, JSON_COMPACT), *token = NULL;
	unsigned char signature[P256_SIGNATURE_BYTES];

	json_decref(claims);
	if (text != NULL)
		token = arena_printf(a, "%s.%s", crypto_base64url(a, header, sizeof(header) - 1),
		    crypto_base64url(a, text, strlen(text)));
	free(text);
	if (token == NULL || !p256_sign(key, token, strlen(token), signature))
		return NULL;
	return arena_printf(a, "vapid t=%s.%s, k=%s", token, crypto_base64url(a, signature, sizeof(signature)),
	    crypto_base64url(a, key->public, sizeof(key->public)));
}
