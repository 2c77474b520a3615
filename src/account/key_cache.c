#include "account/key_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

#define BUCKETS 4096
#define KEYS_MAX 32768 /* more are more than are used within a change of any: begin anew */
#define ENTRY_ARENA_BYTES 512
#define ENTRY_ARENA_MAX_BYTES 262144

struct entry {
	struct entry *next;
	atomic_int refs;
	struct arena *arena; /* all of it */
	unsigned char hash[SHA256_BYTES];
	const char *version;
	struct key_kept key;
};

struct key_cache {
	pthread_mutex_t lock;
	struct entry *buckets[BUCKETS];
	size_t n;
};

static struct entry **
bucket_of(struct key_cache *c, const unsigned char hash[SHA256_BYTES])
{
	return &c->buckets[(hash[0] << 8 | hash[1]) % BUCKETS];
}

static void
unref(void *entry)
{
	struct entry *e = entry;

	if (atomic_fetch_sub(&e->refs, 1) == 1)
		arena_free(e->arena);
}

/* Locked. */
static void
drop(struct key_cache *c, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	c->n--;
	unref(e);
}

static struct entry **
place_of(struct key_cache *c, const unsigned char hash[SHA256_BYTES])
{
	struct entry **at = bucket_of(c, hash);

	while (*at != NULL && memcmp((*at)->hash, hash, SHA256_BYTES) != 0)
		at = &(*at)->next;
	return at;
}

struct key_cache *
key_cache_new(void)
{
	struct key_cache *c = xcalloc(1, sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	return c;
}

/* Locked. */
static void
drop_all(struct key_cache *c)
{
	for (size_t i = 0; i < BUCKETS; i++)
		while (c->buckets[i] != NULL)
			drop(c, &c->buckets[i]);
}

void
key_cache_free(struct key_cache *c)
{
	if (c == NULL)
		return;
	drop_all(c);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

const struct key_kept *
key_cache_find(struct key_cache *c, const unsigned char hash[SHA256_BYTES], const char *version, struct arena *a)
{
	const struct key_kept *found = NULL;
	struct entry *e;

	if (c == NULL)
		return NULL;
	pthread_mutex_lock(&c->lock);
	e = *place_of(c, hash);
	if (e != NULL && strcmp(e->version, version) == 0 &&
	    (e->key.expires_ms == 0 || clock_wall_ms() < e->key.expires_ms)) {
		atomic_fetch_add(&e->refs, 1);
		found = &e->key;
	}
	pthread_mutex_unlock(&c->lock);
	if (found != NULL)
		arena_cleanup(a, unref, e);
	return found;
}

/* A copy that no thread ever changes. */
static const json_t *
copy_names(struct arena *a, const json_t *names)
{
	return names == NULL ? NULL : json_own(a, json_deep_copy(names));
}

static struct entry *
make(const unsigned char hash[SHA256_BYTES], const char *version, const struct key_kept *key)
{
	struct arena *a = arena_new(ENTRY_ARENA_BYTES, ENTRY_ARENA_MAX_BYTES);
	struct key_limits *limits = ARENA_NEW(a, struct key_limits);
	struct entry *e = ARENA_NEW(a, struct entry);

	*limits = *key->limits;
	limits->shared_id = arena_strdup(a, key->limits->shared_id);
	limits->models = copy_names(a, key->limits->models);
	limits->scopes = copy_names(a, key->limits->scopes);
	atomic_init(&e->refs, 1);
	e->arena = a;
	e->version = arena_strdup(a, version);
	e->key = (struct key_kept){ .user_id = arena_strdup(a, key->user_id),
		.key_id = arena_strdup(a, key->key_id),
		.group = arena_strdup(a, key->group),
		.limits = limits,
		.expires_ms = key->expires_ms };
	memcpy(e->hash, hash, SHA256_BYTES);
	return e;
}

void
key_cache_put(
    struct key_cache *c, const unsigned char hash[SHA256_BYTES], const char *version, const struct key_kept *key)
{
	struct entry *e, **at;

	if (c == NULL)
		return;
	e = make(hash, version, key);
	pthread_mutex_lock(&c->lock);
	if (c->n >= KEYS_MAX)
		drop_all(c);
	if (*(at = place_of(c, hash)) != NULL)
		drop(c, at);
	at = bucket_of(c, hash);
	e->next = *at;
	*at = e;
	c->n++;
	pthread_mutex_unlock(&c->lock);
}
