/*
 * What a provider tells of an account besides answers: which models it has, and
 * what is left of it.  Formats and nothing else.
 */
#ifndef WEIR_WIRE_ACCOUNT_H
#define WEIR_WIRE_ACCOUNT_H

#include <jansson.h>

#include "wire/wire.h"

enum account_what { ACCOUNT_MODELS, ACCOUNT_BALANCE };

#define ACCOUNT_MODELS_MAX 2000 /* more are not read */

/* The request that asks `to` (base_url, api_key) for it; in the arena.  False: the provider has no
 * such thing, or the base URL is none.  Balances are told at openrouter.ai and api.deepseek.com. */
bool account_ask(struct arena *a, enum account_what what, const char *provider, const struct wire_target *to,
    struct wire_request *out) MUST_CHECK;
/* The names of the models in an answer, sorted, each once; NULL: it is no such answer.  The
 * caller owns the reference. */
json_t *account_models(const char *body, size_t len);
/* What is left, as a decimal text of at most 6 places, and in which currency.  False: it is no such answer. */
struct account_balance {
	char amount[32], currency[9];
};
bool account_balance(const char *body, size_t len, struct account_balance *out) MUST_CHECK;

#endif
