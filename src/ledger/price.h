/*
 * What something costs: the one formula.  All sums saturate; nothing here
 * rounds in anybody's favour but money.h says how.  Pure.
 */
#ifndef WEIR_LEDGER_PRICE_H
#define WEIR_LEDGER_PRICE_H

#include <stdbool.h>
#include <stdint.h>

/* What one model costs, in micro-credits. */
struct price {
	int64_t input_ucr, output_ucr; /* per million tokens */
	int64_t call_ucr;	       /* per call */
};

/* What a task used. */
struct usage {
	int64_t input_tokens, output_tokens;
	bool estimated; /* by us: the provider told nothing, or nothing that could be true */

	/* Of what is no chat; 0: it has no such thing.  Pictures made, begun seconds of sound heard,
	 * characters read aloud, searches. */
	int64_t images, seconds, characters, queries;
};

/* What `u` costs. */
int64_t price_cost_ucr(const struct price *p, const struct usage *u);
/* The most that a prompt of about `prompt_tokens` and an answer of at most
 * `max_output_tokens` can cost: what is held before it is asked.  The guess of
 * the prompt is taken generously. */
int64_t price_ceiling_ucr(const struct price *p, int64_t prompt_tokens, int64_t max_output_tokens);

#endif
