/* Unicode's Normalization Form C (Standard Annex 15), by libunistring. */
#ifndef WEIR_BASE_NFC_H
#define WEIR_BASE_NFC_H

#include "base/arena.h"

/* Well-formed `s` in NFC: what looks alike, because it was typed with and without
 * combining marks, becomes the same.  `s` itself when it is in that form, else in
 * the arena.  Any thread. */
const char *utf8_nfc(struct arena *a, const char *s);

#endif
