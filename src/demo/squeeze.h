/*
 * squeeze -- bytes in the coding that a client takes for compressed: gzip (RFC
 * 1952) or deflate (RFC 1950), written by hand and without saving any room, but
 * for a run of one byte, which becomes some 160 times shorter. A stream can be
 * flushed after each call. No I/O, any thread.
 */
#ifndef WEIR_DEMO_SQUEEZE_H
#define WEIR_DEMO_SQUEEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum demo_encoding { ENCODING_NONE, ENCODING_GZIP, ENCODING_DEFLATE };

struct squeeze {
	enum demo_encoding encoding;
	bool has_begun;
	uint32_t sum;  /* CRC-32 or Adler-32 of all bytes */
	uint32_t size; /* of them */
};

/* Append the coding of len bytes. */
void squeeze_add(struct squeeze *z, struct buf *out, const char *bytes, size_t len);
/* Append the coding of n times c. */
void squeeze_run(struct squeeze *z, struct buf *out, char c, size_t n);
/* Append the end. */
void squeeze_end(struct squeeze *z, struct buf *out);

#endif
