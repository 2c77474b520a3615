/* gzip and deflate without compressing. The contract is in squeeze.h. */
#include "demo/squeeze.h"

#define STORED_MAX 65535u
#define MATCH_BYTES 258u
#define ADLER 65521u

static void
put_le(struct buf *out, uint32_t n, int bytes)
{
	for (int i = 0; i < bytes; i++, n >>= 8) {
		char c = (char)(n & 0xff);

		buf_add(out, &c, 1);
	}
}

/* ---- checksums ----------------------------------------------------------- */

/* Half a byte at a time: a table of 16 can be written down. */
static uint32_t
crc_byte(uint32_t crc, unsigned char c)
{
	static const uint32_t table[16] = { 0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
		0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4,
		0xA00AE278, 0xBDBDF21C };

	crc ^= c;
	crc = crc >> 4 ^ table[crc & 15];
	return crc >> 4 ^ table[crc & 15];
}

static void
count(struct squeeze *z, unsigned char c)
{
	if (z->encoding == ENCODING_GZIP) {
		z->sum = ~crc_byte(~z->sum, c);
	} else {
		uint32_t low = ((z->sum & 0xffff) + c) % ADLER;

		z->sum = ((z->sum >> 16) + low) % ADLER << 16 | low;
	}
	z->size++;
}

static void
begin(struct squeeze *z, struct buf *out)
{
	if (z->has_begun)
		return;
	z->has_begun = true;
	z->sum = z->encoding == ENCODING_GZIP ? 0 : 1;
	if (z->encoding == ENCODING_GZIP)
		buf_add(out, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
	else
		buf_add(out, "\x78\x01", 2);
}

/* ---- blocks -------------------------------------------------------------- */

static void
put_stored(struct buf *out, bool is_last, const char *bytes, size_t len)
{
	put_le(out, is_last, 1);
	put_le(out, (uint32_t)len, 2);
	put_le(out, ~(uint32_t)len & 0xffff, 2);
	buf_add(out, bytes, len);
}

void
squeeze_add(struct squeeze *z, struct buf *out, const char *bytes, size_t len)
{
	begin(z, out);
	for (size_t i = 0; i < len; i++)
		count(z, (unsigned char)bytes[i]);
	while (len > 0) {
		size_t n = len < STORED_MAX ? len : STORED_MAX;

		put_stored(out, false, bytes, n);
		bytes += n;
		len -= n;
	}
}

struct bits {
	struct buf *out;
	uint32_t held;
	int n;
};

/* The lowest n bits, the lowest first. */
static void
put_bits(struct bits *b, uint32_t bits, int n)
{
	b->held |= bits << b->n;
	for (b->n += n; b->n >= 8; b->n -= 8, b->held >>= 8)
		put_le(b->out, b->held & 0xff, 1);
}

/* A Huffman code is written from its highest bit. */
static void
put_code(struct bits *b, uint32_t code, int n)
{
	while (n-- > 0)
		put_bits(b, code >> n & 1, 1);
}

/* The byte, then "the last 258 bytes, from one byte back" again and again, in
 * the fixed code (RFC 1951, 3.2.6). */
void
squeeze_run(struct squeeze *z, struct buf *out, char c, size_t n)
{
	unsigned char byte = (unsigned char)c;
	struct bits b = { out, 0, 0 };
	size_t left = n;

	begin(z, out);
	for (size_t i = 0; i < n; i++)
		count(z, byte);
	put_bits(&b, 1 << 1, 3);
	for (; left > 0; left -= left > MATCH_BYTES && left < n ? MATCH_BYTES : 1) {
		if (left > MATCH_BYTES && left < n) {
			put_code(&b, 0xC5, 8);
			put_code(&b, 0, 5);
		} else {
			put_code(&b, byte < 144 ? 0x30u + byte : 0x190u + byte - 144u, byte < 144 ? 8 : 9);
		}
	}
	put_code(&b, 0, 7);
	put_bits(&b, 0, 3); /* an empty stored block ends on a whole byte */
	if (b.n > 0)
		put_bits(&b, 0, 8 - b.n);
	buf_add(out, "\0\0\xff\xff", 4);
}

void
squeeze_end(struct squeeze *z, struct buf *out)
{
	begin(z, out);
	put_stored(out, true, "", 0);
	if (z->encoding == ENCODING_GZIP) {
		put_le(out, z->sum, 4);
		put_le(out, z->size, 4);
	} else {
		put_le(out, __builtin_bswap32(z->sum), 4);
	}
}
