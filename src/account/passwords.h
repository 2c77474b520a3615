/*
 * Password work within bounds: each check takes 19 MiB and some 30 ms of a core,
 * so that a flood of sign-ins would take all memory and all workers.
 *
 * At most conf->auth_hashing_slots are computed at once in a process, and always
 * fewer than it has workers.  Routes with ROUTE_PASSWORD take a slot before their
 * handler runs and have it until they are answered.  Those that find none wait
 * for their turn without a worker (core/await.h), first come, first served; who
 * waited for PASSWORDS_WAIT_MS, or finds PASSWORDS_WAITING_MAX in front, gets 503.
 */
#ifndef WEIR_ACCOUNT_PASSWORDS_H
#define WEIR_ACCOUNT_PASSWORDS_H

#include "core/request.h"

#define PASSWORD_CHARS_MIN 8
#define PASSWORD_CHARS_MAX 128
/* For checking: imported accounts may have longer ones. */
#define PASSWORD_CHECK_CHARS_MAX 256

#define PASSWORDS_WAIT_MS 2000
#define PASSWORDS_WAITING_MAX 64

/* The stage of routes with ROUTE_PASSWORD: run `handler`, with a slot, now or
 * when one is free.  Returns what it returns; E_OVERLOADED.  Worker. */
enum status passwords_stage(struct request *rq, handler_fn *handler) MUST_CHECK;
/* The request is answered: its slot, if it has one, is the next one's.  Worker. */
void passwords_leave(struct request *rq);

/* password_hash() of the password in NFC, by a request that has a slot.  Worker, or weirctl. */
char *passwords_hash(struct arena *a, const char *password);
/* password_verify(), the same.  The password is tried in NFC,
 * then as typed where that is something else (and needs a new hash then).  A NULL
 * hash takes as long and does not match.  Worker. */
bool passwords_verify(struct arena *a, const char *password, const char *hash, bool *needs_rehash);

#endif
