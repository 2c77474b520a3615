/*
 * Written here, and not by libexempi: of a WebP without a VP8X chunk, as encoders make them, that (2.6.3) leaves
 * nothing that can be read.
 *
 * Sources: XMP specification part 3 (how it stands in each format); PNG 1.2 and RFC 9649; TC260-PG-20258A, for GB
 * 45438-2025 appendix E; IPTC Photo Metadata 2023.2 and cv.iptc.org/newscodes/digitalsourcetype.
 */
#include "lens/label.h"

#include <stdint.h>
#include <string.h>
#include <zlib.h>

#define PACKET_BYTES_MAX (1u << 20)
#define RDF_END "</rdf:RDF>"

static const char before[] = "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>"
			     "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">"
			     "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">";
static const char behind[] = RDF_END "</x:xmpmeta><?xpacket end=\"w\"?>";
static const char mark_begin[] = "<rdf:Description rdf:about=\"\" xmlns:TC260=\"http://www.tc260.org.cn/ns/AIGC/1.0/\""
				 " xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\"><TC260:AIGC>";
static const char mark_end[] = "</TC260:AIGC><Iptc4xmpExt:DigitalSourceType>"
			       "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
			       "</Iptc4xmpExt:DigitalSourceType></rdf:Description>";

struct bytes {
	const unsigned char *at;
	size_t len;
};

/* ---- the packet ---------------------------------------------------------------------- */

static void
put_mark(struct buf *out, const char *aigc)
{
	buf_puts(out, mark_begin);
	for (; *aigc != '\0'; aigc++)
		switch (*aigc) {
		case '<': buf_puts(out, "&lt;"); break;
		case '>': buf_puts(out, "&gt;"); break;
		case '&': buf_puts(out, "&amp;"); break;
		case '"': buf_puts(out, "&quot;"); break;
		default: buf_add(out, aigc, 1);
		}
	buf_puts(out, mark_end);
}

/* The packet that was there (len 0: none) with the mark in it; one that cannot be understood gives way. */
static void
put_packet(struct buf *out, struct bytes was, const char *aigc)
{
	const unsigned char *end = was.len == 0 || was.len > PACKET_BYTES_MAX
	    ? NULL
	    : memmem(was.at, was.len, RDF_END, strlen(RDF_END));

	if (end == NULL)
		buf_puts(out, before);
	else
		buf_add(out, was.at, (size_t)(end - was.at));
	put_mark(out, aigc);
	if (end == NULL)
		buf_puts(out, behind);
	else
		buf_add(out, end, was.len - (size_t)(end - was.at));
}

static void
put_be32(struct buf *out, uint32_t n)
{
	buf_add(out,
	    (unsigned char[]){
		(unsigned char)(n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n },
	    4);
}

static void
put_le32(struct buf *out, uint32_t n)
{
	buf_add(out,
	    (unsigned char[]){
		(unsigned char)n, (unsigned char)(n >> 8), (unsigned char)(n >> 16), (unsigned char)(n >> 24) },
	    4);
}

static uint32_t
be32(const unsigned char *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint32_t
le32(const unsigned char *b)
{
	return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

/* ---- PNG ------------------------------------------------------------------------------- */

#define PNG_HEAD_LEN 8
#define PNG_FRAME_LEN 12 /* length, name, CRC */
/* A text in UTF-8 with that keyword, neither packed nor translated. */
static const char png_keyword[] = "XML:com.adobe.xmp\0\0\0\0\0";
#define PNG_KEYWORD_LEN (sizeof(png_keyword) - 1)

static bool
png_is_packet(const unsigned char *name, const unsigned char *data, size_t len)
{
	return memcmp(name, "iTXt", 4) == 0 && len > strlen(png_keyword) &&
	    memcmp(data, png_keyword, strlen(png_keyword) + 1) == 0;
}

/* The next chunk at *at: its length; false: there is none, or not all of it. */
static bool
png_next(struct bytes file, size_t at, size_t *len)
{
	if (file.len < at + PNG_FRAME_LEN)
		return false;
	*len = be32(file.at + at);
	return *len <= file.len - at - PNG_FRAME_LEN;
}

static void
png_put_packet(struct buf *out, struct bytes was, const char *aigc)
{
	struct buf chunk = BUF_INIT(2 * PACKET_BYTES_MAX);

	buf_puts(&chunk, "iTXt");
	buf_add(&chunk, png_keyword, PNG_KEYWORD_LEN);
	put_packet(&chunk, was, aigc);
	put_be32(out, (uint32_t)chunk.len - 4);
	buf_add(out, chunk.data, chunk.len);
	put_be32(out, (uint32_t)crc32(0, (const unsigned char *)chunk.data, (unsigned)chunk.len));
	out->overflow = out->overflow || chunk.overflow;
	buf_free(&chunk);
}

/* The packet stands behind the header; what was one before is left out where it stood. */
static bool
label_png(struct bytes file, const char *aigc, struct buf *out)
{
	size_t at = PNG_HEAD_LEN, len, first;
	struct bytes was = { NULL, 0 };

	if (file.len < PNG_HEAD_LEN || !png_next(file, at, &first) || memcmp(file.at + at + 4, "IHDR", 4) != 0)
		return false;
	for (at += PNG_FRAME_LEN + first; png_next(file, at, &len); at += PNG_FRAME_LEN + len) {
		const unsigned char *data = file.at + at + 8;

		if (png_is_packet(file.at + at + 4, data, len) && len > PNG_KEYWORD_LEN &&
		    memcmp(data, png_keyword, PNG_KEYWORD_LEN) == 0)
			was = (struct bytes){ data + PNG_KEYWORD_LEN, len - PNG_KEYWORD_LEN };
	}
	buf_add(out, file.at, PNG_HEAD_LEN + PNG_FRAME_LEN + first);
	png_put_packet(out, was, aigc);
	for (at = PNG_HEAD_LEN + PNG_FRAME_LEN + first; png_next(file, at, &len); at += PNG_FRAME_LEN + len)
		if (!png_is_packet(file.at + at + 4, file.at + at + 8, len))
			buf_add(out, file.at + at, PNG_FRAME_LEN + len);
	buf_add(out, file.at + at, file.len - at); /* what is behind it, or is cut */
	return true;
}

/* ---- JPEG ------------------------------------------------------------------------------ */

static const char jpeg_name[] = "http://ns.adobe.com/xap/1.0/"; /* with its end, as the segment has it */
#define JPEG_SEGMENT_MAX 65535

/* A segment of the head that begins at `at`, with its marker; 0: the picture itself begins there, or nothing does. */
static size_t
jpeg_segment(struct bytes file, size_t at)
{
	size_t len;

	if (file.len < at + 4 || file.at[at] != 0xff || file.at[at + 1] < 0xc0 || file.at[at + 1] == 0xda)
		return 0;
	len = (size_t)file.at[at + 2] << 8 | file.at[at + 3];
	return len < 2 || len > file.len - at - 2 ? 0 : len + 2;
}

static bool
jpeg_is(struct bytes file, size_t at, size_t len, unsigned char marker, const char *name, size_t name_len)
{
	return file.at[at + 1] == marker && len >= 4 + name_len && memcmp(file.at + at + 4, name, name_len) == 0;
}

static bool
jpeg_put_packet(struct buf *out, struct bytes was, const char *aigc)
{
	struct buf packet = BUF_INIT(2 * PACKET_BYTES_MAX);
	size_t len;

	put_packet(&packet, was, aigc);
	if (packet.len + sizeof(jpeg_name) + 2 > JPEG_SEGMENT_MAX) { /* there is no room for both */
		buf_clear(&packet);
		put_packet(&packet, (struct bytes){ NULL, 0 }, aigc);
	}
	len = packet.len + sizeof(jpeg_name) + 2;
	if (len <= JPEG_SEGMENT_MAX) {
		buf_add(out, (unsigned char[]){ 0xff, 0xe1, (unsigned char)(len >> 8), (unsigned char)len }, 4);
		buf_add(out, jpeg_name, sizeof(jpeg_name));
		buf_add(out, packet.data, packet.len);
	}
	buf_free(&packet);
	return len <= JPEG_SEGMENT_MAX;
}

/* The packet stands behind what JFIF and Exif want first. */
static bool
label_jpeg(struct bytes file, const char *aigc, struct buf *out)
{
	struct bytes was = { NULL, 0 };
	size_t at, len, place = 2;

	for (at = 2; (len = jpeg_segment(file, at)) > 0; at += len) {
		if (jpeg_is(file, at, len, 0xe1, jpeg_name, sizeof(jpeg_name)))
			was = (struct bytes){ file.at + at + 4 + sizeof(jpeg_name), len - 4 - sizeof(jpeg_name) };
		else if (at == place && (file.at[at + 1] == 0xe0 || jpeg_is(file, at, len, 0xe1, "Exif", 4)))
			place = at + len;
	}
	if (file.len < at + 2 || file.at[at] != 0xff || file.at[at + 1] != 0xda)
		return false;
	buf_add(out, file.at, place);
	if (!jpeg_put_packet(out, was, aigc))
		return false;
	for (at = place; (len = jpeg_segment(file, at)) > 0; at += len)
		if (!jpeg_is(file, at, len, 0xe1, jpeg_name, sizeof(jpeg_name)))
			buf_add(out, file.at + at, len);
	buf_add(out, file.at + at, file.len - at);
	return true;
}

/* ---- WebP -------------------------------------------------------------------------------- */

#define WEBP_HEAD_LEN 12 /* RIFF, length, WEBP */
#define WEBP_XMP 0x04
#define WEBP_ALPHA 0x10

struct webp {
	struct bytes file, was;
	uint32_t width, height;
	unsigned char flags;
	bool is_extended, has_picture;
};

/* The next chunk at `at`: its length with its frame; 0: there is none, or not all of it. */
static size_t
webp_next(struct bytes file, size_t at)
{
	size_t len;

	if (file.len < at + 8)
		return 0;
	len = le32(file.at + at + 4);
	if (len > file.len - at - 8)
		return 0;
	len += 8;
	return len + (len & 1 && len < file.len - at ? 1 : 0);
}

/* What VP8X has to tell, where there is none: RFC 6386 9.1, RFC 9649 3.4. */
static void
webp_look(struct webp *w, const unsigned char *name, const unsigned char *data, size_t len)
{
	if (memcmp(name, "VP8X", 4) == 0 && len >= 10) {
		w->is_extended = true;
		w->flags = data[0];
	} else if (memcmp(name, "VP8 ", 4) == 0 && len >= 10) {
		w->width = (uint32_t)(data[6] | data[7] << 8) & 0x3fff;
		w->height = (uint32_t)(data[8] | data[9] << 8) & 0x3fff;
		w->has_picture = true;
	} else if (memcmp(name, "VP8L", 4) == 0 && len >= 5) {
		uint32_t bits = le32(data + 1);

		w->width = (bits & 0x3fff) + 1;
		w->height = (bits >> 14 & 0x3fff) + 1;
		w->flags |= bits >> 28 & 1 ? WEBP_ALPHA : 0;
		w->has_picture = true;
	} else if (memcmp(name, "XMP ", 4) == 0) {
		w->was = (struct bytes){ data, len };
	}
}

static void
webp_put_extended(struct buf *out, const struct webp *w)
{
	uint32_t right = w->width - 1, bottom = w->height - 1;

	buf_puts(out, "VP8X");
	put_le32(out, 10);
	buf_add(out,
	    (unsigned char[]){ w->flags | WEBP_XMP, 0, 0, 0, (unsigned char)right, (unsigned char)(right >> 8),
		(unsigned char)(right >> 16), (unsigned char)bottom, (unsigned char)(bottom >> 8),
		(unsigned char)(bottom >> 16) },
	    10);
}

static void
webp_put_chunk(struct buf *out, const unsigned char *chunk, size_t len)
{
	size_t from = out->len;

	if (memcmp(chunk, "XMP ", 4) == 0)
		return;
	buf_add(out, chunk, len);
	if (len & 1)
		buf_add(out, "", 1);
	if (memcmp(chunk, "VP8X", 4) == 0 && !out->overflow)
		out->data[from + 8] = (char)(out->data[from + 8] | WEBP_XMP);
}

static void
webp_put_packet(struct buf *out, struct bytes was, const char *aigc)
{
	struct buf packet = BUF_INIT(2 * PACKET_BYTES_MAX);

	put_packet(&packet, was, aigc);
	buf_puts(out, "XMP ");
	put_le32(out, (uint32_t)packet.len);
	buf_add(out, packet.data, packet.len);
	if (packet.len & 1)
		buf_add(out, "", 1);
	out->overflow = out->overflow || packet.overflow;
	buf_free(&packet);
}

static bool
label_webp(struct bytes file, const char *aigc, struct buf *out)
{
	struct webp w = { .file = file };
	size_t at, len, size_at = out->len + 4, size;

	for (at = WEBP_HEAD_LEN; (len = webp_next(file, at)) > 0; at += len)
		webp_look(&w, file.at + at, file.at + at + 8, le32(file.at + at + 4));
	if (file.len < WEBP_HEAD_LEN || (!w.is_extended && (!w.has_picture || w.width == 0 || w.height == 0)))
		return false;
	buf_add(out, file.at, WEBP_HEAD_LEN);
	if (!w.is_extended)
		webp_put_extended(out, &w);
	for (at = WEBP_HEAD_LEN; (len = webp_next(file, at)) > 0; at += len)
		webp_put_chunk(out, file.at + at, len);
	webp_put_packet(out, w.was, aigc);
	size = out->len - size_at - 4;
	for (int i = 0; i < 4 && !out->overflow; i++)
		out->data[size_at + (size_t)i] = (char)(size >> 8 * i);
	return true;
}

/* ---- all of them ---------------------------------------------------------------------------- */

bool
label_picture(const char *type, const void *bytes, size_t len, const char *aigc, struct buf *out)
{
	struct bytes file = { bytes, len };
	bool ok = false;

	if (strcmp(type, "image/png") == 0)
		ok = label_png(file, aigc, out);
	else if (strcmp(type, "image/jpeg") == 0)
		ok = label_jpeg(file, aigc, out);
	else if (strcmp(type, "image/webp") == 0)
		ok = label_webp(file, aigc, out);
	return ok && !out->overflow;
}

/* A box of its own at the end, which no offset within the film knows. */
bool
label_behind_film(const char *aigc, struct buf *out)
{
	static const unsigned char xmp_uuid[] = { 0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99,
		0x94, 0x91, 0xe3, 0xaf, 0xac };
	struct buf packet = BUF_INIT(2 * PACKET_BYTES_MAX);

	put_packet(&packet, (struct bytes){ NULL, 0 }, aigc);
	put_be32(out, (uint32_t)(packet.len + 8 + sizeof(xmp_uuid)));
	buf_puts(out, "uuid");
	buf_add(out, xmp_uuid, sizeof(xmp_uuid));
	buf_add(out, packet.data, packet.len);
	out->overflow = out->overflow || packet.overflow;
	buf_free(&packet);
	return !out->overflow;
}
