/* The one formula: which rows hold, and what they come to. */
#include "base/money.h"
#include "ledger/price.h"

#include <string.h>

#include "tap.h"

#define MTOK 1000000
#define C UCR_PER_CREDIT
#define ALWAYS INT64_MIN
#define NOON INT64_C(1767225600 + 12 * 3600) /* 2026-01-01 12:00 UTC */
#define LINE(meter_, price, per_, from) \
	.meter = METER_##meter_, .unit_ucr = (price), .per = (per_), .valid_from_s = (from)
#define ROW(meter, price, ...) LINE(meter, price, MTOK, ALWAYS), __VA_ARGS__
#define EACH(meter, price, per) LINE(meter, price, per, ALWAYS)
#define FROM(meter, price, from) LINE(meter, price, MTOK, from)

static struct arena *arena;

static int
set_up(void)
{
	arena = arena_new(4096, 1 << 20);
	return 0;
}

static int
tear_down(void)
{
	arena_free(arena);
	return 0;
}

static const struct price *
resolved(const struct price_row *rows, size_t n, const char *group, enum tier tier, int64_t ratio_ppm, int64_t now_s)
{
	return price_resolve(arena, &(struct price_list){ n, rows }, group, tier, ratio_ppm, now_s);
}

#define RESOLVED(rows, ...) resolved((rows), sizeof(rows) / sizeof((rows)[0]), __VA_ARGS__)
#define PLAIN(rows) RESOLVED(rows, NULL, TIER_STANDARD, RATIO_ONE, NOON)
#define COST(p, ...) price_cost_ucr((p), &(struct usage){ __VA_ARGS__ })

static void
test_names(void)
{
	const char *list = PRICE_METERS " ";

	for (enum meter m = 0; m < METERS; m++) {
		size_t len = strlen(meter_name(m));

		CU_ASSERT_EQUAL(meter_find(meter_name(m)), m);
		CU_ASSERT_EQUAL(strncmp(list, meter_name(m), len), 0);
		list += len + 1;
	}
	CU_ASSERT_EQUAL(*list, '\0');
	CU_ASSERT_EQUAL(meter_find("tea"), METERS);
	CU_ASSERT_EQUAL(meter_find(NULL), METERS);
	CU_ASSERT_EQUAL(tier_find("flex"), TIER_FLEX);
	CU_ASSERT_EQUAL(tier_find(""), TIERS);
}

static void
test_every_meter(void)
{
	static const struct price_row rows[] = {
		{ ROW(INPUT, 10 * C) },
		{ ROW(OUTPUT, 40 * C) },
		{ ROW(CACHED_INPUT, C) },
		{ ROW(CACHE_WRITE, 12 * C) },
		{ ROW(CACHE_WRITE_1H, 20 * C) },
		{ ROW(REASONING, 50 * C) },
		{ ROW(AUDIO_INPUT, 100 * C) },
		{ ROW(AUDIO_OUTPUT, 200 * C) },
		{ EACH(IMAGE, 3, 1) },
		{ EACH(SECOND, 5, 1) },
		{ EACH(CHARACTER, 7000, 1000) },
		{ EACH(PAGE, 11, 1) },
		{ EACH(QUERY, 13, 1) },
		{ EACH(CALL, 17, 1) },
	};
	struct price_row twice[2 * METERS];
	const struct price *p;

	for (size_t i = 0; i < METERS; i++)
		twice[i] = twice[METERS + i] = rows[i];
	for (size_t i = 0; i < METERS; i++)
		twice[i].per = rows[i].per, twice[METERS + i].tier = TIER_BATCH, twice[METERS + i].unit_ucr /= 2;
	p = resolved(rows, METERS, NULL, TIER_STANDARD, RATIO_ONE, NOON);
	CU_ASSERT_EQUAL(p->n, METERS);
	CU_ASSERT_EQUAL(COST(p, .input_tokens = 1000), 10000 + 17);
	CU_ASSERT_EQUAL(COST(p, .output_tokens = 1000), 40000 + 17);
	CU_ASSERT_EQUAL(COST(p, .input_tokens = 1000, .cached_tokens = 400), 6000 + 400 + 17);
	CU_ASSERT_EQUAL(COST(p, .input_tokens = 1000, .cache_write_tokens = 500, .cache_write_1h_tokens = 200),
	    5000 + 300 * 12 + 200 * 20 + 17);
	CU_ASSERT_EQUAL(COST(p, .output_tokens = 1000, .reasoning_tokens = 600), 400 * 40 + 600 * 50 + 17);
	CU_ASSERT_EQUAL(
	    COST(p, .input_tokens = 10, .audio_input_tokens = 4, .output_tokens = 10, .audio_output_tokens = 5),
	    60 + 400 + 200 + 1000 + 17);
	CU_ASSERT_EQUAL(COST(p, .images = 2, .seconds = 3, .characters = 1500, .pages = 4, .queries = 5),
	    6 + 15 + 10500 + 44 + 65 + 17);
	p = resolved(twice, 2 * METERS, NULL, TIER_BATCH, RATIO_ONE, NOON);
	CU_ASSERT_EQUAL(COST(p, .input_tokens = 1000), 5000 + 8);
}

static void
test_what_has_no_row(void)
{
	static const struct price_row rows[] = { { ROW(INPUT, 10 * C) }, { ROW(OUTPUT, 40 * C) } };
	static const struct price_row writes[] = { { ROW(INPUT, 10 * C) }, { ROW(CACHE_WRITE, 12 * C) } };
	static const struct price_row call[] = { { EACH(CALL, 9, 1) } };
	static const struct price_row half[] = { { ROW(INPUT, 10 * C) } };
	static const struct price_row dear[] = { { ROW(INPUT, C, .min_context = 1) }, { ROW(OUTPUT, C) } };
	static const struct price_row gratis[] = { { ROW(INPUT, 0) }, { ROW(OUTPUT, 0) } };
	const struct price *p = PLAIN(rows);

	CU_ASSERT_EQUAL(COST(p, .input_tokens = 100, .cached_tokens = 40, .cache_write_tokens = 60), 1000);
	CU_ASSERT_EQUAL(COST(p, .output_tokens = 100, .reasoning_tokens = 100), 4000);
	CU_ASSERT_EQUAL(COST(p, .images = 100), 0);
	CU_ASSERT(price_is_known(p) && !price_has(p, METER_IMAGE) && price_has(p, METER_CACHE_WRITE_1H));
	CU_ASSERT_EQUAL(
	    COST(PLAIN(writes), .input_tokens = 100, .cache_write_tokens = 100, .cache_write_1h_tokens = 100), 1200);
	p = PLAIN(call);
	CU_ASSERT(price_is_known(p) && price_has(p, METER_IMAGE));
	CU_ASSERT_EQUAL(COST(p, .input_tokens = 100, .output_tokens = 100), 9);
	CU_ASSERT(!price_is_known(PLAIN(half)));
	CU_ASSERT(!price_is_known(PLAIN(dear))); /* nothing said of short prompts */
	CU_ASSERT(price_is_known(PLAIN(gratis)));
	CU_ASSERT_EQUAL(COST(PLAIN(gratis), .input_tokens = 100, .output_tokens = 100), 0);
	CU_ASSERT(!price_is_known(resolved(NULL, 0, NULL, TIER_STANDARD, RATIO_ONE, NOON)));
	CU_ASSERT(!price_is_known(NULL));
	CU_ASSERT_EQUAL(COST(NULL, .input_tokens = 100), 0);
}

/* Whatever a provider says, no token is charged twice, and none below zero. */
static void
test_parts_that_are_too_many(void)
{
	static const struct price_row rows[] = { { ROW(INPUT, 10 * C) }, { ROW(OUTPUT, 40 * C) },
		{ ROW(CACHED_INPUT, C) }, { ROW(REASONING, 80 * C) } };
	const struct price *p = PLAIN(rows);

	CU_ASSERT_EQUAL(COST(p, .input_tokens = 100, .cached_tokens = 1000, .cache_write_tokens = 1000), 100);
	CU_ASSERT_EQUAL(COST(p, .input_tokens = 100, .cached_tokens = -5, .cache_write_tokens = INT64_MIN), 1000);
	CU_ASSERT_EQUAL(COST(p, .output_tokens = 10, .reasoning_tokens = INT64_MAX), 800);
	CU_ASSERT_EQUAL(COST(p, .input_tokens = -100, .cached_tokens = 100), 0);
}

static void
test_thresholds(void)
{
	static const struct price_row rows[] = { { ROW(INPUT, 2 * C, .min_context = 200000) }, { ROW(INPUT, C) },
		{ ROW(OUTPUT, 4 * C) }, { ROW(INPUT, 3 * C, .min_context = 500000) },
		{ ROW(OUTPUT, 8 * C, .min_context = 200000) } };
	const struct price *p = PLAIN(rows);

	CU_ASSERT_EQUAL(COST(p, .input_tokens = 199999, .output_tokens = 1), 199999 + 4);
	CU_ASSERT_EQUAL(COST(p, .input_tokens = 200000, .output_tokens = 1), 400000 + 8);
	CU_ASSERT_EQUAL(COST(p, .input_tokens = 500000), 1500000);
	/* the hold covers the dearest that the prompt can reach: 160000 * 5/4 + 64 tokens */
	CU_ASSERT_EQUAL(price_ceiling_ucr(p, 160000, 10), 200064 * 2 + 80);
	CU_ASSERT_EQUAL(price_ceiling_ucr(p, 100000, 10), 125064 + 40);
}

static void
test_ceilings(void)
{
	static const struct price_row rows[] = { { ROW(INPUT, 10 * C) }, { ROW(OUTPUT, 40 * C) },
		{ ROW(CACHE_WRITE_1H, 20 * C) }, { ROW(REASONING, 60 * C) }, { EACH(CALL, 7, 1) },
		{ ROW(CACHED_INPUT, C) } };
	const struct price *p = PLAIN(rows);

	for (int64_t n = 0; n < 100; n += 7)
		for (int64_t part = 0; part <= n; part += 3)
			CU_ASSERT(price_ceiling_ucr(p, n, n) >= COST(p, .input_tokens = n, .cache_write_tokens = part,
								    .cache_write_1h_tokens = part, .output_tokens = n,
								    .reasoning_tokens = part));
	CU_ASSERT_EQUAL(price_ceiling_ucr(NULL, 100, 100), 0);
	CU_ASSERT_EQUAL(price_ceiling_ucr(p, INT64_C(1) << 56, INT64_C(1) << 56), UCR_MAX);
}

static void
test_ratio(void)
{
	static const struct price_row rows[] = { { ROW(INPUT, 10 * C) }, { ROW(OUTPUT, 40 * C) } };

	CU_ASSERT_EQUAL(COST(RESOLVED(rows, NULL, TIER_STANDARD, 500000, NOON), .input_tokens = 100), 500);
	CU_ASSERT_EQUAL(COST(RESOLVED(rows, NULL, TIER_STANDARD, 1, NOON), .input_tokens = 100), 1); /* rounded up */
	CU_ASSERT_EQUAL(COST(RESOLVED(rows, NULL, TIER_STANDARD, 0, NOON), .input_tokens = 100), 0);
	CU_ASSERT_EQUAL(COST(RESOLVED(rows, NULL, TIER_STANDARD, 2500000, NOON), .output_tokens = 3), 300);
	CU_ASSERT_EQUAL(price_ceiling_ucr(RESOLVED(rows, NULL, TIER_STANDARD, 500000, NOON), 0, 100), 320 + 2000);
}

static void
test_saturation(void)
{
	static const struct price_row rows[] = { { EACH(INPUT, UCR_MAX, 1) }, { EACH(OUTPUT, UCR_MAX, 1) } };

	CU_ASSERT_EQUAL(COST(PLAIN(rows), .input_tokens = INT64_MAX, .output_tokens = INT64_MAX), UCR_MAX);
	CU_ASSERT_EQUAL(
	    COST(RESOLVED(rows, NULL, TIER_STANDARD, 1000 * RATIO_ONE, NOON), .input_tokens = 1, .output_tokens = 1),
	    UCR_MAX);
}

static void
test_groups_and_tiers(void)
{
	static const struct price_row rows[] = { { ROW(INPUT, 10) }, { ROW(INPUT, 20, .min_context = 5) },
		{ ROW(INPUT, 7, .group = "vip") }, { ROW(INPUT, 5, .tier = TIER_FLEX) },
		{ ROW(INPUT, 30, .tier = TIER_PRIORITY, .group = "vip") },
		{ ROW(INPUT, 3, .group = "vip", .tier = TIER_FLEX) }, { ROW(OUTPUT, 1) },
		{ ROW(INPUT, 2, .group = "other") } };
	static const struct {
		const char *group;
		enum tier tier;
		int64_t unit, long_unit; /* -1: no price */
	} cases[] = {
		{ NULL, TIER_STANDARD, 10, 20 },
		{ "default", TIER_STANDARD, 10, 20 },
		{ "vip", TIER_STANDARD, 7, 7 }, /* a group's rows replace those for all, thresholds too */
		{ "default", TIER_FLEX, 5, 5 },
		{ "vip", TIER_FLEX, 3, 3 },
		{ "default", TIER_BATCH, 10, 20 }, /* as standard */
		{ "other", TIER_FLEX, 2, 2 },
		{ "default", TIER_PRIORITY, -1, -1 }, /* never as standard */
		{ "vip", TIER_PRIORITY, 30, 30 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct price *p = RESOLVED(rows, cases[i].group, cases[i].tier, RATIO_ONE, NOON);
		int64_t unit = -1, long_unit = -1;

		for (size_t k = 0; k < p->n && p->steps[k].meter == METER_INPUT; k++) {
			unit = p->steps[k].min_context == 0 ? p->steps[k].unit_ucr : unit;
			long_unit = p->steps[k].unit_ucr;
		}
		CU_ASSERT_EQUAL(unit, cases[i].unit);
		CU_ASSERT_EQUAL(long_unit, cases[i].long_unit);
	}
}

static int64_t
unit_at(const struct price_row *rows, size_t n, int64_t now_s)
{
	const struct price *p = resolved(rows, n, NULL, TIER_STANDARD, RATIO_ONE, now_s);

	return p->n == 0 ? -1 : p->steps[0].unit_ucr;
}

static void
test_from_when_on(void)
{
	static const struct price_row rows[] = { { ROW(INPUT, 1) }, { FROM(INPUT, 3, NOON + 100) },
		{ FROM(INPUT, 2, NOON) } };

	CU_ASSERT_EQUAL(unit_at(rows, 3, NOON - 1), 1);
	CU_ASSERT_EQUAL(unit_at(rows, 3, NOON), 2);
	CU_ASSERT_EQUAL(unit_at(rows, 3, NOON + 99), 2);
	CU_ASSERT_EQUAL(unit_at(rows, 3, NOON + 100), 3);
	CU_ASSERT_EQUAL(unit_at(rows + 1, 1, NOON), -1);
}

static void
test_hours(void)
{
	/* Berlin, 2026: summer time from 29 March 01:00 UTC to 25 October 01:00 UTC */
	static struct price_turn turns[] = { { 0, 3600 }, { 1774746000, 7200 }, { 1792890000, 3600 } };
	static const struct price_zone berlin = { "Europe/Berlin", 3, turns };
	static const struct price_row night[] = { { FROM(INPUT, 10, NOON - 100000) },
		{ ROW(INPUT, 4, .hours = "22:00-06:00") } };
	static const struct price_row day[] = { { ROW(INPUT, 10) }, { ROW(INPUT, 4, .hours = "09:30-12:00") } };
	static const struct price_row there[] = { { ROW(INPUT, 10) },
		{ ROW(INPUT, 4, .hours = "02:30-03:30", .zone = &berlin) } };
	const int64_t midnight = NOON - 12 * 3600, minute = 60;
	static const struct {
		int64_t at_s, unit;
	} cases[] = {
		{ 1774746000 - 90 * 60, 10 }, /* 00:30 CET */
		{ 1774746000 - 30 * 60, 10 }, /* 01:30 CET */
		{ 1774746000, 4 },	      /* 03:00 CEST: 02:30 there was none */
		{ 1774746000 + 30 * 60, 10 }, /* 03:30 CEST */
		{ 1792890000 - 30 * 60, 4 },  /* 02:30 CEST */
		{ 1792890000, 10 },	      /* 02:00 CET, once more */
		{ 1792890000 + 30 * 60, 4 },  /* 02:30 CET */
		{ 1792890000 + 90 * 60, 10 }, /* 03:30 CET */
	};

	CU_ASSERT_EQUAL(unit_at(night, 2, midnight + 22 * 3600 - 1), 10);
	CU_ASSERT_EQUAL(unit_at(night, 2, midnight + 22 * 3600), 4);
	CU_ASSERT_EQUAL(unit_at(night, 2, midnight + 24 * 3600), 4);
	CU_ASSERT_EQUAL(unit_at(night, 2, midnight + 30 * 3600 - 1), 4);
	CU_ASSERT_EQUAL(unit_at(night, 2, midnight + 30 * 3600), 10);
	CU_ASSERT_EQUAL(unit_at(day, 2, midnight + 570 * minute - 1), 10);
	CU_ASSERT_EQUAL(unit_at(day, 2, midnight + 570 * minute), 4);
	CU_ASSERT_EQUAL(unit_at(day, 2, NOON), 10);
	CU_ASSERT_EQUAL(unit_at(day, 2, -14 * 3600), 4); /* before 1970 a day has hours, too */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_EQUAL(unit_at(there, 2, cases[i].at_s), cases[i].unit);
}

static void
test_kept_with_a_task(void)
{
	static const struct price_row rows[] = { { ROW(INPUT, 10 * C) }, { ROW(INPUT, 20 * C, .min_context = 100) },
		{ ROW(OUTPUT, 40 * C) } };
	const struct price *p = RESOLVED(rows, NULL, TIER_STANDARD, 750000, NOON), *again;
	json_t *j = price_json(p), *bad = json_pack("{s:[[s,i,i,i],[s,i],i]}", "rows", "tea", 0, 1, 1, "input", 0, 7);

	again = price_parse(arena, j);
	CU_ASSERT_EQUAL(again->n, 3);
	for (int64_t n = 50; n <= 200; n += 50)
		CU_ASSERT_EQUAL(
		    COST(again, .input_tokens = n, .output_tokens = n), COST(p, .input_tokens = n, .output_tokens = n));
	CU_ASSERT_EQUAL(COST(price_copy(arena, p), .input_tokens = 99), COST(p, .input_tokens = 99));
	CU_ASSERT_EQUAL(price_parse(arena, bad)->n, 0);
	CU_ASSERT_EQUAL(price_parse(arena, NULL)->n, 0);
	CU_ASSERT_PTR_NULL(price_json(NULL));
	CU_ASSERT_PTR_NULL(price_copy(arena, NULL));
	json_decref(j);
	json_decref(bad);
}

static CU_TestInfo tests[] = {
	{ "names", test_names },
	{ "every meter", test_every_meter },
	{ "what has no row", test_what_has_no_row },
	{ "parts that are too many", test_parts_that_are_too_many },
	{ "thresholds", test_thresholds },
	{ "ceilings", test_ceilings },
	{ "ratio", test_ratio },
	{ "saturation", test_saturation },
	{ "groups and tiers", test_groups_and_tiers },
	{ "from when on", test_from_when_on },
	{ "hours, over midnight and summer time", test_hours },
	{ "kept with a task", test_kept_with_a_task },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "price", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
