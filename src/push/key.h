/*
 * The key by which push services know this site (RFC 8292).  Made when it is first asked for, kept in
 * table push_key, sealed with [auth] encryption_key.
 */
#ifndef WEIR_PUSH_KEY_H
#define WEIR_PUSH_KEY_H

#include "base/p256.h"
#include "core/context.h"

/* Is anything to be told on devices: is [push] contact set? */
bool push_configured(const struct conf *conf);
/* Its public half, which browsers subscribe to, as base64url in the arena; made now where there is none.
 * E_UNAVAILABLE also when it cannot be sealed.  Worker. */
enum status push_key_public(struct context *cx, const char **out) MUST_CHECK;
/* All of it.  E_NOT_FOUND there is none; E_UNAVAILABLE it was sealed with another encryption_key.  Worker. */
enum status push_key_open(struct context *cx, struct p256_key *out) MUST_CHECK;

#endif
