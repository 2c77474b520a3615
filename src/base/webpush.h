/*
 * Web push: a message that only the browser it is for can read (RFC 8291, aes128gcm of RFC 8188), and the
 * header that tells a push service who sends it (VAPID, RFC 8292).  No I/O, no clock.  Any thread.
 */
#ifndef WEIR_BASE_WEBPUSH_H
#define WEIR_BASE_WEBPUSH_H

#include <stdint.h>

#include "base/arena.h"
#include "base/p256.h"

#define WEBPUSH_AUTH_BYTES 16
#define WEBPUSH_SALT_BYTES 16
/* What a push service must take (RFC 8291 4), less what is put around it. */
#define WEBPUSH_TEXT_MAX 3072

/* What a browser said when it subscribed. */
struct webpush_browser {
	unsigned char p256dh[P256_PUBLIC_BYTES], auth[WEBPUSH_AUTH_BYTES];
};

/* The body of the request, in the arena, with a key and a salt that are used once.  NULL: `to` is no key of a
 * browser, or the text is longer than WEBPUSH_TEXT_MAX. */
unsigned char *webpush_encrypt(
    struct arena *a, const struct webpush_browser *to, const void *text, size_t len, size_t *out_len);
/* The same with a key and a salt of the caller's: for that, and for tests. */
unsigned char *webpush_encrypt_with(struct arena *a, const struct webpush_browser *to, const struct p256_key *once,
    const unsigned char salt[WEBPUSH_SALT_BYTES], const void *text, size_t len, size_t *out_len);
/* "vapid t=…, k=…" for whoever is at `endpoint`, an http or https address; good until `expires_s` (Unix time, at
 * most a day ahead).  `contact`: whom its operator may write to, mailto: or https:.  In the arena; NULL: no key. */
char *webpush_vapid(
    struct arena *a, const struct p256_key *key, const char *endpoint, const char *contact, int64_t expires_s);

#endif
