/*
 * Secrets of others that the database keeps: keys of providers.  Sealed with
 * [auth] encryption_key (AES-256-GCM), never shown, never logged.
 */
#ifndef WEIR_CORE_SECRET_H
#define WEIR_CORE_SECRET_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/status.h"

/* Seal a text, in the arena.  E_UNAVAILABLE (logged) when encryption_key is not
 * set or not 32 bytes of base64url.  Any thread. */
enum status secret_seal(
    struct arena *a, const struct conf *conf, const char *text, unsigned char **out, size_t *out_len) MUST_CHECK;
/* The opposite; `whose` it is stands in the log.  E_UNAVAILABLE also when it was
 * sealed with another key. */
enum status secret_open(struct arena *a, const struct conf *conf, const char *whose, const unsigned char *sealed,
    size_t len, const char **out) MUST_CHECK;

#endif
