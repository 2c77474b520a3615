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

/* Nothing delivered is nothing used.  What the provider says is believed as far
 * as it could be true of a prompt of about `prompt_tokens` and of what was
 * delivered: beyond three times our estimate and 64 more, and what was thought unseen,
 * it is cut there, and marked. */
struct usage measure(const struct answer *a, int64_t prompt_tokens, const struct call_candidate *at);
/* What that costs; nothing delivered costs nothing, not even the price per call. */
int64_t measure_cost_ucr(const struct answer *a, const struct call_candidate *at, const struct usage *u);

/* The provider's count where it could be true of our estimate, else the next that could
 * be, and *estimated is set.  -1 and 0: it told nothing.  `most`: 0, or what the model can. */
int64_t measure_believed(int64_t told, int64_t estimate, int64_t most, bool *estimated);
/* How often the price per call is due: for each picture, second of sound heard or search;
 * else once. */
int64_t measure_units(const struct usage *u);
/* What is no chat costs: each by its meter.  Without rows of their own characters read aloud
 * count as tokens where none were counted, and of pictures, seconds and searches each is a call. */
int64_t measure_units_cost_ucr(const struct price *p, const struct usage *u);
/* Do tokens cost anything by it? */
bool measure_prices_tokens(const struct price *p);

#endif
