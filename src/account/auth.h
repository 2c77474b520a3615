/*
 * The auth stage: who calls, and may they call this route?
 *
 * The access token (account/jwt.h) names user and session; one query looks both
 * up, so that a revoked session, a disabled account or a lost role counts with
 * the next request in every process.  Clients of the API paths send a key instead, or
 * the same token: as Bearer, or where the SDKs of vendors put their keys, in x-api-key,
 * x-goog-api-key or ?key=, which no log of ours has.
 */
#ifndef WEIR_ACCOUNT_AUTH_H
#define WEIR_ACCOUNT_AUTH_H

#include "core/request.h"

/* Fill rq->caller for routes that ask for one (rq->route->caller):
 *
 *	CALLER_ANYONE	nobody is asked; rq->caller stays empty
 *	CALLER_USER	a live session of an active user
 *	CALLER_CLIENT	the same, or an API key (account/keys.h)
 *	CALLER_ADMIN	the same, with role admin
 *	CALLER_OPS	ops_guard()
 *
 * E_FACTOR_REQUIRED an admin who has none where [auth] admin_factor asks for one;
 * E_UNAUTHENTICATED no token, or one that does not hold (with WWW-Authenticate), or an
 * API key where none is taken; E_ACCOUNT_DISABLED; E_FORBIDDEN not an admin, or not
 * with this key; E_UNAVAILABLE no database.
 * Worker. */
enum status auth_stage(struct request *rq) MUST_CHECK;
/* For routes of CALLER_ANYONE that know their caller better than none: fill
 * rq->caller when a token was sent and holds, leave it empty when not.  OK, or
 * E_UNAVAILABLE no database.  Worker. */
enum status auth_try(struct request *rq) MUST_CHECK;

#endif
