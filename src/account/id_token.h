/*
 * ID tokens: what an OpenID provider says of who signed in (OpenID Connect Core 1.0, 2 and
 * 3.1.3.7).  Signed with RS256 or ES256 by a key of the provider, and by nothing else.  Pure.
 * Any thread.
 */
#ifndef WEIR_ACCOUNT_ID_TOKEN_H
#define WEIR_ACCOUNT_ID_TOKEN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

#define ID_TOKEN_BYTES_MAX 32768
#define ID_SUBJECT_MAX 255 /* Core 2 */
/* A provider's clock may be ahead of ours by this much. */
#define ID_LEEWAY_S 60

/* What must stand in it. */
struct id_expected {
	const char *issuer, *client_id, *nonce;
	int64_t now_s; /* since the epoch */
};

/* What it says, in the arena; NULL: nothing. */
struct id_claims {
	const char *subject, *email, *name;
	bool email_verified;
};

enum id_check {
	ID_HOLDS,
	ID_UNKNOWN_KEY, /* none of these: look whether the provider has others by now */
	ID_REFUSED,
};

/* Check it with the provider's keys, a JWK Set (RFC 7517).  *why says what does not hold (static text), for the log. */
enum id_check id_token_check(struct arena *a, const char *token, const json_t *jwks, const struct id_expected *x,
    struct id_claims *out, const char **why);

#endif
