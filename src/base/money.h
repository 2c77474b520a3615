/*
 * Credits as micro-credits: 1 credit = 1,000,000 ucr, int64_t, never floating
 * point.  SQL holds NUMERIC(20,6); values cross as decimal text.
 */
#ifndef WEIR_BASE_MONEY_H
#define WEIR_BASE_MONEY_H

#include <stdbool.h>
#include <stdint.h>

#define UCR_PER_CREDIT INT64_C(1000000)
/* Fits 13 integer digits, sign, point, 6 decimals and NUL. */
#define UCR_TEXT_LEN 24
/* The most any price, grant or balance may be: 900,000,000,000 credits. */
#define UCR_MAX (INT64_C(900000000000) * UCR_PER_CREDIT)

/* Parse decimal text ("-1.25", "3", at most six decimals, no exponent).  False,
 * *out_ucr untouched, on anything else or beyond +-UCR_MAX.  Any thread. */
bool ucr_parse(const char *text, int64_t *out_ucr);
/* The shortest decimal text of `ucr`: "1.25", "0", "-0.000001".  Returns `out`. */
const char *ucr_format(int64_t ucr, char out[UCR_TEXT_LEN]);
/* units * price / per, rounded up to the next ucr, saturating at UCR_MAX: `price` is
 * for `per` units, a million tokens as a rule.  Negative units or prices count as none. */
int64_t ucr_for_units(int64_t units, int64_t price_ucr, int64_t per);
/* a + b, saturating at +-UCR_MAX. */
int64_t ucr_add(int64_t a, int64_t b);

#endif
