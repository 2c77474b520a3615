/* gzip (RFC 1952), by zlib, which nobody else includes. */
#ifndef WEIR_BASE_GZIP_H
#define WEIR_BASE_GZIP_H

#include <stddef.h>

/* `data` compressed as far as it goes, the same bytes each time; malloc'd, the
 * caller frees it.  Slow: for what is compressed once and sent often.  Any thread. */
void *gzip_pack(const void *data, size_t len, size_t *packed_len);

#endif
