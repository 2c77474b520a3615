#include "base/gzip.h"

#include <stdlib.h>
#include <unistd.h>
#define ZLIB_CONST /* next_in is only read */
#include <zlib.h>

#include "base/memory.h"

#define GZIP_WINDOW_BITS (15 + 16) /* the largest window; 16: a gzip header, without name and time */
#define MEMORY_LEVEL 9
#define PIECE_BYTES 65536

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

bool
gzip_unpack(int fd, bool (*take)(void *arg, const unsigned char *bytes, size_t len), void *arg)
{
	unsigned char piece[PIECE_BYTES];
	gzFile file = gzdopen(fd, "rb");
	int n;

	if (file == NULL) {
		close(fd);
		return false;
	}
	while ((n = gzread(file, piece, sizeof(piece))) > 0 && take(arg, piece, (size_t)n))
		;
	gzclose(file);
	return n >= 0;
}
