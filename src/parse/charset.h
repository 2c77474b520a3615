/* What bytes without a name are in (libuchardet and iconv), and how they read in UTF-8. */
#ifndef WEIR_PARSE_CHARSET_H
#define WEIR_PARSE_CHARSET_H

#include <stdbool.h>
#include <stddef.h>

enum charset_of { CHARSET_TEXT, CHARSET_HTML /* may declare one */ };

/*
 * `bytes` as UTF-8, followed by a NUL, without a byte order mark; the caller frees it.  By
 * turns: the byte order mark; UTF-8, if all of it is; UTF-16, by where its NULs are; what
 * HTML or XML declares; what Chinese in GB 2312 looks like; uchardet; GB 18030 for who reads
 * Chinese, Windows-1252 for others.  NULL: it is no text.
 */
char *charset_decode(const char *bytes, size_t len, enum charset_of of, bool is_zh, size_t *out_len);

#endif
