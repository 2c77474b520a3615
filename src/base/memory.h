/*
 * Memory that cannot fail: what is small and long-lived is taken with these,
 * and a system that has none left ends the process with a line on stderr.
 * Streams it carried are settled from their journals; limits (arena caps,
 * server.max_streams) keep it from coming to that.  What grows with a request
 * lives in an arena.  The caller owns the memory: free().  Any thread.
 */
#ifndef WEIR_BASE_MEMORY_H
#define WEIR_BASE_MEMORY_H

#include <stddef.h>

void *xmalloc(size_t bytes) __attribute__((malloc, returns_nonnull));
/* Zeroed. */
void *xcalloc(size_t n, size_t bytes) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t bytes) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));

/*
 * Give large blocks back to the system as soon as they are freed, and share
 * heaps between threads: a daemon that hashes a password (19 MiB) now and then
 * must not keep that memory for good.  Main thread, once at start (mallopt(3)).
 */
void memory_tune(void);

#endif
