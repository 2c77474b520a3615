/*
 * Memory by lifetime: an arena is filled while a request or stream lives and
 * freed at once when it ends.  Nothing in it is freed alone.
 *
 * An arena has a hard cap.  When it is reached the arena is exhausted: from
 * then on allocations come from a small emergency reserve for as long as it
 * lasts and arena_exhausted() is true, which the stages turn into 413/503.
 * Beyond the reserve the process aborts: it is a bug in a limit.
 *
 * Not thread-safe; an arena moves between threads with the object that owns it.
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct arena;

/* A new arena that takes memory in blocks of about `block_bytes` and refuses
 * to grow past `max_bytes`.  Aborts when the first block cannot be had.
 * The caller owns it: arena_free(). */
struct arena *arena_new(size_t block_bytes, size_t max_bytes);
/* Free `a` and everything in it, running cleanups last-in first-out.  NULL is fine. */
void arena_free(struct arena *a);
/* Zeroed memory, aligned for any type, that lives as long as `a`.  Never NULL. */
void *arena_alloc(struct arena *a, size_t bytes) __attribute__((malloc, returns_nonnull));
/* A copy of the NUL-terminated `s`; NULL gives NULL. */
char *arena_strdup(struct arena *a, const char *s);
/* A NUL-terminated copy of `len` bytes. */
char *arena_strndup(struct arena *a, const char *s, size_t len);
/* printf into the arena. */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* Call fn(arg) when the arena is freed: ties a foreign handle (json_t,
 * PGresult) to the request's life. */
void arena_cleanup(struct arena *a, void (*fn)(void *), void *arg);
/* Bytes taken from the system for `a`. */
size_t arena_bytes(const struct arena *a);
/* True once the cap has been reached. */
bool arena_exhausted(const struct arena *a);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (size_t)(n)))

#endif
