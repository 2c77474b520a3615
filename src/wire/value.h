/*
 * Values of JSON as the wires want them from a scan: a value of another kind than is
 * expected is skipped and means nothing, since providers differ.  Pure.
 */
#ifndef WEIR_WIRE_VALUE_H
#define WEIR_WIRE_VALUE_H

#include "base/scan.h"
#include "base/status.h"

/* Open an object; false, having skipped it, when the value is none. */
bool value_object(struct scan *s);
/* Read a string; *out stays when the value is none. */
void value_string(struct scan *s, struct scan_text *out);
/* Read a count of tokens; -1 for anything that cannot be one. */
void value_count(struct scan *s, int64_t *out);
/* Read a count that may be a fraction, rounded up; -1 for anything that cannot be one. */
void value_units(struct scan *s, int64_t *out);
/* Read an array of numbers, behind the `n` of *values, which grows (malloc'ed).  False: it
 * is none, or they are more than `max`. */
bool value_floats(struct scan *s, float **values, size_t *n, size_t max) MUST_CHECK;
/* Skip a value.  Does it say anything, or is it null or false? */
bool value_says(struct scan *s);
/* Was the value that was just skipped this word? */
bool value_was(const struct scan *s, const char *word);
/* Are the bytes one JSON object? */
bool value_is_object(const char *json, size_t len);

#endif
