/*
 * Codes by time: RFC 6238 over RFC 4226, with what every authenticator app knows,
 * SHA-1, six digits and steps of 30 s.  Pure.  Any thread.
 */
#ifndef WEIR_ACCOUNT_TOTP_H
#define WEIR_ACCOUNT_TOTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define TOTP_SECRET_BYTES 20 /* RFC 4226 4: as long as the hash */
#define TOTP_DIGITS 6
#define TOTP_STEP_S 30
/* Steps that clocks may differ by, before and behind. */
#define TOTP_DRIFT_STEPS 1

/* The code of a step, 0 to 999999. */
uint32_t totp_code(const unsigned char *secret, size_t len, int64_t step);
/* Is `text` the code of a step near now_s (s since the epoch) and after `last_step`?  *step is which.
 * Spaces in it do not count. */
bool totp_matches(
    const unsigned char *secret, size_t len, int64_t now_s, int64_t last_step, const char *text, int64_t *step);

/* Base32 without padding (RFC 4648 6), in the arena. */
char *base32_encode(struct arena *a, const unsigned char *data, size_t len);
/* The opposite, in capitals; how many bytes, SIZE_MAX: it is none, or longer than `size`. */
size_t base32_decode(const char *text, unsigned char *out, size_t size);

#endif
