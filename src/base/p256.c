#include "base/p256.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CURVE "prime256v1"

/* A key of a point and, where `secret` is not NULL, of the number behind it; NULL: they make none. */
static EVP_PKEY *
key_of(const unsigned char *secret, const unsigned char *point)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *number = secret == NULL ? NULL : BN_bin2bn(secret, P256_PRIVATE_BYTES, NULL);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (build != NULL && (secret == NULL || number != NULL) &&
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, CURVE, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, P256_PUBLIC_BYTES) == 1 &&
	    (number == NULL || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1))
		params = OSSL_PARAM_BLD_to_param(build);
	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, number == NULL ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_clear_free(number);
	return key;
}

void
p256_make(struct p256_key *out)
{
	EVP_PKEY *key = EVP_EC_gen(CURVE);
	BIGNUM *number = NULL;
	size_t len = 0;

	if (key == NULL || EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1 ||
	    BN_bn2binpad(number, out->secret, P256_PRIVATE_BYTES) != P256_PRIVATE_BYTES ||
	    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out->public, sizeof(out->public), &len) !=
		1 ||
	    len != P256_PUBLIC_BYTES) {
		fprintf(stderr, "weir: making a key failed\n");
		abort();
	}
	BN_clear_free(number);
	EVP_PKEY_free(key);
}

bool
p256_is_point(const unsigned char point[P256_PUBLIC_BYTES])
{
	EVP_PKEY *key = point[0] == POINT_CONVERSION_UNCOMPRESSED ? key_of(NULL, point) : NULL;
	EVP_PKEY_CTX *ctx = key == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	bool is = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return is;
}

bool
p256_agree(
    const struct p256_key *own, const unsigned char theirs[P256_PUBLIC_BYTES], unsigned char out[P256_PRIVATE_BYTES])
{
	EVP_PKEY *mine = key_of(own->secret, own->public),
		 *peer = theirs[0] == POINT_CONVERSION_UNCOMPRESSED ? key_of(NULL, theirs) : NULL;
	EVP_PKEY_CTX *ctx = mine == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL);
	size_t len = P256_PRIVATE_BYTES;
	bool done = ctx != NULL && peer != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_derive_set_peer_ex(ctx, peer, 1) == 1 && EVP_PKEY_derive(ctx, out, &len) == 1 &&
	    len == P256_PRIVATE_BYTES;

	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(peer);
	return done;
}

/* Of a signature as OpenSSL makes it. */
static bool
split_der(const unsigned char *der, size_t len, unsigned char out[P256_SIGNATURE_BYTES])
{
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
	bool done = pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32) == 32 &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32) == 32;

	ECDSA_SIG_free(pair);
	return done;
}

bool
p256_sign(const struct p256_key *own, const void *data, size_t len, unsigned char signature[P256_SIGNATURE_BYTES])
{
	EVP_PKEY *key = key_of(own->secret, own->public);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char der[80]; /* 72 at most */
	size_t der_len = sizeof(der);
	bool done = key != NULL && ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(ctx, der, &der_len, data, len) == 1 && split_der(der, der_len, signature);

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return done;
}
