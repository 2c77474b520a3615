/*
 * In which order equals are tried: the channels of a model that have the same
 * priority, and the keys of a channel.  Pure: what is drawn by lot comes from the
 * caller's `random`, what goes round from the caller's `turn`.
 *
 *	weighted		by lot, one after the other, with their weights
 *	random			by lot
 *	round_robin		each turn begins with the next one
 *	weighted_round_robin	the same, as often as the weights say: of so many turns
 *				as the weights sum up to each begins exactly its weight,
 *				spread over them
 *	least_errors		who failed least of late
 *	lowest_latency		who answered soonest of late; who was never asked comes first
 *	consistent_hash		by the affinity: the same one for the same affinity, and
 *				for few others when one comes or goes
 *
 * Whatever the strategy, weight 0 comes last.  Any thread.
 */
#ifndef WEIR_CATALOG_STRATEGY_H
#define WEIR_CATALOG_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* llm_models.strategy holds the names. */
enum strategy {
	STRATEGY_WEIGHTED,
	STRATEGY_RANDOM,
	STRATEGY_ROUND_ROBIN,
	STRATEGY_WEIGHTED_ROUND_ROBIN,
	STRATEGY_LEAST_ERRORS,
	STRATEGY_LOWEST_LATENCY,
	STRATEGY_CONSISTENT_HASH,
};
#define STRATEGY_COUNT 7
/* For a field table: the names, separated by spaces. */
#define STRATEGY_NAMES "weighted random round_robin weighted_round_robin least_errors lowest_latency consistent_hash"

const char *strategy_name(enum strategy s);
/* False, and *out untouched: there is none of that name. */
bool strategy_parse(const char *name, enum strategy *out) MUST_CHECK;

/* One of those that are put in order. */
struct strategy_lot {
	size_t index; /* the caller's */
	int64_t id;   /* of the channel or key: what the affinity is hashed with */
	int64_t weight;
	int64_t first_byte_ms; /* moving mean; 0: not known */
	int64_t calls;	       /* of late; with none first_byte_ms and errors say nothing */
	int errors_per_mille;
	double score, tie; /* scratch */
};

struct strategy_draw {
	enum strategy strategy;
	uint32_t turn;	   /* of the strategies that go round */
	uint64_t affinity; /* of consistent_hash: strategy_affinity() */
	uint64_t random;   /* any number; moved on */
};

/* What stands for a session or whatever else is to stay where it was: the same number for the same
 * text on every host. */
uint64_t strategy_affinity(const char *text, size_t len);
/* Put them in order. */
void strategy_order(struct strategy_draw *draw, struct strategy_lot *lots, size_t n);

#endif
