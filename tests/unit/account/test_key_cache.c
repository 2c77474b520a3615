/* account/key_cache: true at one version only, dropped while it is used, never past its end. */
#include <stdio.h>
#include <string.h>

#include "account/key_cache.h"
#include "base/clock.h"
#include "tap.h"

static void
hash_of(int i, unsigned char out[SHA256_BYTES])
{
	crypto_sha256(&i, sizeof(i), out);
}

static void
put(struct key_cache *c, int i, const char *version, int64_t expires_ms)
{
	unsigned char hash[SHA256_BYTES];
	json_t *models = json_pack("[s]", "m");
	struct key_limits limits = { .shared_id = "shared", .models = models, .rpm = i };
	char id[16];

	snprintf(id, sizeof(id), "key-%d", i);
	hash_of(i, hash);
	key_cache_put(c, hash, version,
	    &(struct key_kept){ .user_id = "user", .key_id = id, .limits = &limits, .expires_ms = expires_ms });
	json_decref(models);
}

static const struct key_kept *
find(struct key_cache *c, int i, const char *version, struct arena *a)
{
	unsigned char hash[SHA256_BYTES];

	hash_of(i, hash);
	return key_cache_find(c, hash, version, a);
}

static void
test_versions(void)
{
	struct key_cache *c = key_cache_new();
	struct arena *a = arena_new(1024, 65536);
	const struct key_kept *kept;

	CU_ASSERT_PTR_NULL(find(c, 1, "7", a));
	put(c, 1, "7", 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(kept = find(c, 1, "7", a));
	CU_ASSERT_PTR_NULL(find(c, 1, "8", a));
	CU_ASSERT_PTR_NULL(find(c, 2, "7", a));
	put(c, 1, "8", 0); /* in its place, while the other is used */
	CU_ASSERT_PTR_NULL(find(c, 1, "7", a));
	CU_ASSERT_PTR_NOT_NULL(find(c, 1, "8", a));
	CU_ASSERT_STRING_EQUAL(kept->key_id, "key-1");
	CU_ASSERT_STRING_EQUAL(kept->limits->shared_id, "shared");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(kept->limits->models, 0)), "m");
	CU_ASSERT_PTR_NULL(kept->limits->scopes);
	key_cache_free(c);
	CU_ASSERT_STRING_EQUAL(kept->user_id, "user");
	arena_free(a);
}

static void
test_ends(void)
{
	struct key_cache *c = key_cache_new();
	struct arena *a = arena_new(1024, 65536);

	put(c, 1, "7", clock_wall_ms() + 60000);
	put(c, 2, "7", clock_wall_ms() - 1);
	CU_ASSERT_PTR_NOT_NULL(find(c, 1, "7", a));
	CU_ASSERT_PTR_NULL(find(c, 2, "7", a));
	CU_ASSERT_PTR_NULL(find(NULL, 1, "7", a));
	key_cache_free(c);
	key_cache_free(NULL);
	arena_free(a);
}

static void
test_many(void)
{
	struct key_cache *c = key_cache_new();
	struct arena *a = arena_new(1024, 65536);

	for (int i = 0; i < 40000; i++)
		put(c, i, "7", 0);
	CU_ASSERT_PTR_NOT_NULL(find(c, 39999, "7", a));
	CU_ASSERT_PTR_NULL(find(c, 1, "7", a)); /* it began anew */
	arena_free(a);
	key_cache_free(c);
}

static CU_TestInfo tests[] = {
	{ "true at its version", test_versions },
	{ "not past its end", test_ends },
	{ "bounded", test_many },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "key_cache", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
