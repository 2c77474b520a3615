/*
 * Texts of an answer: what they stand for, and characters that begin in one delta
 * and end in the next.  Pure.
 */
#ifndef WEIR_WIRE_TEXT_H
#define WEIR_WIRE_TEXT_H

#include "base/buf.h"
#include "base/scan.h"

/* What stands for a character that nothing has made whole: U+FFFD. */
#define TEXT_REPLACEMENT "\xEF\xBF\xBD"

/* The half of a character that a delta has left: of an escaped surrogate pair, or of a
 * UTF-8 sequence.  Zero is none. */
struct text_half {
	char bytes[6];
	size_t len;
};

/* What a delta stands for, behind the half that the one before it has left; the half at its
 * end is kept in turn.  *out lies in raw's bytes or in scratch.  False: it is not UTF-8. */
bool text_decode(
    struct text_half *half, const struct scan_text *raw, struct buf *scratch, struct scan_text *out) MUST_CHECK;
/* Append what a whole text stands for.  False, nothing appended: it is not UTF-8, or
 * (out->overflow) there is no room for it. */
bool text_keep(struct buf *out, const struct scan_text *raw) MUST_CHECK;

#endif
