/*
 * Telephone numbers, as people write them and as ITU-T E.164 does: "+", calling
 * code, national number without trunk prefix, at most 15 digits.
 */
#ifndef WEIR_BASE_PHONE_H
#define WEIR_BASE_PHONE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

#define PHONE_LEN 17 /* of an E.164 number with its NUL */
#define PHONE_SPELLINGS_MAX 5

/* True for 5 to 20 digits, maybe a + in front, and between them spaces and -./()
 * as people write them: what may be a number somewhere.  Any thread. */
bool phone_is_plausible(const char *typed);
/* The number in E.164.  One without + (or the international prefix of `country`)
 * is a number of `country`, an ISO 3166 code of phones.def, "" for none.  False
 * when it is no number, or whose is not known.  Any thread. */
bool phone_e164(const char *typed, const char *country, char out[PHONE_LEN]);
/* The spellings under which a number may have been kept before numbers were kept
 * in E.164, E.164 first where it is known: digits and + only.  Returns how many.
 * Any thread. */
size_t phone_spellings(struct arena *a, const char *typed, const char *country, const char *out[PHONE_SPELLINGS_MAX]);
/* True for "" and the codes of phones.def.  Any thread. */
bool phone_country_known(const char *country);

#endif
