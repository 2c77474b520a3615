/*
 * API keys that were looked up lately, so that a call through one costs no query:
 * each with the version of the keys it was read at (core/versions.h), at which
 * alone it is true.  Only keys that were accepted are kept, none that is bound to
 * addresses.  Any thread.
 */
#ifndef WEIR_ACCOUNT_KEY_CACHE_H
#define WEIR_ACCOUNT_KEY_CACHE_H

#include "base/crypto.h"
#include "core/context.h"
#include "core/process.h"

struct key_cache;

/* What is kept of a key. */
struct key_kept {
	const char *user_id, *key_id, *group;
	const struct key_limits *limits;
	int64_t expires_ms; /* wall clock; 0: never */
};

struct key_cache *key_cache_new(void);
/* NULL is fine. */
void key_cache_free(struct key_cache *c);
/* The key with this hash, if it is true now; it lives as long as `a`.  NULL: look it up. */
const struct key_kept *key_cache_find(
    struct key_cache *c, const unsigned char hash[SHA256_BYTES], const char *version, struct arena *a);
/* Keep what was read at that version; copied. */
void key_cache_put(
    struct key_cache *c, const unsigned char hash[SHA256_BYTES], const char *version, const struct key_kept *key);

#endif
