/* catalog/strategy: every order that equals can be tried in. */
#include <string.h>

#include "catalog/strategy.h"
#include "tap.h"

#define N 4

static const int64_t weights[N] = { 1, 0, 3, 2 };

static void
fill(struct strategy_lot lots[N])
{
	for (size_t i = 0; i < N; i++)
		lots[i] = (struct strategy_lot){ .index = i, .id = (int64_t)(i + 1) * 7, .weight = weights[i] };
}

/* Who came first in so many draws, by index; weight 0 is always the last. */
static void
count(enum strategy strategy, uint32_t turns, unsigned first[N])
{
	struct strategy_draw draw = { .strategy = strategy, .random = 42 };
	struct strategy_lot lots[N];

	memset(first, 0, N * sizeof(*first));
	for (uint32_t turn = 0; turn < turns; turn++) {
		bool seen[N] = { false };

		fill(lots);
		draw.turn = turn;
		strategy_order(&draw, lots, N);
		first[lots[0].index]++;
		for (size_t i = 0; i < N; i++)
			seen[lots[i].index] = true;
		CU_ASSERT_TRUE_FATAL(seen[0] && seen[1] && seen[2] && seen[3]);
		CU_ASSERT_EQUAL_FATAL(lots[N - 1].index, 1);
	}
}

static void
test_names(void)
{
	enum strategy found = STRATEGY_RANDOM;

	for (int i = 0; i < STRATEGY_COUNT; i++) {
		CU_ASSERT_TRUE(strategy_parse(strategy_name((enum strategy)i), &found));
		CU_ASSERT_EQUAL(found, (enum strategy)i);
		CU_ASSERT_PTR_NOT_NULL(strstr(STRATEGY_NAMES, strategy_name((enum strategy)i)));
	}
	CU_ASSERT_FALSE(strategy_parse("best", &found));
	CU_ASSERT_FALSE(strategy_parse(NULL, &found));
	CU_ASSERT_EQUAL(found, STRATEGY_COUNT - 1);
}

static bool
is_about(unsigned n, unsigned wanted)
{
	return n > wanted - 300 && n < wanted + 300; /* of 12,000 draws: six standard deviations and more */
}

static void
test_weighted(void)
{
	unsigned first[N];

	count(STRATEGY_WEIGHTED, 12000, first);
	CU_ASSERT_TRUE(is_about(first[0], 2000) && is_about(first[2], 6000) && is_about(first[3], 4000));
	CU_ASSERT_EQUAL(first[1], 0);
}

static void
test_random(void)
{
	unsigned first[N];

	count(STRATEGY_RANDOM, 12000, first);
	CU_ASSERT_TRUE(is_about(first[0], 4000) && is_about(first[2], 4000) && is_about(first[3], 4000));
}

static void
test_round_robin(void)
{
	struct strategy_draw draw = { .strategy = STRATEGY_ROUND_ROBIN };
	static const size_t orders[][N] = { { 0, 2, 3, 1 }, { 2, 3, 0, 1 }, { 3, 0, 2, 1 } };
	struct strategy_lot lots[N];

	for (draw.turn = 0; draw.turn < 30; draw.turn++) {
		fill(lots);
		strategy_order(&draw, lots, N);
		for (size_t i = 0; i < N; i++)
			CU_ASSERT_EQUAL(lots[i].index, orders[draw.turn % 3][i]);
	}
}

static void
test_weighted_round_robin(void)
{
	struct strategy_draw draw = { .strategy = STRATEGY_WEIGHTED_ROUND_ROBIN };
	struct strategy_lot lots[2];
	unsigned first[N], row = 0, longest = 0;

	count(STRATEGY_WEIGHTED_ROUND_ROBIN, 600, first);
	CU_ASSERT_EQUAL(first[0], 100); /* exactly */
	CU_ASSERT_EQUAL(first[2], 300);
	CU_ASSERT_EQUAL(first[3], 200);
	for (draw.turn = 0; draw.turn < 200; draw.turn++) { /* 50 : 50 goes to and fro, not half by half */
		lots[0] = (struct strategy_lot){ .index = 0, .weight = 50 };
		lots[1] = (struct strategy_lot){ .index = 1, .weight = 50 };
		strategy_order(&draw, lots, 2);
		row = lots[0].index == 0 ? row + 1 : 0;
		longest = row > longest ? row : longest;
	}
	CU_ASSERT_TRUE(longest <= 3);
}

static void
test_health(void)
{
	static const struct strategy_lot known[] = {
		{ .index = 0, .weight = 1, .calls = 10, .errors_per_mille = 30, .first_byte_ms = 900 },
		{ .index = 1, .weight = 1, .calls = 10, .errors_per_mille = 10, .first_byte_ms = 1200 },
		{ .index = 2, .weight = 1, .calls = 10, .errors_per_mille = 1000, .first_byte_ms = 0 },
		{ .index = 3, .weight = 0, .calls = 10, .errors_per_mille = 0, .first_byte_ms = 1 },
		{ .index = 4, .weight = 1, .calls = 10, .errors_per_mille = 20, .first_byte_ms = 300 },
	};
	static const size_t by_errors[] = { 1, 4, 0, 2, 3 }, by_latency[] = { 4, 0, 1, 2, 3 };
	struct strategy_draw draw = { .strategy = STRATEGY_LEAST_ERRORS };
	struct strategy_lot lots[5];

	memcpy(lots, known, sizeof(lots));
	strategy_order(&draw, lots, 5);
	for (size_t i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(lots[i].index, by_errors[i]);
	draw.strategy = STRATEGY_LOWEST_LATENCY;
	memcpy(lots, known, sizeof(lots));
	strategy_order(&draw, lots, 5);
	for (size_t i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(lots[i].index, by_latency[i]);
}

/* Who was never asked is asked first; of those, each as its weight says. */
static void
test_health_unknown(void)
{
	unsigned first[N];

	count(STRATEGY_LOWEST_LATENCY, 12000, first);
	CU_ASSERT_TRUE(is_about(first[0], 2000) && is_about(first[2], 6000) && is_about(first[3], 4000));
}

static size_t
hashed(const char *session, struct strategy_lot *lots, size_t n)
{
	struct strategy_draw draw = { .strategy = STRATEGY_CONSISTENT_HASH,
		.affinity = strategy_affinity(session, strlen(session)) };

	strategy_order(&draw, lots, n);
	return lots[0].index;
}

static void
test_consistent_hash(void)
{
	unsigned first[N] = { 0 }, moved = 0;
	struct strategy_lot lots[N];
	char session[32];

	for (unsigned i = 0; i < 12000; i++) {
		size_t with_all, without;

		snprintf(session, sizeof(session), "session-%u", i);
		fill(lots);
		with_all = hashed(session, lots, N);
		first[with_all]++;
		fill(lots);
		CU_ASSERT_EQUAL_FATAL(hashed(session, lots, N), with_all);
		fill(lots); /* the last one is gone: only its sessions go elsewhere */
		without = hashed(session, lots, N - 1);
		CU_ASSERT_TRUE_FATAL(with_all == 3 || without == with_all);
		moved += without != with_all;
	}
	CU_ASSERT_TRUE(is_about(first[0], 2000) && is_about(first[2], 6000) && is_about(first[3], 4000));
	CU_ASSERT_EQUAL(moved, first[3]);
}

static void
test_only_zeros(void)
{
	for (int strategy = 0; strategy < STRATEGY_COUNT; strategy++) {
		struct strategy_draw draw = { .strategy = (enum strategy)strategy, .turn = 1, .random = 1 };
		struct strategy_lot lots[] = { { .index = 0, .id = 1 }, { .index = 1, .id = 2 } };

		strategy_order(&draw, lots, 2);
		CU_ASSERT_EQUAL(lots[0].index + lots[1].index, 1);
		strategy_order(&draw, lots, 1);
		strategy_order(&draw, lots, 0);
	}
}

static CU_TestInfo tests[] = {
	{ "names", test_names },
	{ "weighted: shares as the weights say", test_weighted },
	{ "random: equal shares", test_random },
	{ "round_robin: one after the other", test_round_robin },
	{ "weighted_round_robin: exact shares, spread", test_weighted_round_robin },
	{ "least_errors and lowest_latency", test_health },
	{ "nothing known: first, and by weight", test_health_unknown },
	{ "consistent_hash: stays, and moves only whose channel went", test_consistent_hash },
	{ "only weights of 0", test_only_zeros },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "strategy", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
