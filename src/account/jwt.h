/*
 * Access tokens: JWT (RFC 7519) signed with HMAC-SHA-256 and nothing else.
 *
 *	header  alg HS256, typ JWT, kid: the id of a key in conf->auth_jwt_keys
 *	claims  iss, aud (conf), sub (user id), sid (session id), iat, nbf, exp
 *
 * The first key of jwt_keys signs, all of them verify, so that a key is
 * rotated by putting a new one in front and dropping the old one after
 * auth_access_ttl.  A token says who somebody is, not what they may do: role and
 * status are read from the database, see account/auth.h.
 */
#ifndef WEIR_ACCOUNT_JWT_H
#define WEIR_ACCOUNT_JWT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/crypto.h"
#include "base/ids.h"
#include "base/status.h"

#define JWT_KEY_BYTES_MIN 32
/* A token may come from a host whose clock is ahead of ours by this much; at
 * its end there is no leeway. */
#define JWT_LEEWAY_S 60

struct jwt_claims {
	char user_id[UUID_LEN], session_id[UUID_LEN];
	int64_t expires_s; /* since the epoch */
};

/* A token for a session, in the arena; it lives conf->auth_access_ttl.
 * E_UNAVAILABLE (logged) when no usable key is configured.  Any thread. */
enum status access_token_issue(
    struct arena *a, const struct conf *conf, const char *user_id, const char *session_id, char **out) MUST_CHECK;
/* Check signature, times, issuer and audience.  E_UNAUTHENTICATED with a reason
 * for the log in *why (static text); *out is untouched then.  Any thread. */
enum status access_token_check(
    struct arena *a, const struct conf *conf, const char *token, struct jwt_claims *out, const char **why) MUST_CHECK;
/* HMAC-SHA-256 of `text` under the `n`th usable key (0: the one that signs), for
 * secrets that are derived instead of stored.  `purpose` keeps them apart from
 * each other and from signatures.  False when there is no such key.  Any thread. */
bool token_key_mac(struct arena *a, const struct conf *conf, int n, const char *purpose, const char *text,
    unsigned char out[SHA256_BYTES]) MUST_CHECK;
/* How many usable keys jwt_keys holds; -1 when part of it is malformed or too
 * short.  For start-up and weirctl doctor. */
int access_token_keys(const struct conf *conf);

#endif
