/* UTF-8 (RFC 3629): everything that enters is checked once, at the door. */
#ifndef WEIR_BASE_UTF8_H
#define WEIR_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* True when all `len` bytes are well-formed: no overlong forms, no surrogates,
 * nothing past U+10FFFF.  Any thread. */
bool utf8_valid(const char *s, size_t len);
/* The number of code points in well-formed `s`. */
size_t utf8_length(const char *s, size_t len);
/* The longest prefix of well-formed `s` that has at most `chars` code points, in bytes. */
size_t utf8_prefix(const char *s, size_t len, size_t chars);
/* The bytes at the end of `s` (0-3) that begin a sequence the buffer cuts off. */
size_t utf8_tail(const char *s, size_t len);

#endif
