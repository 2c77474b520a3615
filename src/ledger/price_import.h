/*
 * Price lists of others: the public map of models that LiteLLM keeps
 * (model_prices_and_context_window.json): {model: {"input_cost_per_token": dollars,
 * …}}, with "_above_200k_tokens" for long prompts and "_flex", "_priority",
 * "_batches" for tiers behind a name.  What we have no meter for is left out.  Pure.
 */
#ifndef WEIR_LEDGER_PRICE_IMPORT_H
#define WEIR_LEDGER_PRICE_IMPORT_H

#include <jansson.h>
#include <stddef.h>

/* The entry of a model: of that name, or of the first name that ends in "/NAME"; NULL: none. */
const json_t *import_entry(const json_t *list, const char *name);
/* Append the entry's prices as rows (ledger/prices.h) of model `name`, a dollar as `credits_per_usd`
 * credits, rounded to a millionth.  What has a meter here and is negative or more than a row holds goes to
 * `refused` as "NAME: its name in the list".  How many rows. */
size_t import_rows(json_t *rows, json_t *refused, const char *name, const json_t *entry, double credits_per_usd);

#endif
