/* The mark of what a machine has made, in a file's XMP: pure, from bytes to bytes. */
#ifndef WEIR_LENS_LABEL_H
#define WEIR_LENS_LABEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* To `out` the picture (image/png, image/jpeg or image/webp) with the mark, and every other byte as it was: TC260:AIGC is
 * `aigc` (GB 45438-2025: an object of JSON), and the IPTC's DigitalSourceType says the same to everybody else.  XMP that is there
 * is kept beside it.  False: it is of another type, or damaged, or `out` is full. */
bool label_picture(const char *type, const void *bytes, size_t len, const char *aigc, struct buf *out);
/* To `out` what stands behind a film (video/mp4) with the mark; how its boxes end is the caller's to know. */
bool label_behind_film(const char *aigc, struct buf *out);

#endif
