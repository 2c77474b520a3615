#include "base/gzip.h"

#include <stdlib.h>
#define ZLIB_CONST /* next_in is only read */
#include <zlib.h>

#include "base/memory.h"

#define GZIP_WINDOW_BITS (15 + 16) /* the largest window; 16: a gzip header, without name and time */
#define MEMORY_LEVEL 9

void *
gzip_pack(const void *data, size_t len, size_t *packed_len)
{
	z_stream z = { .next_in = data, .avail_in = (uInt)len };
	size_t room;
	void *packed;

	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		abort(); /* out of memory, as xmalloc() */
	room = deflateBound(&z, len);
	packed = xmalloc(room);
	z.next_out = packed;
	z.avail_out = (uInt)room;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort(); /* deflateBound() promised the room */
	*packed_len = z.total_out;
	deflateEnd(&z);
	return packed;
}
