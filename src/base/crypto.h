/* Everything cryptographic, over OpenSSL, libargon2 and libcrypt.  Any thread. */
#ifndef WEIR_BASE_CRYPTO_H
#define WEIR_BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#define SHA256_BYTES 32
#define AES_KEY_BYTES 32

/* Fill `out` with random bytes from a thread-local pool of RAND_bytes();
 * aborts when there is no entropy.  Fork-safe. */
void crypto_random(void *out, size_t len);
void crypto_sha256(const void *data, size_t len, unsigned char out[SHA256_BYTES]);
/* SHA-256 piece by piece: crypto_sha256_new(), _add() …, _end(), which frees it.
 * To give up call _end() too. */
struct crypto_sha256;
struct crypto_sha256 *crypto_sha256_new(void);
void crypto_sha256_add(struct crypto_sha256 *h, const void *data, size_t len);
void crypto_sha256_end(struct crypto_sha256 *h, unsigned char out[SHA256_BYTES]);
/* HMAC-SHA-256 (RFC 2104). */
void crypto_hmac(const void *key, size_t key_len, const void *data, size_t len, unsigned char out[SHA256_BYTES]);
/* HMAC-SHA-1, for RFC 4226 alone. */
#define SHA1_BYTES 20
void crypto_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len, unsigned char out[SHA1_BYTES]);
/* A number or a coordinate as JWKs have it: bytes, the highest first. */
struct crypto_number {
	const unsigned char *bytes;
	size_t len;
};
/* Does the signature hold?  RS256 (RFC 7518 3.3) with modulus `n`, of 2048 bits at least, and exponent `e`. */
bool crypto_rs256_holds(struct crypto_number n, struct crypto_number e, const void *data, size_t len,
    const unsigned char *signature, size_t signature_len);
/* ES256 (RFC 7518 3.4): P-256, the point (x, y), 32 bytes each; the signature is 64 bytes. */
bool crypto_es256_holds(struct crypto_number x, struct crypto_number y, const void *data, size_t len,
    const unsigned char *signature, size_t signature_len);
/* Compare without revealing where they differ. */
bool crypto_equal(const void *a, const void *b, size_t len);
/* Lower-case hex; `out` holds 2*len+1. */
void crypto_hex(const void *data, size_t len, char *out);
/* base64 with padding (RFC 4648 4), as data: URLs want it; `out` holds
 * CRYPTO_BASE64_LEN(len) with its NUL.  At most 1 GiB. */
#define CRYPTO_BASE64_LEN(len) (((len) + 2) / 3 * 4 + 1)
void crypto_base64(const void *data, size_t len, char *out);
/* Decode it, with its padding; `out` has room for len / 4 * 3 bytes.  Whoever decodes a long text piece
 * by piece cuts it at fours.  How many bytes; SIZE_MAX: it is none. */
size_t crypto_base64_decode(const char *text, size_t len, unsigned char *out);
/* base64url without padding (RFC 4648 5), in the arena. */
char *crypto_base64url(struct arena *a, const void *data, size_t len);
/* Decode base64url without padding; false on any foreign character or length. */
bool crypto_base64url_decode(struct arena *a, const char *text, unsigned char **out, size_t *out_len);
/* AES-256-GCM, random 96-bit nonce in front, 128-bit tag behind: nonce|data|tag. */
unsigned char *crypto_seal(
    struct arena *a, const unsigned char key[AES_KEY_BYTES], const void *data, size_t len, size_t *out_len);
/* The opposite of crypto_seal(), NUL-terminated; false when it was tampered
 * with or sealed by another key. */
bool crypto_open(struct arena *a, const unsigned char key[AES_KEY_BYTES], const void *sealed, size_t len, char **out,
    size_t *out_len);

/* An Argon2id hash ($argon2id$v=19$m=19456,t=2,p=1$...) of `password`: OWASP's
 * password storage cheat sheet, first choice.  Takes ~30 ms of CPU and 19 MiB. */
char *password_hash(struct arena *a, const char *password);
/* True when `password` matches `hash` (Argon2id, or an imported bcrypt $2a$/$2b$/$2y$).
 * *needs_rehash says that the hash is not of today's kind and should be
 * replaced.  A NULL hash is compared with a dummy, takes as long, and is false. */
bool password_verify(const char *password, const char *hash, bool *needs_rehash);
/* True for a hash of a kind password_verify() knows: what may be imported. */
bool password_hash_known(const char *hash);

#endif
