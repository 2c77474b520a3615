/* What a file is, by its first bytes; each sample is also read cut short, so
 * that a read past its end is seen by the sanitizer. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/media.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(s) (s), sizeof(s) - 1
#define EBML "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\x82\x84"
#define OGG_PAGE "OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x13"

static const struct sample {
	const char *bytes;
	size_t len;
	const char *type; /* NULL: refused */
} samples[] = {
	{ BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "image/png" },
	{ BYTES("\xff\xd8\xff\xe1"), "image/jpeg" },
	{ BYTES("GIF87a"), "image/gif" },
	{ BYTES("GIF89a"), "image/gif" },
	{ BYTES("RIFF\1\2\3\4WEBPVP8L"), "image/webp" },
	{ BYTES("RIFF\1\2\3\4WAVEfmt "), "audio/wav" },
	{ BYTES("RIFF\1\2\3\4AVI LIST"), NULL },
	{ BYTES("ID3\4\0"), "audio/mpeg" },
	{ BYTES("\xff\xfb\x90\x64"), "audio/mpeg" }, /* MPEG 1 layer III, 128 kbit/s, 44.1 kHz */
	{ BYTES("\xff\xf3\x40\xc4"), "audio/mpeg" }, /* MPEG 2 layer III */
	{ BYTES("\xff\xfb\xf0\x64"), NULL },	     /* bit rate 15 is none */
	{ BYTES("\xff\xfb\x9c\x64"), NULL },	     /* sampling rate 3 is none */
	{ BYTES("\xff\xeb\x90\x64"), NULL },	     /* version 1 is none */
	{ BYTES("\xff\xfb\x00\x64"), NULL },	     /* bit rate 0 is not told */
	{ BYTES("\xff\x1b\x90\x64"), NULL },	     /* not in step */
	{ BYTES("\xff\xf1\x50\x80"), NULL },	     /* AAC */
	{ BYTES("\xff\xfe\0h\0i"), NULL },	     /* UTF-16 text */
	{ BYTES(OGG_PAGE "OpusHead\1\2"), "audio/ogg" },
	{ BYTES(OGG_PAGE "\1vorbis"), "audio/ogg" },
	{ BYTES(OGG_PAGE "\x7f"
			 "FLAC"),
	    "audio/ogg" },
	{ BYTES(OGG_PAGE "\x7f"
			 "FLAP"),
	    NULL },
	{ BYTES(OGG_PAGE "\x80theora"), NULL },
	{ BYTES(EBML "webm A_OPUS"), "audio/webm" },
	{ BYTES(EBML "webm A_OPUS V_VP8"), "video/webm" },
	{ BYTES(EBML "webm V_VP9"), "video/webm" },
	{ BYTES(EBML "webm V_AV1"), "video/webm" },
	{ BYTES(EBML "matroska V_VP9"), NULL },
	{ BYTES("\0\0\0\x20"
		"ftypM4A \0\0\0\0"),
	    "audio/mp4" },
	{ BYTES("\0\0\0\x20"
		"ftypM4B \0\0\0\0"),
	    "audio/mp4" },
	{ BYTES("\0\0\0\x20"
		"ftypisom\0\0\2\0"),
	    "video/mp4" },
	{ BYTES("\0\0\0\x20"
		"ftypmp42\0\0\0\0"),
	    "video/mp4" },
	{ BYTES("\0\0\0\x20"
		"ftypheic\0\0\0\0"),
	    NULL },
	{ BYTES("\0\0\0\x20"
		"ftypqt  \0\0\0\0"),
	    NULL },
	{ BYTES("%PDF-1.4"), "application/pdf" },
	{ BYTES(" %PDF-1.4"), NULL },
	{ BYTES("<svg xmlns="), NULL },
	{ BYTES("<!doctype html>"), NULL },
	{ BYTES(""), NULL },
};

static const struct media_type *
sniff_copy(const char *bytes, size_t len)
{
	char *copy = malloc(len + (len == 0));
	const struct media_type *type;

	memcpy(copy, bytes, len);
	type = media_sniff(copy, len);
	free(copy);
	return type;
}

static void
test_samples(void)
{
	for (size_t i = 0; i < COUNT(samples); i++) {
		const struct media_type *type = sniff_copy(samples[i].bytes, samples[i].len);

		if (samples[i].type == NULL) {
			CU_ASSERT_PTR_NULL(type);
			continue;
		}
		CU_ASSERT_PTR_NOT_NULL_FATAL(type);
		CU_ASSERT_STRING_EQUAL(type->type, samples[i].type);
		CU_ASSERT_PTR_EQUAL(media_find(type->type), type);
		CU_ASSERT(strlen(type->extension) >= 3);
	}
}

/* A file cut short is the same kind, or none; never another. */
static void
test_cut_short(void)
{
	for (size_t i = 0; i < COUNT(samples); i++)
		for (size_t len = 0; len < samples[i].len; len++) {
			const struct media_type *type = sniff_copy(samples[i].bytes, len);
			bool webm = samples[i].type != NULL && strstr(samples[i].type, "webm") != NULL;

			if (type == NULL)
				continue;
			CU_ASSERT_PTR_NOT_NULL_FATAL(samples[i].type);
			CU_ASSERT(webm ? strstr(type->type, "webm") != NULL : strcmp(type->type, samples[i].type) == 0);
		}
}

static void
test_unknown_name(void)
{
	CU_ASSERT_PTR_NULL(media_find("text/html"));
	CU_ASSERT_PTR_NULL(media_find(""));
}

static CU_TestInfo tests[] = {
	{ "every kind, and none", test_samples },
	{ "cut short", test_cut_short },
	{ "a name nobody gave", test_unknown_name },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "media", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
