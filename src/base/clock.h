/* Time: one monotonic clock for durations, one wall clock for people. */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RFC3339_LEN 25 /* "2026-01-02T03:04:05.678Z" and NUL */

/* CLOCK_MONOTONIC.  Any thread. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* Seconds / milliseconds since the epoch, UTC.  Any thread. */
int64_t clock_wall_s(void);
int64_t clock_wall_ms(void);
/* `wall_ms` as RFC 3339 UTC with milliseconds.  Any thread. */
void clock_rfc3339(int64_t wall_ms, char out[RFC3339_LEN]);
/* The opposite, of what others write: "2026-01-02T03:04:05", with or without decimals
 * of a second, then Z or "+08:00".  False, *wall_ms untouched, on anything else and on a
 * day or an hour there is not.  Any thread. */
bool clock_parse_rfc3339(const char *text, int64_t *wall_ms);

#endif
