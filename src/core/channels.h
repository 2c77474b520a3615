/*
 * Channels: the accounts at model providers through which models are reached.
 * Their API keys are sealed in the database with auth_encryption_key and never
 * leave again: everywhere else there is only "has_key".
 *
 * Worker-only, for admins: the callers have checked the role.
 */
#ifndef WEIR_CORE_CHANNELS_H
#define WEIR_CORE_CHANNELS_H

#include "core/request.h"

/* Seal an API key for channels.api_key_enc, in the arena.  E_UNAVAILABLE
 * (logged) when auth_encryption_key is not set or not 32 bytes of base64url. */
enum status channel_key_seal(
    struct arena *a, const struct conf *conf, const char *api_key, unsigned char **out, size_t *out_len) MUST_CHECK;
/* The opposite; `channel` is its name, for the log.  E_UNAVAILABLE also when it
 * was sealed with another key. */
enum status channel_key_open(struct arena *a, const struct conf *conf, const char *channel, const unsigned char *sealed,
    size_t len, const char **out) MUST_CHECK;

#endif
