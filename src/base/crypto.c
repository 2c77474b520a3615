#include "base/crypto.h"

#include <argon2.h>
#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_BYTES 512u
#define NONCE_BYTES 12
#define TAG_BYTES 16

#define ARGON_MEMORY_KIB 19456
#define ARGON_PASSES 2
#define ARGON_LANES 1
#define ARGON_SALT_BYTES 16
#define ARGON_HASH_BYTES 32
#define ARGON_PREFIX "$argon2id$v=19$m=19456,t=2,p=1$"
/* A dearer imported bcrypt hash would hold a worker for seconds per attempt. */
#define BCRYPT_COST_MAX 14

/* Well-formed, of today's kind, and the hash of nothing anybody knows. */
static const char dummy_hash[] = ARGON_PREFIX "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static void
die(const char *what)
{
	fprintf(stderr, "weir: %s failed\n", what);
	abort();
}

/* ---- random ---------------------------------------------------------- */

struct pool {
	unsigned char bytes[POOL_BYTES];
	size_t left;	     /* unused bytes at the end */
	unsigned generation; /* of the process that filled it */
};

static atomic_uint fork_generation = 1;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

/* A child must not go on with bytes its parent will hand out as well. */
static void
in_child(void)
{
	atomic_fetch_add(&fork_generation, 1);
}

static void
watch_forks(void)
{
	if (pthread_atfork(NULL, NULL, in_child) != 0)
		die("pthread_atfork");
}

static void
fill_random(void *out, size_t len)
{
	if (RAND_bytes(out, (int)len) != 1)
		die("RAND_bytes");
}

void
crypto_random(void *out, size_t len)
{
	static _Thread_local struct pool pool;
	unsigned char *from;

	pthread_once(&fork_once, watch_forks);
	if (len > sizeof(pool.bytes)) {
		fill_random(out, len);
		return;
	}
	if (pool.generation != atomic_load(&fork_generation) || pool.left < len) {
		fill_random(pool.bytes, sizeof(pool.bytes));
		pool.left = sizeof(pool.bytes);
		pool.generation = atomic_load(&fork_generation);
	}
	from = pool.bytes + sizeof(pool.bytes) - pool.left;
	memcpy(out, from, len);
	OPENSSL_cleanse(from, len); /* some of them are keys and tokens */
	pool.left -= len;
}

/* ---- hashes and text ------------------------------------------------- */

void
crypto_sha256(const void *data, size_t len, unsigned char out[SHA256_BYTES])
{
	if (EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) != 1)
		die("SHA-256");
}

/* Only a name for OpenSSL's type, which stays in here. */
struct crypto_sha256 *
crypto_sha256_new(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		die("SHA-256");
	return (struct crypto_sha256 *)ctx;
}

void
crypto_sha256_add(struct crypto_sha256 *h, const void *data, size_t len)
{
	if (EVP_DigestUpdate((EVP_MD_CTX *)h, data, len) != 1)
		die("SHA-256");
}

void
crypto_sha256_end(struct crypto_sha256 *h, unsigned char out[SHA256_BYTES])
{
	if (EVP_DigestFinal_ex((EVP_MD_CTX *)h, out, NULL) != 1)
		die("SHA-256");
	EVP_MD_CTX_free((EVP_MD_CTX *)h);
}

void
crypto_hmac(const void *key, size_t key_len, const void *data, size_t len, unsigned char out[SHA256_BYTES])
{
	if (key_len > INT32_MAX || HMAC(EVP_sha256(), key, (int)key_len, data, len, out, NULL) == NULL)
		die("HMAC");
}

void
crypto_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len, unsigned char out[SHA1_BYTES])
{
	if (key_len > INT32_MAX || HMAC(EVP_sha1(), key, (int)key_len, data, len, out, NULL) == NULL)
		die("HMAC");
}

/* A public key of these parameters; NULL: they make none.  Takes `build` over. */
static EVP_PKEY *
public_key(const char *type, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *params = build == NULL ? NULL : OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	return key;
}

/* Takes the key over. */
static bool
sha256_signature_holds(
    EVP_PKEY *key, const void *data, size_t len, const unsigned char *signature, size_t signature_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool holds = key != NULL && ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestVerify(ctx, signature, signature_len, data, len) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return holds;
}

bool
crypto_rs256_holds(struct crypto_number n, struct crypto_number e, const void *data, size_t len,
    const unsigned char *signature, size_t signature_len)
{
	BIGNUM *modulus, *exponent;
	OSSL_PARAM_BLD *build;
	EVP_PKEY *key = NULL;

	if (n.len < 256 || n.len > 1024 || e.len == 0 || e.len > 8)
		return false;
	modulus = BN_bin2bn(n.bytes, (int)n.len, NULL);
	exponent = BN_bin2bn(e.bytes, (int)e.len, NULL);
	build = OSSL_PARAM_BLD_new();
	if (build != NULL && modulus != NULL && BN_num_bits(modulus) >= 2048 && exponent != NULL &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
		key = public_key("RSA", build);
	else
		OSSL_PARAM_BLD_free(build);
	BN_free(modulus);
	BN_free(exponent);
	return sha256_signature_holds(key, data, len, signature, signature_len);
}

/* r and s beside each other, as OpenSSL wants them; *der is to be freed.  How long; 0: no. */
static int
es256_der(const unsigned char raw[64], unsigned char **der)
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
	int len = 0;

	if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
		len = i2d_ECDSA_SIG(pair, der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(pair);
	return len > 0 ? len : 0;
}

bool
crypto_es256_holds(struct crypto_number x, struct crypto_number y, const void *data, size_t len,
    const unsigned char *signature, size_t signature_len)
{
	unsigned char point[65] = { POINT_CONVERSION_UNCOMPRESSED }, *der = NULL;
	OSSL_PARAM_BLD *build;
	EVP_PKEY *key = NULL;
	int der_len;
	bool holds;

	if (x.len != 32 || y.len != 32 || signature_len != 64)
		return false;
	memcpy(point + 1, x.bytes, 32);
	memcpy(point + 33, y.bytes, 32);
	build = OSSL_PARAM_BLD_new();
	if (build != NULL && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)) == 1)
		key = public_key("EC", build);
	else
		OSSL_PARAM_BLD_free(build);
	der_len = es256_der(signature, &der);
	holds = sha256_signature_holds(der_len == 0 ? NULL : key, data, len, der, (size_t)der_len);
	if (der_len == 0)
		EVP_PKEY_free(key);
	OPENSSL_free(der);
	return holds;
}

bool
crypto_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void
crypto_hex(const void *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * len] = '\0';
}

void
crypto_base64(const void *data, size_t len, char *out)
{
	EVP_EncodeBlock((unsigned char *)out, data, (int)len);
}

char *
crypto_base64url(struct arena *a, const void *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *p = data;
	char *text = arena_alloc(a, len / 3 * 4 + 5), *to = text;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		unsigned v = (unsigned)p[i] << 16;

		v |= n > 1 ? (unsigned)p[i + 1] << 8 : 0;
		v |= n > 2 ? p[i + 2] : 0;
		for (size_t k = 0; k <= n; k++)
			*to++ = digits[v >> (18 - 6 * k) & 63];
	}
	return text;
}

static int
base64url_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

static int
base64_value(char c)
{
	return c == '+' ? 62 : c == '/' ? 63 : c == '-' || c == '_' ? -1 : base64url_value(c);
}

size_t
crypto_base64_decode(const char *text, size_t len, unsigned char *out)
{
	size_t n = 0, padding = 0;

	if (len % 4 != 0)
		return SIZE_MAX;
	while (len > 0 && padding < 2 && text[len - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < len; i += 4) {
		unsigned v = 0;

		for (size_t k = 0; k < 4; k++) {
			int digit = i + k < len - padding ? base64_value(text[i + k]) : 0;

			if (digit < 0)
				return SIZE_MAX;
			v = v << 6 | (unsigned)digit;
		}
		out[n++] = (unsigned char)(v >> 16);
		out[n++] = (unsigned char)(v >> 8);
		out[n++] = (unsigned char)v;
	}
	return n - padding;
}

bool
crypto_base64url_decode(struct arena *a, const char *text, unsigned char **out, size_t *out_len)
{
	size_t len = strlen(text), n = 0;
	unsigned char *bytes;
	unsigned v = 0;

	if (len % 4 == 1)
		return false;
	bytes = arena_alloc(a, len / 4 * 3 + 3);
	for (size_t i = 0; i < len; i++) {
		int digit = base64url_value(text[i]);

		if (digit < 0)
			return false;
		v = v << 6 | (unsigned)digit;
		if (i % 4 != 0)
			bytes[n++] = (unsigned char)(v >> (6 - 2 * (i % 4)));
	}
	/* the bits that encode nothing must be zero: one text per value */
	if ((len % 4 == 2 && (v & 15) != 0) || (len % 4 == 3 && (v & 3) != 0))
		return false;
	*out = bytes;
	*out_len = n;
	return true;
}

/* ---- sealing --------------------------------------------------------- */

unsigned char *
crypto_seal(struct arena *a, const unsigned char key[AES_KEY_BYTES], const void *data, size_t len, size_t *out_len)
{
	unsigned char *sealed = arena_alloc(a, NONCE_BYTES + len + TAG_BYTES);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, rest = 0;

	crypto_random(sealed, NONCE_BYTES);
	if (ctx == NULL || len > INT32_MAX || EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, sealed) != 1 ||
	    EVP_EncryptUpdate(ctx, sealed + NONCE_BYTES, &n, data, (int)len) != 1 ||
	    EVP_EncryptFinal_ex(ctx, sealed + NONCE_BYTES + n, &rest) != 1 || (size_t)n != len ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, sealed + NONCE_BYTES + len) != 1)
		die("AES-256-GCM");
	EVP_CIPHER_CTX_free(ctx);
	*out_len = NONCE_BYTES + len + TAG_BYTES;
	return sealed;
}

bool
crypto_open(struct arena *a, const unsigned char key[AES_KEY_BYTES], const void *sealed, size_t len, char **out,
    size_t *out_len)
{
	const unsigned char *in = sealed;
	size_t data_len = len - NONCE_BYTES - TAG_BYTES;
	EVP_CIPHER_CTX *ctx;
	unsigned char tag[TAG_BYTES];
	char *data;
	int n = 0, rest = 0;
	bool ok;

	if (len < NONCE_BYTES + TAG_BYTES || len > INT32_MAX)
		return false;
	data = arena_alloc(a, data_len + 1);
	memcpy(tag, in + NONCE_BYTES + data_len, TAG_BYTES);
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx != NULL && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, in) == 1 &&
	    EVP_DecryptUpdate(ctx, (unsigned char *)data, &n, in + NONCE_BYTES, (int)data_len) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1 &&
	    EVP_DecryptFinal_ex(ctx, (unsigned char *)data + n, &rest) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!ok) {
		OPENSSL_cleanse(data, data_len); /* unauthenticated plaintext helps nobody */
		return false;
	}
	*out = data;
	*out_len = data_len;
	return true;
}

/* ---- passwords ------------------------------------------------------- */

char *
password_hash(struct arena *a, const char *password)
{
	size_t len = argon2_encodedlen(
	    ARGON_PASSES, ARGON_MEMORY_KIB, ARGON_LANES, ARGON_SALT_BYTES, ARGON_HASH_BYTES, Argon2_id);
	unsigned char salt[ARGON_SALT_BYTES];
	char *encoded = arena_alloc(a, len);

	crypto_random(salt, sizeof(salt));
	if (argon2id_hash_encoded(ARGON_PASSES, ARGON_MEMORY_KIB, ARGON_LANES, password, strlen(password), salt,
		sizeof(salt), ARGON_HASH_BYTES, encoded, len) != ARGON2_OK)
		die("Argon2id");
	return encoded;
}

static bool
argon_matches(const char *password, const char *hash)
{
	int rc = argon2id_verify(hash, password, strlen(password));

	if (rc == ARGON2_MEMORY_ALLOCATION_ERROR)
		die("Argon2id"); /* as everywhere: no memory is no reason to call a password wrong */
	return rc == ARGON2_OK;
}

static bool
is_bcrypt(const char *hash)
{
	int cost;

	if (strlen(hash) != 60 || hash[0] != '$' || hash[1] != '2' || strchr("aby", hash[2]) == NULL ||
	    hash[3] != '$' || hash[6] != '$')
		return false;
	cost = (hash[4] - '0') * 10 + hash[5] - '0';
	return cost >= 4 && cost <= BCRYPT_COST_MAX;
}

static bool
bcrypt_matches(const char *password, const char *hash)
{
	struct crypt_data *work = calloc(1, sizeof(*work));
	const char *again;
	bool same;

	if (work == NULL)
		die("bcrypt");
	again = crypt_r(password, hash, work);
	same = again != NULL && strlen(again) == strlen(hash) && crypto_equal(again, hash, strlen(hash));
	OPENSSL_cleanse(work, sizeof(*work));
	free(work);
	return same;
}

bool
password_verify(const char *password, const char *hash, bool *needs_rehash)
{
	*needs_rehash = false;
	if (hash != NULL && is_bcrypt(hash)) {
		*needs_rehash = true;
		return bcrypt_matches(password, hash);
	}
	if (hash == NULL || strncmp(hash, "$argon2id$", strlen("$argon2id$")) != 0) {
		argon_matches(password, dummy_hash);
		return false;
	}
	*needs_rehash = strncmp(hash, ARGON_PREFIX, strlen(ARGON_PREFIX)) != 0;
	return argon_matches(password, hash);
}

bool
password_hash_known(const char *hash)
{
	return is_bcrypt(hash) ||
	    (strncmp(hash, "$argon2id$v=19$", strlen("$argon2id$v=19$")) == 0 && strlen(hash) < 256);
}
