/* Random, hashes, base64url, sealing, passwords. */
#include "base/crypto.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

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
test_random_differs(void)
{
	unsigned char a[16], b[16], big[4096], zero[16] = { 0 };

	for (int i = 0; i < 200; i++) { /* through several fills of the pool */
		crypto_random(a, sizeof(a));
		crypto_random(b, sizeof(b));
		CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof(a)), 0);
		CU_ASSERT_NOT_EQUAL(memcmp(a, zero, sizeof(a)), 0);
	}
	memset(big, 0, sizeof(big));
	crypto_random(big, sizeof(big)); /* past the pool */
	CU_ASSERT_NOT_EQUAL(memcmp(big + sizeof(big) - 16, zero, 16), 0);
}

static void
test_random_differs_after_fork(void)
{
	unsigned char mine[32], childs[32] = { 0 };
	int ends[2], state = -1;
	pid_t pid;

	crypto_random(mine, 1); /* the pool is filled before the fork */
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		crypto_random(childs, sizeof(childs));
		_exit(write(ends[1], childs, sizeof(childs)) == (ssize_t)sizeof(childs) ? 0 : 1);
	}
	CU_ASSERT_EQUAL(read(ends[0], childs, sizeof(childs)), (ssize_t)sizeof(childs));
	waitpid(pid, &state, 0);
	crypto_random(mine, sizeof(mine));
	CU_ASSERT_EQUAL(state, 0);
	CU_ASSERT_NOT_EQUAL(memcmp(mine, childs, sizeof(mine)), 0);
	close(ends[0]);
	close(ends[1]);
}

static void
test_sha256_and_hex(void)
{
	unsigned char digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];

	crypto_sha256("abc", 3, digest); /* FIPS 180-2 B.1 */
	crypto_hex(digest, sizeof(digest), hex);
	CU_ASSERT_STRING_EQUAL(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	CU_ASSERT_TRUE(crypto_equal("abc", "abc", 3));
	CU_ASSERT_FALSE(crypto_equal("abc", "abd", 3));
	CU_ASSERT_TRUE(crypto_equal("abc", "abd", 2));
}

static void
test_base64_decode(void)
{
	static const char *const wrong[] = { "A", "AAA", "AA-A", "AA A", "=AAA", "A===", "AA=A", "AAA\n" };
	unsigned char bytes[64], out[64];
	char text[CRYPTO_BASE64_LEN(64)];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 37 + 200);
	for (size_t n = 0; n < sizeof(bytes); n++) {
		crypto_base64(bytes, n, text);
		CU_ASSERT_EQUAL(crypto_base64_decode(text, strlen(text), out), n);
		CU_ASSERT_EQUAL(memcmp(out, bytes, n), 0);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CU_ASSERT_EQUAL(crypto_base64_decode(wrong[i], strlen(wrong[i]), out), SIZE_MAX);
}

static void
test_base64url(void)
{
	static const struct {
		const char *plain, *text;
	} pairs[] = {
		/* RFC 4648 10, unpadded; and the two characters that differ from base64 */
		{ "", "" },
		{ "f", "Zg" },
		{ "fo", "Zm8" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xbf", "-_-_" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		unsigned char *out = NULL;
		size_t len = 99;

		CU_ASSERT_STRING_EQUAL(crypto_base64url(arena, pairs[i].plain, strlen(pairs[i].plain)), pairs[i].text);
		CU_ASSERT_TRUE_FATAL(crypto_base64url_decode(arena, pairs[i].text, &out, &len));
		CU_ASSERT_EQUAL(len, strlen(pairs[i].plain));
		CU_ASSERT_EQUAL(memcmp(out, pairs[i].plain, len), 0);
	}
}

static void
test_base64url_all_lengths(void)
{
	unsigned char bytes[100], *out;
	size_t len;

	crypto_random(bytes, sizeof(bytes));
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		const char *text = crypto_base64url(arena, bytes, n);

		CU_ASSERT_EQUAL(strlen(text), (n * 4 + 2) / 3);
		CU_ASSERT_TRUE_FATAL(crypto_base64url_decode(arena, text, &out, &len));
		CU_ASSERT_TRUE(len == n && memcmp(out, bytes, n) == 0);
	}
}

static void
test_base64url_refuses(void)
{
	static const char *const wrong[] = {
		"Z",
		"Zm9vY",
		"Zg==",
		"Zm+v",
		"Zm/v",
		"Zm v",
		"Zm9\n",
		"Zh",
		"Zm9",
		"Zm9vYh",
		"\xc3\xa4zz",
		"Zm9v.",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		unsigned char *out = (unsigned char *)"kept";
		size_t len = 4;

		CU_ASSERT_FALSE(crypto_base64url_decode(arena, wrong[i], &out, &len));
		CU_ASSERT_TRUE(len == 4 && strcmp((char *)out, "kept") == 0);
	}
}

static void
test_seal_and_open(void)
{
	unsigned char key[AES_KEY_BYTES], other[AES_KEY_BYTES], *sealed, *again;
	const char secret[] = "sk-provider-key";
	size_t len, again_len, open_len = 0;
	char *open = NULL;

	crypto_random(key, sizeof(key));
	crypto_random(other, sizeof(other));
	sealed = crypto_seal(arena, key, secret, strlen(secret), &len);
	again = crypto_seal(arena, key, secret, strlen(secret), &again_len);
	CU_ASSERT_EQUAL(len, 12 + strlen(secret) + 16);
	CU_ASSERT_TRUE(again_len == len && memcmp(sealed, again, len) != 0); /* another nonce each time */
	CU_ASSERT_PTR_NULL(memmem(sealed, len, secret, strlen(secret)));
	CU_ASSERT_TRUE_FATAL(crypto_open(arena, key, sealed, len, &open, &open_len));
	CU_ASSERT_EQUAL(open_len, strlen(secret));
	CU_ASSERT_STRING_EQUAL(open, secret);

	open = NULL;
	CU_ASSERT_FALSE(crypto_open(arena, other, sealed, len, &open, &open_len));
	for (size_t i = 0; i < len; i++) { /* nonce, data and tag: no bit may change */
		sealed[i] ^= 1;
		CU_ASSERT_FALSE(crypto_open(arena, key, sealed, len, &open, &open_len));
		sealed[i] ^= 1;
	}
	CU_ASSERT_FALSE(crypto_open(arena, key, sealed, len - 1, &open, &open_len));
	CU_ASSERT_FALSE(crypto_open(arena, key, sealed, 27, &open, &open_len));
	CU_ASSERT_FALSE(crypto_open(arena, key, sealed, 0, &open, &open_len));
	CU_ASSERT_PTR_NULL(open);
}

static void
test_seal_nothing(void)
{
	unsigned char key[AES_KEY_BYTES] = { 7 }, *sealed;
	size_t len, open_len = 9;
	char *open = NULL;

	sealed = crypto_seal(arena, key, "", 0, &len);
	CU_ASSERT_TRUE_FATAL(crypto_open(arena, key, sealed, len, &open, &open_len));
	CU_ASSERT_EQUAL(open_len, 0);
	CU_ASSERT_STRING_EQUAL(open, "");
}

static void
test_password(void)
{
	char *hash = password_hash(arena, "correct horse"), *again = password_hash(arena, "correct horse");
	bool rehash = true;

	CU_ASSERT_EQUAL(strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
	CU_ASSERT_STRING_NOT_EQUAL(hash, again); /* salted */
	CU_ASSERT_TRUE(password_hash_known(hash));
	CU_ASSERT_FALSE(password_hash_known("$1$salt$qJH7.N4xYta3aEG/dfqo/0"));
	CU_ASSERT_TRUE(password_verify("correct horse", hash, &rehash));
	CU_ASSERT_FALSE(rehash);
	CU_ASSERT_FALSE(password_verify("correct hors", hash, &rehash));
	CU_ASSERT_FALSE(password_verify("", hash, &rehash));
}

static void
test_password_long_is_kept_whole(void)
{
	char password[513], other[513];
	bool rehash;
	char *hash;

	memset(password, 'x', 512);
	password[512] = '\0';
	memcpy(other, password, sizeof(other));
	other[511] = 'y';
	hash = password_hash(arena, password);
	CU_ASSERT_TRUE(password_verify(password, hash, &rehash));
	CU_ASSERT_FALSE(password_verify(other, hash, &rehash));
}

static void
test_password_bcrypt(void)
{
	/* crypt_blowfish's own test vectors (Openwall, wrapper.c) */
	static const char *const hashes[] = {
		"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	};

	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		bool rehash = false;

		CU_ASSERT_TRUE(password_verify("U*U", hashes[i], &rehash));
		CU_ASSERT_TRUE(rehash);
		CU_ASSERT_TRUE(password_hash_known(hashes[i]));
		CU_ASSERT_FALSE(password_verify("U*V", hashes[i], &rehash));
	}
}

static void
test_password_other_kinds_never_match(void)
{
	static const char *const hashes[] = {
		"",
		"*",
		"*0",
		"!",
		"plain",
		"$1$salt$qJH7.N4xYta3aEG/dfqo/0",
		"$argon2i$v=19$m=16,t=2,p=1$c2FsdHNhbHQ$AAAA",
		"$argon2id$",
		"$argon2id$v=19$m=19456,t=2,p=1$broken",
		"$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", /* would take a day */
		"$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
	};
	bool rehash;

	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		CU_ASSERT_FALSE(password_verify("plain", hashes[i], &rehash));
		CU_ASSERT_FALSE(password_verify("U*U", hashes[i], &rehash));
	}
}

static void
test_password_weaker_argon_wants_rehash(void)
{
	/* argon2 -id -m 12 -t 1 -p 1, "password", salt "somesalt" */
	const char *weak = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$x";
	bool rehash = false;

	CU_ASSERT_FALSE(password_verify("password", weak, &rehash)); /* damaged: no match, no crash */
	CU_ASSERT_TRUE(rehash);
}

/* Processor time: what others run on this machine does not count. */
static int64_t
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Medians, and a wide margin: the point is that no branch skips the work. */
static void
test_password_unknown_user_takes_as_long(void)
{
	char *hash = password_hash(arena, "somebody's password");
	int64_t known_us[9], dummy_us[9], at;
	bool rehash;

	for (int i = 0; i < 9; i++) {
		at = cpu_us();
		CU_ASSERT_FALSE(password_verify("wrong", hash, &rehash));
		known_us[i] = cpu_us() - at;
		at = cpu_us();
		CU_ASSERT_FALSE(password_verify("wrong", NULL, &rehash));
		dummy_us[i] = cpu_us() - at;
	}
	for (int i = 0; i < 9; i++) /* the least of nine is the work itself, free of interruptions */
		for (int k = 0; k < 9; k++) {
			known_us[0] = known_us[k] < known_us[0] ? known_us[k] : known_us[0];
			dummy_us[0] = dummy_us[k] < dummy_us[0] ? dummy_us[k] : dummy_us[0];
		}
	CU_ASSERT_TRUE(dummy_us[0] > known_us[0] / 2 && dummy_us[0] < known_us[0] * 2);
}

/* RFC 4648 10, and the two characters that differ from base64url. */
static void
test_base64(void)
{
	static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foobar", "Zm9vYmFy" }, { "\xfb\xff\xfe", "+//+" } };
	char out[CRYPTO_BASE64_LEN(6)];

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		crypto_base64(pairs[i][0], strlen(pairs[i][0]), out);
		CU_ASSERT_STRING_EQUAL(out, pairs[i][1]);
		CU_ASSERT_EQUAL(strlen(out) + 1, CRYPTO_BASE64_LEN(strlen(pairs[i][0])));
	}
}

static void
test_sha256_in_pieces(void)
{
	unsigned char whole[SHA256_BYTES], pieces[SHA256_BYTES];
	struct crypto_sha256 *h = crypto_sha256_new();

	crypto_sha256("one two three", 13, whole);
	crypto_sha256_add(h, "one ", 4);
	crypto_sha256_add(h, "", 0);
	crypto_sha256_add(h, "two three", 9);
	crypto_sha256_end(h, pieces);
	CU_ASSERT(memcmp(whole, pieces, SHA256_BYTES) == 0);
}

static void
test_hmac(void)
{
	unsigned char mac[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];

	crypto_hmac("Jefe", 4, "what do ya want for nothing?", 28, mac); /* RFC 4231 4.3 */
	crypto_hex(mac, sizeof(mac), hex);
	CU_ASSERT_STRING_EQUAL(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static CU_TestInfo tests[] = {
	{ "random bytes differ", test_random_differs },
	{ "random bytes differ after fork", test_random_differs_after_fork },
	{ "SHA-256, hex, comparison", test_sha256_and_hex },
	{ "HMAC-SHA-256", test_hmac },
	{ "SHA-256 in pieces", test_sha256_in_pieces },
	{ "base64 vectors", test_base64 },
	{ "base64 decoded, and foreign text refused", test_base64_decode },
	{ "base64url vectors", test_base64url },
	{ "base64url of every length", test_base64url_all_lengths },
	{ "base64url refuses foreign text", test_base64url_refuses },
	{ "what is sealed opens, untouched and with its key only", test_seal_and_open },
	{ "nothing can be sealed too", test_seal_nothing },
	{ "passwords match their hash only", test_password },
	{ "all of a long password counts", test_password_long_is_kept_whole },
	{ "bcrypt imports match and want a new hash", test_password_bcrypt },
	{ "other hashes match nothing", test_password_other_kinds_never_match },
	{ "a hash with other costs wants a new one", test_password_weaker_argon_wants_rehash },
	{ "an unknown user takes as long", test_password_unknown_user_takes_as_long },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "crypto", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
