/*
 * What kind of file some bytes are, by the marks formats begin with, never by
 * what the sender calls them.  Only what models and browsers can show is known.
 */
#ifndef WEIR_BASE_MEDIA_H
#define WEIR_BASE_MEDIA_H

#include <stddef.h>

enum media_kind { MEDIA_IMAGE, MEDIA_AUDIO, MEDIA_VIDEO, MEDIA_DOCUMENT };

struct media_type {
	const char *type;      /* "image/png" */
	const char *extension; /* "png" */
	enum media_kind kind;
};

/* How many of a file's first bytes media_sniff() wants to see; fewer are fine
 * when there are no more. */
#define MEDIA_HEAD_BYTES 4096

/* The type of a file that begins with `head`: PNG, JPEG, GIF, WebP, MP3, WAV,
 * Ogg audio, WebM, M4A, MP4 or PDF.  NULL: none of these.  Static.  Any thread. */
const struct media_type *media_sniff(const void *head, size_t len);
/* What is none of these: to be looked into by whoever knows documents (knowledge/parse.h). */
extern const struct media_type media_other;
/* The row of a type media_sniff() gave once, or NULL.  Static.  Any thread. */
const struct media_type *media_find(const char *type);

#endif
