#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define ALIGN 16u
#define RESERVE_BYTES (16u * 1024u)

struct block {
	struct block *next;
	size_t size, used;
	_Alignas(ALIGN) unsigned char data[];
};

struct cleanup {
	struct cleanup *next;
	void (*fn)(void *);
	void *arg;
};

struct arena {
	struct block *blocks; /* newest first */
	struct cleanup *cleanups;
	size_t block_bytes, max_bytes, bytes;
	bool exhausted;
};

/* Get a block with room for `need` bytes and put it in front. */
static void
grow(struct arena *a, size_t need)
{
	size_t size = need > a->block_bytes ? need : a->block_bytes;
	struct block *b;

	if (a->bytes + size > a->max_bytes) {
		a->exhausted = true;
		if (a->bytes + need > a->max_bytes + RESERVE_BYTES) {
			fputs("weir: arena past its cap and reserve\n", stderr);
			abort();
		}
		size = need;
	}
	b = xmalloc(sizeof(*b) + size);
	b->size = size;
	b->used = 0;
	b->next = a->blocks;
	a->blocks = b;
	a->bytes += size;
}

struct arena *
arena_new(size_t block_bytes, size_t max_bytes)
{
	struct arena *a = xmalloc(sizeof(*a));

	*a = (struct arena){ .block_bytes = block_bytes, .max_bytes = max_bytes };
	return a;
}

void
arena_free(struct arena *a)
{
	struct block *next;

	if (a == NULL)
		return;
	for (struct cleanup *c = a->cleanups; c != NULL; c = c->next)
		c->fn(c->arg);
	for (struct block *b = a->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

void *
arena_alloc(struct arena *a, size_t bytes)
{
	size_t need = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	void *p;

	if (need == 0)
		need = ALIGN;
	if (a->blocks == NULL || a->blocks->size - a->blocks->used < need)
		grow(a, need);
	p = a->blocks->data + a->blocks->used;
	a->blocks->used += need;
	return memset(p, 0, need);
}

char *
arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return s == NULL ? NULL : arena_strndup(a, s, strlen(s));
}

char *
arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *s;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	s = arena_alloc(a, (size_t)(len < 0 ? 0 : len) + 1);
	if (len > 0)
		vsnprintf(s, (size_t)len + 1, fmt, again);
	va_end(again);
	return s;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

void
arena_cleanup(struct arena *a, void (*fn)(void *), void *arg)
{
	struct cleanup *c = ARENA_NEW(a, struct cleanup);

	*c = (struct cleanup){ .next = a->cleanups, .fn = fn, .arg = arg };
	a->cleanups = c;
}

size_t
arena_bytes(const struct arena *a)
{
	return a->bytes;
}

bool
arena_exhausted(const struct arena *a)
{
	return a->exhausted;
}
