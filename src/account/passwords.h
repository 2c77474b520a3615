/*
 * Password work under a limit: each check takes 19 MiB and some 30 ms, so that
 * a flood of sign-ins would take all memory and all workers.
 *
 * At most conf->auth_hashing_slots are computed at once in a process; others
 * wait, but never so many that no worker is left for anything else: they get
 * 503 with Retry-After at once.
 */
#ifndef WEIR_ACCOUNT_PASSWORDS_H
#define WEIR_ACCOUNT_PASSWORDS_H

#include "core/request.h"

#define PASSWORD_CHARS_MIN 8
#define PASSWORD_CHARS_MAX 128
/* For checking: imported accounts may have longer ones. */
#define PASSWORD_CHECK_CHARS_MAX 256

/* password_hash() within the limit; E_OVERLOADED.  Worker. */
enum status passwords_hash(struct context *cx, const char *password, char **out) MUST_CHECK;
/* password_verify() within the limit: OK with *matches, or E_OVERLOADED.
 * A NULL hash takes as long and does not match.  Worker. */
enum status passwords_verify(
    struct context *cx, const char *password, const char *hash, bool *matches, bool *needs_rehash) MUST_CHECK;

#endif
