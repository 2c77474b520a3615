#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
