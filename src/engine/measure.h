/*
 * What a call used: the provider's word where it can be true, else a marked
 * estimate of ours.  The same for those who settle their own turns and for
 * weir-worker, who settles those of the dead.  Pure.
 */
#ifndef WEIR_ENGINE_MEASURE_H
#define WEIR_ENGINE_MEASURE_H

#include "engine/answer.h"
#include "engine/call.h"
#include "ledger/price.h"

#define MEASURE_CALL_TOKENS 16 /* a call's name and frame, beside its arguments */

/* What one model costs. */
struct price model_price(const struct offer_model *m);
/* Nothing delivered is nothing used.  What the provider says is believed as far
 * as it could be true of a prompt of about `prompt_tokens` and of what was
 * delivered: beyond three times our estimate and 64 more, and what was thought unseen,
 * it is cut there, and marked. */
struct usage measure(const struct answer *a, int64_t prompt_tokens, const struct call_candidate *at);
/* What that costs; nothing delivered costs nothing, not even the price per call. */
int64_t measure_cost_ucr(const struct answer *a, const struct call_candidate *at, const struct usage *u);

#endif
