/* Access tokens: ours hold, everything else does not. */
#include "account/jwt.h"

#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "tap.h"

#define USER "01890f5e-7b1c-7cc3-98c4-dc0c0c07398f"
#define SESSION "01890f5e-7b1c-7cc3-98c4-dc0c0c073990"
#define KEY1 "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI"
#define KEY2 "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"

static struct arena *arena;
static struct conf conf;
static unsigned char key1[32];

static int
set_up(void)
{
	arena = arena_new(4096, 16 << 20);
	memset(key1, 2, sizeof(key1));
	conf = (struct conf){
		.auth_jwt_keys = "k1:" KEY1, .auth_issuer = "weir", .auth_audience = "weir", .auth_access_ttl = 900000
	};
	return 0;
}

static int
tear_down(void)
{
	arena_free(arena);
	return 0;
}

static char *
part(const char *text)
{
	return crypto_base64url(arena, text, strlen(text));
}

/* header.payload signed with `key` by `md`. */
static char *
forge(const char *header, const char *payload, const void *key, size_t key_len, const EVP_MD *md)
{
	char *body = arena_printf(arena, "%s.%s", part(header), part(payload));
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	HMAC(md, key, (int)key_len, (const unsigned char *)body, strlen(body), mac, &len);
	return arena_printf(arena, "%s.%s", body, crypto_base64url(arena, mac, len));
}

#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}"

static char *
payload(int64_t nbf, int64_t exp, const char *more)
{
	int64_t now = clock_wall_s();

	return arena_printf(arena,
	    "{\"iss\":\"weir\",\"sub\":\"" USER "\",\"sid\":\"" SESSION "\",\"nbf\":%lld,\"exp\":%lld%s}",
	    (long long)(now + nbf), (long long)(now + exp), more);
}

#define AUD ",\"aud\":\"weir\""

static const char *
refused(const char *token)
{
	struct jwt_claims claims = { .expires_s = 42 };
	const char *why = NULL;

	if (access_token_check(arena, &conf, token, &claims, &why) == OK)
		return "accepted";
	CU_ASSERT_EQUAL(claims.expires_s, 42);
	CU_ASSERT_PTR_NOT_NULL_FATAL(why);
	return why;
}

static void
test_round_trip(void)
{
	struct jwt_claims claims;
	const char *why;
	char *token;

	CU_ASSERT_EQUAL_FATAL(access_token_issue(arena, &conf, USER, SESSION, &token), OK);
	CU_ASSERT_TRUE(strlen(token) < 600);
	CU_ASSERT_EQUAL_FATAL(access_token_check(arena, &conf, token, &claims, &why), OK);
	CU_ASSERT_STRING_EQUAL(claims.user_id, USER);
	CU_ASSERT_STRING_EQUAL(claims.session_id, SESSION);
	CU_ASSERT_TRUE(llabs(claims.expires_s - clock_wall_s() - 900) <= 1);
}

static void
test_forged_by_hand_holds(void) /* the forging tool works: what follows fails for its own reason */
{
	CU_ASSERT_STRING_EQUAL(refused(forge(HEADER, payload(0, 60, AUD), key1, 32, EVP_sha256())), "accepted");
}

static void
test_times(void)
{
	CU_ASSERT_STRING_EQUAL(refused(forge(HEADER, payload(-99, -1, AUD), key1, 32, EVP_sha256())), "expired");
	CU_ASSERT_STRING_EQUAL(refused(forge(HEADER, payload(-99, 0, AUD), key1, 32, EVP_sha256())), "expired");
	CU_ASSERT_STRING_EQUAL(refused(forge(HEADER, payload(50, 99, AUD), key1, 32, EVP_sha256())), "accepted");
	CU_ASSERT_STRING_EQUAL(refused(forge(HEADER, payload(70, 99, AUD), key1, 32, EVP_sha256())), "not valid yet");
	CU_ASSERT_STRING_EQUAL(
	    refused(forge(HEADER, "{\"iss\":\"weir\",\"aud\":\"weir\",\"sub\":\"" USER "\",\"sid\":\"" SESSION "\"}",
		key1, 32, EVP_sha256())),
	    "exp or nbf missing");
	CU_ASSERT_STRING_EQUAL(refused(forge(HEADER,
				   "{\"iss\":\"weir\",\"aud\":\"weir\",\"sub\":\"" USER "\",\"sid\":\"" SESSION
				   "\",\"nbf\":1,\"exp\":\"9999999999\"}",
				   key1, 32, EVP_sha256())),
	    "exp or nbf missing");
	CU_ASSERT_STRING_EQUAL(
	    refused(forge(HEADER,
		"{\"iss\":\"weir\",\"aud\":\"weir\",\"sub\":\"" USER "\",\"sid\":\"" SESSION "\",\"exp\":9999999999}",
		key1, 32, EVP_sha256())),
	    "exp or nbf missing");
}

static void
test_claims(void)
{
	const char *p = payload(0, 60, "");

	CU_ASSERT_STRING_EQUAL(refused(forge(HEADER, p, key1, 32, EVP_sha256())), "wrong audience");
	CU_ASSERT_STRING_EQUAL(
	    refused(forge(HEADER, payload(0, 60, ",\"aud\":\"other\""), key1, 32, EVP_sha256())), "wrong audience");
	CU_ASSERT_STRING_EQUAL(
	    refused(forge(HEADER, payload(0, 60, ",\"aud\":[\"weir\"]"), key1, 32, EVP_sha256())), "wrong audience");
	conf.auth_issuer = "other";
	CU_ASSERT_STRING_EQUAL(refused(forge(HEADER, payload(0, 60, AUD), key1, 32, EVP_sha256())), "wrong issuer");
	conf.auth_issuer = "weir";
	CU_ASSERT_STRING_EQUAL(refused(forge(HEADER,
				   "{\"iss\":\"weir\",\"aud\":\"weir\",\"sub\":\"1' OR '1'='1\",\"sid\":\"" SESSION
				   "\",\"nbf\":1,\"exp\":9999999999}",
				   key1, 32, EVP_sha256())),
	    "no user or session");
	CU_ASSERT_STRING_EQUAL(
	    refused(forge(HEADER,
		"{\"iss\":\"weir\",\"aud\":\"weir\",\"sub\":\"" USER "\",\"sid\":\"\",\"nbf\":1,\"exp\":9999999999}",
		key1, 32, EVP_sha256())),
	    "no user or session");
}

static void
test_algorithms(void)
{
	char *p = payload(0, 60, AUD), *none;

	none = arena_printf(arena, "%s.%s.", part("{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"k1\"}"), part(p));
	CU_ASSERT_STRING_EQUAL(refused(none), "algorithm not allowed");
	none = arena_printf(arena, "%s.%s.", part("{\"alg\":\"NONE\",\"typ\":\"JWT\",\"kid\":\"k1\"}"), part(p));
	CU_ASSERT_STRING_NOT_EQUAL(refused(none), "accepted");
	CU_ASSERT_STRING_NOT_EQUAL(refused(arena_printf(arena, "%s.%s.", part(HEADER), part(p))), "accepted");
	CU_ASSERT_STRING_EQUAL(
	    refused(forge("{\"alg\":\"HS512\",\"typ\":\"JWT\",\"kid\":\"k1\"}", p, key1, 32, EVP_sha512())),
	    "algorithm not allowed");
	CU_ASSERT_STRING_EQUAL(
	    refused(forge("{\"alg\":\"HS384\",\"kid\":\"k1\"}", p, key1, 32, EVP_sha384())), "algorithm not allowed");
	/* the confusion: a public-key algorithm, the secret used as if it were the public key */
	CU_ASSERT_STRING_EQUAL(
	    refused(forge("{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}", p, key1, 32, EVP_sha256())),
	    "algorithm not allowed");
	CU_ASSERT_STRING_EQUAL(
	    refused(forge("{\"alg\":\"ES256\",\"kid\":\"k1\"}", p, key1, 32, EVP_sha256())), "algorithm not allowed");
	CU_ASSERT_STRING_NOT_EQUAL(
	    refused(forge("{\"typ\":\"JWT\",\"kid\":\"k1\"}", p, key1, 32, EVP_sha256())), "accepted");
}

static void
test_keys(void)
{
	char *p = payload(0, 60, AUD);
	unsigned char other[32] = { 9 };

	CU_ASSERT_STRING_EQUAL(refused(forge(HEADER, p, other, 32, EVP_sha256())), "signature does not hold");
	CU_ASSERT_STRING_NOT_EQUAL(refused(forge(HEADER, p, "", 0, EVP_sha256())), "accepted");
	CU_ASSERT_STRING_EQUAL(
	    refused(forge("{\"alg\":\"HS256\",\"kid\":\"k9\"}", p, key1, 32, EVP_sha256())), "unknown key");
	CU_ASSERT_STRING_EQUAL(refused(forge("{\"alg\":\"HS256\"}", p, key1, 32, EVP_sha256())), "unknown key");
	CU_ASSERT_STRING_EQUAL(
	    refused(forge("{\"alg\":\"HS256\",\"kid\":\"../k1\"}", p, key1, 32, EVP_sha256())), "unknown key");
	CU_ASSERT_STRING_EQUAL(
	    refused(forge("{\"alg\":\"HS256\",\"kid\":7}", p, key1, 32, EVP_sha256())), "unknown key");
}

static void
test_rotation(void)
{
	struct jwt_claims claims;
	const char *why;
	char *old, *new;

	CU_ASSERT_EQUAL_FATAL(access_token_issue(arena, &conf, USER, SESSION, &old), OK);
	conf.auth_jwt_keys = "k2:" KEY2 " k1:" KEY1;
	CU_ASSERT_EQUAL_FATAL(access_token_issue(arena, &conf, USER, SESSION, &new), OK);
	CU_ASSERT_EQUAL(access_token_check(arena, &conf, old, &claims, &why), OK);
	CU_ASSERT_EQUAL(access_token_check(arena, &conf, new, &claims, &why), OK);
	conf.auth_jwt_keys = "k1:" KEY1;
	CU_ASSERT_STRING_EQUAL(refused(new), "unknown key"); /* so the new key signed */
	conf.auth_jwt_keys = "k2:" KEY2;
	CU_ASSERT_STRING_EQUAL(refused(old), "unknown key");
	conf.auth_jwt_keys = "k3:tooshort k1:" KEY1; /* one that is no key is passed over */
	CU_ASSERT_EQUAL(access_token_check(arena, &conf, old, &claims, &why), OK);
	CU_ASSERT_EQUAL_FATAL(access_token_issue(arena, &conf, USER, SESSION, &new), OK);
	conf.auth_jwt_keys = "k1:" KEY1;
	CU_ASSERT_EQUAL(access_token_check(arena, &conf, new, &claims, &why), OK);
	conf.auth_jwt_keys = "k1:" KEY1;
}

static void
test_key_list(void)
{
	char *token;

	CU_ASSERT_EQUAL(access_token_keys(&conf), 1);
	conf.auth_jwt_keys = " k2:" KEY2 ",k1:" KEY1 " ";
	CU_ASSERT_EQUAL(access_token_keys(&conf), 2);
	conf.auth_jwt_keys = "";
	CU_ASSERT_EQUAL(access_token_keys(&conf), 0);
	CU_ASSERT_EQUAL(access_token_issue(arena, &conf, USER, SESSION, &token), E_UNAVAILABLE);
	static const char *const wrong[] = { "k1", ":" KEY1, "k1:short", "k1:QUFB", "k1:" KEY1 "=", "k1:" KEY1 " k2:x",
		"k23456789-123456789-123456789-123456789-123456789-123456789-12345:" KEY1 };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		conf.auth_jwt_keys = wrong[i];
		CU_ASSERT_EQUAL(access_token_keys(&conf), -1);
	}
	conf.auth_jwt_keys = "k1:" KEY1;
}

static void
test_damaged(void)
{
	char *token, *damaged, *dot;

	CU_ASSERT_EQUAL_FATAL(access_token_issue(arena, &conf, USER, SESSION, &token), OK);
	dot = strrchr(token, '.');
	for (size_t i = 0; i + 1 < strlen(token); i++) { /* the last character may hold unused bits */
		damaged = arena_strdup(arena, token);
		damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
		CU_ASSERT_STRING_NOT_EQUAL(refused(damaged), "accepted");
	}
	CU_ASSERT_STRING_NOT_EQUAL(refused(arena_strndup(arena, token, (size_t)(dot - token))), "accepted");
	CU_ASSERT_STRING_NOT_EQUAL(refused(arena_strndup(arena, token, (size_t)(dot - token) + 1)), "accepted");
	static const char *const junk[] = { "", ".", "..", "...", "a.b.c", "e30.e30.e30", "\xff\xfe.\x01.x", "Bearer",
		"eyJhbGciOiJIUzI1NiJ9..", "e30=.e30=.e30=" };

	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++)
		CU_ASSERT_STRING_NOT_EQUAL(refused(junk[i]), "accepted");
	CU_ASSERT_STRING_EQUAL(refused(arena_printf(arena, "%s.%02048d", token, 0)), "too long");
}

/* What is derived from a key: by the key, its place in the list, purpose and text. */
static void
test_macs(void)
{
	unsigned char one[SHA256_BYTES], two[SHA256_BYTES], other[SHA256_BYTES];

	CU_ASSERT_TRUE(token_key_mac(arena, &conf, 0, "refresh", "text", one));
	crypto_hmac(key1, sizeof(key1), "refresh:text", 12, two);
	CU_ASSERT(memcmp(one, two, SHA256_BYTES) == 0);
	CU_ASSERT_FALSE(token_key_mac(arena, &conf, 1, "refresh", "text", other));
	CU_ASSERT_TRUE(token_key_mac(arena, &conf, 0, "other", "text", other));
	CU_ASSERT(memcmp(one, other, SHA256_BYTES) != 0);
	conf.auth_jwt_keys = "k2:" KEY2 " k3:tooshort k1:" KEY1;
	CU_ASSERT_TRUE(token_key_mac(arena, &conf, 0, "refresh", "text", other));
	CU_ASSERT(memcmp(one, other, SHA256_BYTES) != 0);
	CU_ASSERT_TRUE(token_key_mac(arena, &conf, 1, "refresh", "text", other));
	CU_ASSERT(memcmp(one, other, SHA256_BYTES) == 0);
	CU_ASSERT_FALSE(token_key_mac(arena, &conf, 2, "refresh", "text", other));
	conf.auth_jwt_keys = "";
	CU_ASSERT_FALSE(token_key_mac(arena, &conf, 0, "refresh", "text", other));
	conf.auth_jwt_keys = "k1:" KEY1;
}

static CU_TestInfo tests[] = {
	{ "issued and checked", test_round_trip },
	{ "signed by hand with the key", test_forged_by_hand_holds },
	{ "exp and nbf", test_times },
	{ "iss, aud, sub, sid", test_claims },
	{ "none, other HMACs, public-key confusion", test_algorithms },
	{ "foreign and unknown keys", test_keys },
	{ "rotation by key id", test_rotation },
	{ "the list of keys", test_key_list },
	{ "what is derived from keys", test_macs },
	{ "damaged and junk", test_damaged },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "jwt", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
