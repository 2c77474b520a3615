/* Guessing how many tokens a text has, where no provider says. */
#ifndef WEIR_BASE_TOKENS_H
#define WEIR_BASE_TOKENS_H

#include <stddef.h>
#include <stdint.h>

/*
 * An estimate, marked as one wherever it is stored: four bytes of Latin text
 * to a token, one and a half characters of Chinese, Japanese or Korean, two of
 * any other script, rounded up.  Within some 20 % of the byte-pair encodings
 * in use for prose; code and long numbers have more.  0 for empty text only.
 * Any thread.
 */
int64_t tokens_estimate(const char *text, size_t len);
/* The same in parts: what a piece adds, in units that may be summed over whole
 * characters, and the estimate of a sum. */
int64_t tokens_units(const char *text, size_t len);
int64_t tokens_of_units(int64_t units);

#endif
