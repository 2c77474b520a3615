#include "base/media.h"

#include <stdbool.h>
#include <string.h>

enum known { PNG, JPEG, GIF, WEBP, MP3, WAV, OGG, WEBM_AUDIO, WEBM_VIDEO, M4A, MP4, PDF, KNOWN };

static const struct media_type types[KNOWN] = {
	[PNG] = { "image/png", "png", MEDIA_IMAGE },
	[JPEG] = { "image/jpeg", "jpg", MEDIA_IMAGE },
	[GIF] = { "image/gif", "gif", MEDIA_IMAGE },
	[WEBP] = { "image/webp", "webp", MEDIA_IMAGE },
	[MP3] = { "audio/mpeg", "mp3", MEDIA_AUDIO },
	[WAV] = { "audio/wav", "wav", MEDIA_AUDIO },
	[OGG] = { "audio/ogg", "ogg", MEDIA_AUDIO },
	[WEBM_AUDIO] = { "audio/webm", "weba", MEDIA_AUDIO },
	[WEBM_VIDEO] = { "video/webm", "webm", MEDIA_VIDEO },
	[M4A] = { "audio/mp4", "m4a", MEDIA_AUDIO },
	[MP4] = { "video/mp4", "mp4", MEDIA_VIDEO },
	[PDF] = { "application/pdf", "pdf", MEDIA_DOCUMENT },
};

const struct media_type media_other = { "application/octet-stream", "bin", MEDIA_DOCUMENT };

struct head {
	const unsigned char *bytes;
	size_t len;
};

static bool
has(const struct head *h, size_t at, const char *mark, size_t len)
{
	return h->len >= at + len && memcmp(h->bytes + at, mark, len) == 0;
}
#define HAS(h, at, mark) has((h), (at), (mark), sizeof(mark) - 1)

static bool
contains(const struct head *h, const char *mark)
{
	return memmem(h->bytes, h->len, mark, strlen(mark)) != NULL;
}

/* An ID3v2 tag, or the header of an MPEG layer III frame (ISO 11172-3 2.4.1.3):
 * sync, a version, layer III, a bit rate, a sampling rate.  AAC has layer 0. */
static bool
is_mp3(const struct head *h)
{
	const unsigned char *b = h->bytes;

	if (HAS(h, 0, "ID3"))
		return true;
	return h->len >= 4 && b[0] == 0xff && (b[1] & 0xe0) == 0xe0 && (b[1] & 0x18) != 0x08 && (b[1] & 0x06) == 0x02 &&
	    (b[2] & 0xf0) != 0xf0 && (b[2] & 0xf0) != 0 && (b[2] & 0x0c) != 0x0c;
}

/* Ogg carries video too: the first packet, right after a page header with one
 * segment (RFC 3533 6), names the codec. */
static bool
is_ogg_audio(const struct head *h)
{
	return HAS(h, 0, "OggS") &&
	    (HAS(h, 28, "OpusHead") || HAS(h, 28, "\x01vorbis") ||
		HAS(h, 28,
		    "\x7f"
		    "FLAC") ||
		HAS(h, 28, "Speex   "));
}

/* EBML with the document type webm; codec names of video tracks begin with V_
 * (Matroska, "Codec Mappings"), and tracks stand near the start. */
static const struct media_type *
webm(const struct head *h)
{
	struct head ebml = { h->bytes, h->len < 64 ? h->len : 64 };

	if (!HAS(h, 0, "\x1a\x45\xdf\xa3") || !contains(&ebml, "webm"))
		return NULL;
	return &types[contains(h, "V_VP8") || contains(h, "V_VP9") || contains(h, "V_AV1") ? WEBM_VIDEO : WEBM_AUDIO];
}

/* ISO 14496-12 4.3: the major brand says who can play it.  HEIC, AVIF and
 * QuickTime share the container and are not accepted. */
static const struct media_type *
mp4(const struct head *h)
{
	static const char video[][5] = { "isom", "iso2", "iso3", "iso4", "iso5", "iso6", "mp41", "mp42", "avc1", "dash",
		"M4V ", "MSNV", "mmp4" };

	if (!HAS(h, 4, "ftyp"))
		return NULL;
	if (HAS(h, 8, "M4A ") || HAS(h, 8, "M4B "))
		return &types[M4A];
	for (size_t i = 0; i < sizeof(video) / sizeof(video[0]); i++)
		if (has(h, 8, video[i], 4))
			return &types[MP4];
	return NULL;
}

const struct media_type *
media_sniff(const void *head, size_t len)
{
	struct head h = { head, len };

	if (HAS(&h, 0, "\x89PNG\r\n\x1a\n"))
		return &types[PNG];
	if (HAS(&h, 0, "\xff\xd8\xff"))
		return &types[JPEG];
	if (HAS(&h, 0, "GIF87a") || HAS(&h, 0, "GIF89a"))
		return &types[GIF];
	if (HAS(&h, 0, "RIFF") && HAS(&h, 8, "WEBP"))
		return &types[WEBP];
	if (HAS(&h, 0, "RIFF") && HAS(&h, 8, "WAVE"))
		return &types[WAV];
	if (HAS(&h, 0, "%PDF-"))
		return &types[PDF];
	if (is_ogg_audio(&h))
		return &types[OGG];
	if (is_mp3(&h))
		return &types[MP3];
	if (HAS(&h, 4, "ftyp"))
		return mp4(&h);
	return webm(&h);
}

const struct media_type *
media_find(const char *type)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (strcmp(types[i].type, type) == 0)
			return &types[i];
	return NULL;
}
