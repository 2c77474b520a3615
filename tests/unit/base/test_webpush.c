/* Web push: the examples of RFC 8291 (section 5, appendix A) and RFC 8292 (section 2.4), and what is refused. */
#include "base/webpush.h"

#include <string.h>

#include "base/crypto.h"
#include "tap.h"

static struct arena *arena;

static int
set_up(void)
{
	arena = arena_new(4096, 16 << 20);
	return 0;
}

static int
tear_down(void)
{
	arena_free(arena);
	return 0;
}

static void
decode(const char *text, unsigned char *out, size_t len)
{
	unsigned char *bytes;
	size_t n = 0;

	CU_ASSERT_TRUE_FATAL(crypto_base64url_decode(arena, text, &bytes, &n));
	CU_ASSERT_EQUAL_FATAL(n, len);
	memcpy(out, bytes, len);
}

static const char ua_public[] =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
		  ua_private[] = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
		  as_public[] =
		      "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
		  as_private[] = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
		  text[] = "When I grow up, I want to be a watermelon";

static struct p256_key
key_of(const char *secret, const char *public)
{
	struct p256_key key;

	decode(secret, key.secret, sizeof(key.secret));
	decode(public, key.public, sizeof(key.public));
	return key;
}

static struct webpush_browser
browser(void)
{
	struct webpush_browser to;

	decode(ua_public, to.p256dh, sizeof(to.p256dh));
	decode("BTBZMqHH6r4Tts7J_aSIgg", to.auth, sizeof(to.auth));
	return to;
}

static void
test_agree(void)
{
	struct p256_key as = key_of(as_private, as_public), ua = key_of(ua_private, ua_public), new, other;
	unsigned char a[32], b[32];

	CU_ASSERT_TRUE(p256_agree(&as, ua.public, a));
	CU_ASSERT_TRUE(p256_agree(&ua, as.public, b));
	CU_ASSERT_EQUAL(memcmp(a, b, 32), 0);
	CU_ASSERT_STRING_EQUAL(crypto_base64url(arena, a, 32), "kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
	for (int i = 0; i < 300; i++) { /* numbers that begin with a zero byte, too */
		p256_make(&new);
		p256_make(&other);
		CU_ASSERT_TRUE(p256_is_point(new.public));
		CU_ASSERT_TRUE(p256_agree(&new, other.public, a) && p256_agree(&other, new.public, b));
		CU_ASSERT_EQUAL(memcmp(a, b, 32), 0);
	}
}

static void
test_no_point(void)
{
	struct p256_key key;
	unsigned char out[32], bad[P256_PUBLIC_BYTES];

	p256_make(&key);
	memcpy(bad, key.public, sizeof(bad));
	bad[64] ^= 1; /* beside the curve */
	CU_ASSERT_FALSE(p256_is_point(bad));
	CU_ASSERT_FALSE(p256_agree(&key, bad, out));
	memset(bad, 0, sizeof(bad)); /* the point at infinity */
	CU_ASSERT_FALSE(p256_is_point(bad));
	CU_ASSERT_FALSE(p256_agree(&key, bad, out));
	memcpy(bad, key.public, sizeof(bad));
	bad[0] = 6; /* hybrid: not what the RFC wants */
	CU_ASSERT_FALSE(p256_is_point(bad));
}

static void
test_encrypt(void)
{
	struct p256_key once = key_of(as_private, as_public);
	struct webpush_browser to = browser();
	unsigned char salt[WEBPUSH_SALT_BYTES], *out;
	size_t len = 0;

	decode("DGv6ra1nlYgDCS1FRnbzlw", salt, sizeof(salt));
	out = webpush_encrypt_with(arena, &to, &once, salt, text, strlen(text), &len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT_STRING_EQUAL(crypto_base64url(arena, out, len),
	    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w"
	    "EqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN");
}

static void
test_encrypt_anew(void)
{
	static char big[WEBPUSH_TEXT_MAX + 1];
	struct webpush_browser to = browser();
	size_t a_len = 0, b_len = 0;
	unsigned char *a = webpush_encrypt(arena, &to, text, strlen(text), &a_len),
		      *b = webpush_encrypt(arena, &to, text, strlen(text), &b_len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT_EQUAL(a_len, b_len);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, 16), 0);	    /* another salt */
	CU_ASSERT_NOT_EQUAL(memcmp(a + 21, b + 21, 65), 0); /* and another key */
	CU_ASSERT_PTR_NOT_NULL(webpush_encrypt(arena, &to, big, WEBPUSH_TEXT_MAX, &a_len));
	CU_ASSERT_TRUE(a_len <= 4096);
	CU_ASSERT_PTR_NULL(webpush_encrypt(arena, &to, big, WEBPUSH_TEXT_MAX + 1, &a_len));
	to.p256dh[5] ^= 1;
	CU_ASSERT_PTR_NULL(webpush_encrypt(arena, &to, text, strlen(text), &a_len));
}

static bool
holds(const char *token, const unsigned char public[P256_PUBLIC_BYTES])
{
	const char *dot = strrchr(token, '.');
	unsigned char signature[P256_SIGNATURE_BYTES];

	decode(dot + 1, signature, sizeof(signature));
	return crypto_es256_holds((struct crypto_number){ public + 1, 32 }, (struct crypto_number){ public + 33, 32 },
	    token, (size_t)(dot - token), signature, sizeof(signature));
}

/* The header and claims of RFC 8292's example, byte for byte; its signature holds, and so does ours. */
static void
test_vapid(void)
{
	static const char claims[] =
	    "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI"
	    "6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.";
	unsigned char theirs[P256_PUBLIC_BYTES];
	struct p256_key key;
	char *header, *comma;

	decode("BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs", theirs, 65);
	CU_ASSERT_TRUE(
	    holds(arena_printf(arena, "%s%s", claims,
		      "i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA"),
		theirs));
	p256_make(&key);
	header = webpush_vapid(arena, &key, "https://push.example.net/p/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
	    "mailto:push@example.com", 1453523768);
	CU_ASSERT_PTR_NOT_NULL_FATAL(header);
	CU_ASSERT_EQUAL_FATAL(strncmp(header, "vapid t=", 8), 0);
	CU_ASSERT_EQUAL(strncmp(header + 8, claims, strlen(claims)), 0);
	comma = strchr(header, ',');
	CU_ASSERT_PTR_NOT_NULL_FATAL(comma);
	CU_ASSERT_STRING_EQUAL(comma, arena_printf(arena, ", k=%s", crypto_base64url(arena, key.public, 65)));
	*comma = '\0';
	CU_ASSERT_TRUE(holds(header + 8, key.public));
	CU_ASSERT_FALSE(holds(header + 8, theirs));
}

/* The audience is the origin alone, with its port. */
static void
test_audience(void)
{
	static const char *const endpoints[] = { "http://127.0.0.1:81", "http://127.0.0.1:81/x/y",
		"http://127.0.0.1:81?z" };
	char *wanted = crypto_base64url(arena, "{\"aud\":\"http://127.0.0.1:81\",\"exp\":1,\"sub\":\"x\"}", 47);
	struct p256_key key;

	p256_make(&key);
	for (size_t i = 0; i < 3; i++) {
		char *header = webpush_vapid(arena, &key, endpoints[i], "x", 1);

		CU_ASSERT_PTR_NOT_NULL_FATAL(header);
		CU_ASSERT_PTR_NOT_NULL(strstr(header, arena_printf(arena, ".%s.", wanted)));
	}
}

static CU_TestInfo tests[] = {
	{ "two sides agree", test_agree },
	{ "what is no point of the curve is refused", test_no_point },
	{ "the example of RFC 8291", test_encrypt },
	{ "a key and a salt of its own each time, and no more than a push service takes", test_encrypt_anew },
	{ "the example of RFC 8292", test_vapid },
	{ "it is for the origin of the push service", test_audience },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "webpush", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
