/*
 * What something costs: the one formula.  All sums saturate; nothing here
 * rounds in anybody's favour but money.h says how.  Pure.
 *
 *	cost = (sum over the meters of units * unit price / per, each rounded up)
 *	       * ratio of the group, rounded up
 *
 * The rows of a model (struct price_list) are resolved for one group, tier and
 * moment (struct price) when a task opens, and stay with it to its end; what is
 * left open until then is how long the prompt was.
 *
 * Which row: for each meter those of the group before those for all groups, in
 * these those of the tier before the standard ones (none but standard has what
 * tier priority lacks: it would cost too little); of these, for each min_context,
 * one whose hours it is before one without, then the one that began last.
 *
 * A meter without rows counts as another: cached input and what is written to a
 * cache as input (for an hour: as for five minutes), reasoning as output, audio as
 * text.  Images, seconds, characters, pages, queries and calls without rows cost
 * nothing beside tokens; whether there is a price at all, price_has() says.
 */
#ifndef WEIR_LEDGER_PRICE_H
#define WEIR_LEDGER_PRICE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* What is counted: prices.meter, in this order in price_meters. */
enum meter {
	METER_INPUT,
	METER_OUTPUT,
	METER_CACHED_INPUT,
	METER_CACHE_WRITE,    /* kept for five minutes */
	METER_CACHE_WRITE_1H, /* kept for an hour */
	METER_REASONING,
	METER_AUDIO_INPUT,
	METER_AUDIO_OUTPUT,
	METER_IMAGE,
	METER_SECOND,
	METER_CHARACTER,
	METER_PAGE,
	METER_QUERY,
	METER_CALL,
	METERS,
};
enum tier { TIER_STANDARD, TIER_FLEX, TIER_PRIORITY, TIER_BATCH, TIERS };

#define PRICE_METERS \
	"input output cached_input cache_write cache_write_1h reasoning audio_input audio_output image second character" \
	" page query call"
#define PRICE_TIERS "standard flex priority batch"
#define RATIO_ONE INT64_C(1000000) /* a ratio of 1, in parts per million */

/* Their names; METERS, TIERS for an unknown one (or NULL). */
const char *meter_name(enum meter meter);
enum meter meter_find(const char *name);
const char *tier_name(enum tier tier);
enum tier tier_find(const char *name);

/* From `at_s` on (Unix time) a zone is `offset_s` east of UTC. */
struct price_turn {
	int64_t at_s, offset_s;
};

/* A time zone as far as prices need it; its turns ascend. */
struct price_zone {
	const char *name;
	size_t n;
	struct price_turn *turns;
};

/* A row of table prices. */
struct price_row {
	int64_t id;
	const char *group; /* NULL: for all */
	enum meter meter;
	enum tier tier;
	int64_t min_context;
	int64_t unit_ucr, per;
	int64_t valid_from_s;	       /* Unix time; INT64_MIN: always */
	const char *hours;	       /* "22:00-06:00"; NULL: at any time */
	const struct price_zone *zone; /* of hours; NULL: UTC */
};

struct price_list {
	size_t n;
	const struct price_row *rows;
};

/* For prompts of min_context tokens and more. */
struct price_step {
	enum meter meter;
	int64_t min_context, unit_ucr, per;
	int64_t row_id; /* 0: not known any more */
};

/* What a model costs for one group and tier at one moment; by meter, then
 * min_context, ascending; each meter's first is for 0. */
struct price {
	int64_t ratio_ppm;
	size_t n;
	const struct price_step *steps;
};

/* What a task used.  The input holds what was cached, written and audio, the output
 * reasoning and audio; a part that is more than its whole is cut, a negative one is none. */
struct usage {
	int64_t input_tokens, output_tokens;
	bool estimated; /* by us: the provider told nothing, or nothing that could be true */
	int64_t cached_tokens, cache_write_tokens;
	int64_t cache_write_1h_tokens; /* of cache_write_tokens */
	int64_t reasoning_tokens;
	int64_t audio_input_tokens, audio_output_tokens;
	int64_t images, seconds, characters, pages, queries;
};

/* A line of a bill. */
struct price_line {
	enum meter meter;	       /* what was counted */
	const struct price_step *step; /* as what it was charged; NULL: nothing is charged for it */
	int64_t units, cost_ucr;       /* before the ratio */
};

/* The prices at `now_s`; what it keeps goes to `a`.  `group` NULL: rows for all. */
const struct price *price_resolve(struct arena *a, const struct price_list *list, const char *group, enum tier tier,
    int64_t ratio_ppm, int64_t now_s);
/* A copy in `a`; NULL for NULL. */
const struct price *price_copy(struct arena *a, const struct price *p);
/* May `meter` be charged by it?  A price per call covers everything that is not counted. */
bool price_has(const struct price *p, enum meter meter);
/* Has it a price for a chat: input and output, or a call? */
bool price_is_known(const struct price *p);
/* What `u` costs; 0 for NULL. */
int64_t price_cost_ucr(const struct price *p, const struct usage *u);
/* The same as a bill: its lines without those of no units (the call always counts), *n of them. */
void price_lines(const struct price *p, const struct usage *u, struct price_line lines[METERS], size_t *n);
/* The most that a prompt of about `prompt_tokens` and an answer of at most
 * `max_output_tokens` can cost, whatever of it is cached, reasoned or spoken: what is held before it is asked.
 * The guess of the prompt is taken generously. */
int64_t price_ceiling_ucr(const struct price *p, int64_t prompt_tokens, int64_t max_output_tokens);

/* As tasks.prices keeps it: {"ratio_ppm", "rows": [[meter, min_context, unit_ucr, per], ...]}.
 * The caller owns it; NULL for NULL. */
json_t *price_json(const struct price *p);
/* The same as text, in `a`; NULL for NULL. */
const char *price_text(struct arena *a, const struct price *p);
/* The same back, in `a`; what is no price is none. */
const struct price *price_parse(struct arena *a, const json_t *j);

#endif
