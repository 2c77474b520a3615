#include "catalog/strategy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[STRATEGY_COUNT] = {
	[STRATEGY_WEIGHTED] = "weighted",
	[STRATEGY_RANDOM] = "random",
	[STRATEGY_ROUND_ROBIN] = "round_robin",
	[STRATEGY_WEIGHTED_ROUND_ROBIN] = "weighted_round_robin",
	[STRATEGY_LEAST_ERRORS] = "least_errors",
	[STRATEGY_LOWEST_LATENCY] = "lowest_latency",
	[STRATEGY_CONSISTENT_HASH] = "consistent_hash",
};

const char *
strategy_name(enum strategy s)
{
	return names[s];
}

bool
strategy_parse(const char *name, enum strategy *out)
{
	for (int i = 0; name != NULL && i < STRATEGY_COUNT; i++)
		if (strcmp(names[i], name) == 0) {
			*out = (enum strategy)i;
			return true;
		}
	return false;
}

/* ---- numbers ------------------------------------------------------------------- */

/* The finalizer of SplitMix64 (Steele, Lea, Flood 2014): each bit depends on all. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static uint64_t
next_random(struct strategy_draw *draw)
{
	draw->random += UINT64_C(0x9e3779b97f4a7c15);
	return mix(draw->random);
}

/* FNV-1a. */
uint64_t
strategy_affinity(const char *text, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return mix(hash);
}

/* ---- orders -------------------------------------------------------------------- */

/* Who throws the least comes first: as in a draw with these weights, one after the other
 * (Efraimidis, Spirakis 2006). */
static double
throw_with(uint64_t random, int64_t weight)
{
	double share = ((double)(random >> 11) + 0.5) / 9007199254740992.0; /* of 2^53: in (0, 1) */

	return -log(share) / (double)(weight > 0 ? weight : 1);
}

static uint64_t
common_divisor(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* A stride of about the golden section that has no divisor in common with `total`: taken
 * again and again it comes by every place once before it comes by one twice, and hardly
 * ever by neighbours in a row. */
static uint64_t
stride(uint64_t total)
{
	uint64_t s = (uint64_t)((double)total * 0.6180339887498949);

	if (s == 0)
		return 1;
	while (common_divisor(s, total) != 1)
		s++;
	return s;
}

/* The lots that have a weight, or those that have none: as they stand, and who is to begin. */
struct round {
	size_t n, first, at;
};

static struct round
round_of(const struct strategy_draw *draw, const struct strategy_lot *lots, size_t n, bool has_weight)
{
	bool is_weighted = draw->strategy == STRATEGY_WEIGHTED_ROUND_ROBIN && has_weight;
	struct round r = { 0, 0, 0 };
	uint64_t total = 0, place;
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		if ((lots[i].weight > 0) == has_weight) {
			r.n++;
			total += is_weighted ? (uint64_t)lots[i].weight : 1;
		}
	if (total == 0)
		return r;
	place = draw->turn % total * (is_weighted ? stride(total) : 1) % total;
	for (size_t i = 0; i < n; i++) {
		uint64_t share = is_weighted ? (uint64_t)lots[i].weight : 1;

		if ((lots[i].weight > 0) != has_weight)
			continue;
		if (place < share) {
			r.first = at;
			break;
		}
		place -= share;
		at++;
	}
	return r;
}

static void
score_rounds(const struct strategy_draw *draw, struct strategy_lot *lots, size_t n)
{
	struct round rounds[] = { round_of(draw, lots, n, false), round_of(draw, lots, n, true) };

	for (size_t i = 0; i < n; i++) {
		struct round *r = &rounds[lots[i].weight > 0];

		lots[i].score = (double)((r->at++ + r->n - r->first) % r->n);
	}
}

static double
health_score(enum strategy strategy, const struct strategy_lot *lot)
{
	if (lot->calls <= 0)
		return 0;
	if (strategy == STRATEGY_LEAST_ERRORS)
		return lot->errors_per_mille;
	return lot->first_byte_ms > 0 ? (double)lot->first_byte_ms : HUGE_VAL; /* asked, and never answered: the last */
}

static void
score(struct strategy_draw *draw, struct strategy_lot *lot)
{
	switch (draw->strategy) {
	case STRATEGY_WEIGHTED: lot->score = throw_with(next_random(draw), lot->weight); break;
	case STRATEGY_RANDOM: lot->score = throw_with(next_random(draw), 1); break;
	case STRATEGY_LEAST_ERRORS:
	case STRATEGY_LOWEST_LATENCY: /* equals, such as those nothing is known of, share by their weights */
		lot->score = health_score(draw->strategy, lot);
		lot->tie = throw_with(next_random(draw), lot->weight);
		break;
	case STRATEGY_CONSISTENT_HASH: /* rendezvous (Thaler, Ravishankar 1998): it depends on nobody else */
		lot->score = throw_with(
		    mix(draw->affinity ^ mix((uint64_t)lot->id + UINT64_C(0x9e3779b97f4a7c15))), lot->weight);
		break;
	case STRATEGY_ROUND_ROBIN:
	case STRATEGY_WEIGHTED_ROUND_ROBIN: break; /* score_rounds() */
	}
}

static int
compare(const void *left, const void *right)
{
	const struct strategy_lot *a = left, *b = right;

	if ((a->weight > 0) != (b->weight > 0))
		return a->weight > 0 ? -1 : 1;
	if (a->score != b->score)
		return a->score < b->score ? -1 : 1;
	if (a->tie != b->tie)
		return a->tie < b->tie ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

void
strategy_order(struct strategy_draw *draw, struct strategy_lot *lots, size_t n)
{
	if (n < 2)
		return;
	for (size_t i = 0; i < n; i++) {
		lots[i].score = lots[i].tie = 0;
		score(draw, &lots[i]);
	}
	if (draw->strategy == STRATEGY_ROUND_ROBIN || draw->strategy == STRATEGY_WEIGHTED_ROUND_ROBIN)
		score_rounds(draw, lots, n);
	qsort(lots, n, sizeof(*lots), compare);
}
