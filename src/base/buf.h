/*
 * A growable byte buffer with a cap: output queues, bodies, collected answers.
 * The bytes are always followed by a NUL that is not counted, so that text can
 * be used as a C string.  Not thread-safe.
 */
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct buf {
	char *data;	  /* NULL until the first byte */
	size_t len;	  /* bytes in use */
	size_t cap;	  /* bytes allocated */
	size_t max_bytes; /* 0: no cap */
	bool overflow;	  /* an append was refused because of max_bytes */
};

#define BUF_INIT(max) ((struct buf){ .max_bytes = (max) })

/* Append; false (and overflow set, nothing appended) past the cap.  Aborts on OOM. */
bool buf_add(struct buf *b, const void *bytes, size_t len);
bool buf_puts(struct buf *b, const char *s);
bool buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Append `len` bytes of UTF-8 as a JSON string with its quotes (RFC 8259 7). */
bool buf_json(struct buf *b, const char *s, size_t len);
/* Room for `len` more bytes; the place to write them, then buf_commit(); NULL past the cap. */
char *buf_reserve(struct buf *b, size_t len);
void buf_commit(struct buf *b, size_t len);
/* Drop `len` bytes from the front. */
void buf_consume(struct buf *b, size_t len);
/* Keep the first `len` bytes, where there are more. */
void buf_cut(struct buf *b, size_t len);
/* Forget the contents, keep the memory. */
void buf_clear(struct buf *b);
/* Free the memory; the buffer may be used again. */
void buf_free(struct buf *b);
/* The contents as a C string, "" when empty. */
const char *buf_str(const struct buf *b);

#endif
