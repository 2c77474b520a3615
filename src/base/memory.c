#include "base/memory.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE_BYTES (1 << 20) /* mapped for itself, unmapped when freed */
#define HEAPS_MAX 2

static void *
must(void *p)
{
	if (p == NULL) {
		fputs("weir: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *
xmalloc(size_t bytes)
{
	return must(malloc(bytes == 0 ? 1 : bytes));
}

void *
xcalloc(size_t n, size_t bytes)
{
	return must(calloc(n == 0 ? 1 : n, bytes));
}

void *
xrealloc(void *p, size_t bytes)
{
	return must(realloc(p, bytes == 0 ? 1 : bytes));
}

char *
xstrdup(const char *s)
{
	return must(strdup(s));
}

void
memory_tune(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE_BYTES); /* a fixed one: glibc would raise it to what was freed */
	mallopt(M_ARENA_MAX, HEAPS_MAX);
}
