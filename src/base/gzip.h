/* gzip (RFC 1952), by zlib, which nobody else includes. */
#ifndef WEIR_BASE_GZIP_H
#define WEIR_BASE_GZIP_H

#include <stdbool.h>
#include <stddef.h>

/* `data` compressed as far as it goes, the same bytes each time; malloc'd, the
 * caller frees it.  Slow: for what is compressed once and sent often.  Any thread. */
void *gzip_pack(const void *data, size_t len, size_t *packed_len);
/* Read a compressed file from its start, in pieces, until `take` says false; `fd` is taken over.  False:
 * the file is not whole.  Waits for the disk. */
bool gzip_unpack(int fd, bool (*take)(void *arg, const unsigned char *bytes, size_t len), void *arg);

#endif
