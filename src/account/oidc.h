/*
 * Sign-in at an OpenID provider: authorization code with PKCE (OpenID Connect Core 1.0, RFC 7636).
 *
 *	oidc_start()	state in the database, a cookie in the browser; nonce and code verifier are
 *			hashes of that cookie
 *	provider	sends the browser back to /signin/return with state and code
 *	oidc_finish()	state and cookie, once; the code for an ID token; account/id_token.h
 *
 * An account is found by issuer and subject, and never by its e-mail address: who comes for the first
 * time gets a new one ([oidc] make_accounts), or has to link the one he has, in the settings.  A second
 * factor is asked for all the same.
 *
 * Identity JSON: {id, issuer, email, created_at, last_used_at}.
 *
 * Worker-only; a json_t given out is the caller's.
 */
#ifndef WEIR_ACCOUNT_OIDC_H
#define WEIR_ACCOUNT_OIDC_H

#include "core/request.h"

/* Is there a provider? */
bool oidc_is_on(const struct conf *conf);
/* Answer {url} for who wants to sign in.  E_NOT_FOUND there is no provider; E_PROVIDER_FAILED; E_FOREIGN_ORIGIN. */
enum status oidc_start(struct request *rq) MUST_CHECK;
/* The same for the caller, who wants to link it.  Errors of account_prove(), too. */
enum status oidc_link(struct request *rq, const char *password) MUST_CHECK;
/* Answer as a sign-in does; or, of a caller, 204: linked to that account.  `iss` may be NULL.  E_INVALID_TOKEN the
 * state is unknown, over, or of another browser or account; E_PROVIDER_REFUSED, E_PROVIDER_FAILED, E_NO_ACCOUNT,
 * E_ACCOUNT_DISABLED, E_SECOND_FACTOR; E_CONFLICT linked to another account. */
enum status oidc_finish(struct request *rq, const char *state, const char *code, const char *iss) MUST_CHECK;

/* The caller's. */
enum status identities_list(struct context *cx, json_t **items) MUST_CHECK;
/* E_NOT_FOUND; E_CONFLICT nothing else would be left to sign in with. */
enum status identity_unlink(struct context *cx, const char *id) MUST_CHECK;

#endif
