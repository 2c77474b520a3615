/*
 * Keys on the curve P-256 (SEC 2, secp256r1), over OpenSSL: agreeing on a secret (ECDH) and signing
 * (ES256, RFC 7518 3.4).  Points are uncompressed: 4, x, y.  Any thread.
 */
#ifndef WEIR_BASE_P256_H
#define WEIR_BASE_P256_H

#include <stdbool.h>
#include <stddef.h>

#define P256_PRIVATE_BYTES 32
#define P256_PUBLIC_BYTES 65
#define P256_SIGNATURE_BYTES 64

struct p256_key {
	unsigned char secret[P256_PRIVATE_BYTES], public[P256_PUBLIC_BYTES];
};

/* A new key; aborts when there is no entropy. */
void p256_make(struct p256_key *out);
/* Is it a point of the curve? */
bool p256_is_point(const unsigned char point[P256_PUBLIC_BYTES]);
/* The x of the point that both sides come to; false: theirs is no point of the curve, or ours no key. */
bool p256_agree(
    const struct p256_key *own, const unsigned char theirs[P256_PUBLIC_BYTES], unsigned char out[P256_PRIVATE_BYTES]);
/* r and s beside each other; false: it is no key. */
bool p256_sign(const struct p256_key *own, const void *data, size_t len, unsigned char signature[P256_SIGNATURE_BYTES]);

#endif
