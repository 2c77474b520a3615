/*
 * What an API key looks like: "wk-", 27 characters of base62 (160 random bits)
 * and 6 more, the CRC-32 of what stands before them.  So a key that was cut or
 * mistyped is told from a strange one without the database, and a scanner of
 * leaked secrets knows ours from other text.
 */
#ifndef WEIR_ACCOUNT_KEY_TEXT_H
#define WEIR_ACCOUNT_KEY_TEXT_H

#include <stdbool.h>

#include "base/crypto.h"

#define KEY_PREFIX "wk-"
#define KEY_RANDOM_BYTES 20
#define KEY_TEXT_LEN 37 /* 36 characters and NUL */
/* So many characters may be shown: enough to tell keys apart, of no use to a thief. */
#define KEY_SHOWN_LEN 11 /* 10 characters and NUL */

/* The key of these random bytes.  Any thread, as are all below. */
void key_text_write(const unsigned char random[KEY_RANDOM_BYTES], char out[KEY_TEXT_LEN]);
/* Does it begin as a key does?  NULL does not. */
bool key_text_begins(const char *text);
/* Is it a whole key, as far as can be told without asking who has it? */
bool key_text_is_whole(const char *text);
/* The beginning of a key, for lists and logs; of anything shorter less. */
void key_text_shown(const char *text, char out[KEY_SHOWN_LEN]);

#endif
