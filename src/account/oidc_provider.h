/*
 * What is known of the OpenID provider: its addresses (OpenID Connect Discovery 1.0) and its
 * keys, each asked for once an hour by a process, and kept in its memory.
 *
 * The provider is the operators' own choice ([oidc] issuer); what it says of itself must be https,
 * and on the open Internet, unless [oidc] allow_private says otherwise.  Worker; `then` goes on on
 * one as well, at once or later (core/await.h).
 */
#ifndef WEIR_ACCOUNT_OIDC_PROVIDER_H
#define WEIR_ACCOUNT_OIDC_PROVIDER_H

#include <jansson.h>

#include "core/request.h"

/* In the request's arena. */
struct oidc_endpoints {
	const char *authorization, *token, *keys;
	bool secret_in_body; /* it takes the client secret there only */
};

typedef enum status oidc_endpoints_fn(struct request *rq, const struct oidc_endpoints *e, void *arg);
/* `keys` is a JWK Set, borrowed. */
typedef enum status oidc_keys_fn(struct request *rq, const json_t *keys, void *arg);

/* Go on with its addresses.  E_PROVIDER_FAILED. */
enum status oidc_discover(struct request *rq, oidc_endpoints_fn *then, void *arg) MUST_CHECK;
/* Go on with its keys; `newer`: those we have did not do, so ask again, unless that was a few seconds ago.
 * E_PROVIDER_FAILED. */
enum status oidc_keys(
    struct request *rq, const struct oidc_endpoints *e, bool newer, oidc_keys_fn *then, void *arg) MUST_CHECK;

#endif
