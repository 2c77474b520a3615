#include "ledger/price.h"

#include <stdlib.h>
#include <string.h>

#include "base/money.h"

static const char *const meters[METERS] = { "input", "output", "cached_input", "cache_write", "cache_write_1h",
	"reasoning", "audio_input", "audio_output", "image", "second", "character", "page", "query", "call" };
static const char *const tiers[TIERS] = { "standard", "flex", "priority", "batch" };

/* As what a meter without rows counts; METERS: as nothing. */
static const enum meter instead[METERS] = {
	[METER_INPUT] = METERS,
	[METER_OUTPUT] = METERS,
	[METER_CACHED_INPUT] = METER_INPUT,
	[METER_CACHE_WRITE] = METER_INPUT,
	[METER_CACHE_WRITE_1H] = METER_CACHE_WRITE,
	[METER_REASONING] = METER_OUTPUT,
	[METER_AUDIO_INPUT] = METER_INPUT,
	[METER_AUDIO_OUTPUT] = METER_OUTPUT,
	[METER_IMAGE] = METERS,
	[METER_SECOND] = METERS,
	[METER_CHARACTER] = METERS,
	[METER_PAGE] = METERS,
	[METER_QUERY] = METERS,
	[METER_CALL] = METERS,
};

static int
find_name(const char *const *names, int n, const char *name)
{
	for (int i = 0; name != NULL && i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return n;
}

const char *
meter_name(enum meter meter)
{
	return meter < METERS ? meters[meter] : NULL;
}

enum meter
meter_find(const char *name)
{
	return (enum meter)find_name(meters, METERS, name);
}

const char *
tier_name(enum tier tier)
{
	return tier < TIERS ? tiers[tier] : NULL;
}

enum tier
tier_find(const char *name)
{
	return (enum tier)find_name(tiers, TIERS, name);
}

/* ---- which rows hold ------------------------------------------------------------ */

static int64_t
zone_offset_s(const struct price_zone *zone, int64_t now_s)
{
	int64_t offset_s = zone == NULL || zone->n == 0 ? 0 : zone->turns[0].offset_s;

	for (size_t i = 0; zone != NULL && i < zone->n && zone->turns[i].at_s <= now_s; i++)
		offset_s = zone->turns[i].offset_s;
	return offset_s;
}

/* Minutes since midnight of "HH:MM". */
static int64_t
minute_of(const char *text)
{
	return ((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0';
}

/* From the first minute to before the last; over midnight where it ends before it begins. */
static bool
within_hours(const struct price_row *r, int64_t now_s)
{
	int64_t day_s = 24 * 3600, local_s = now_s + zone_offset_s(r->zone, now_s), minute, from, to;

	if (r->hours == NULL)
		return true;
	minute = (local_s % day_s + day_s) % day_s / 60;
	from = minute_of(r->hours);
	to = minute_of(r->hours + 6);
	return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

static bool
holds(const struct price_row *r, int64_t now_s)
{
	return r->valid_from_s <= now_s && within_hours(r, now_s);
}

/* How well the set of rows that `r` belongs to fits; -1: not at all. */
static int
fit(const struct price_row *r, const char *group, enum tier tier)
{
	bool own_group = group != NULL && r->group != NULL && strcmp(r->group, group) == 0;

	if (r->group != NULL && !own_group)
		return -1;
	if (r->tier != tier && (r->tier != TIER_STANDARD || tier == TIER_PRIORITY))
		return -1;
	return (own_group ? 2 : 0) + (r->tier == tier ? 1 : 0);
}

/* The best set for a meter that has a row for every prompt; -1: none. */
static int
best_fit(const struct price_list *list, enum meter meter, const char *group, enum tier tier, int64_t now_s)
{
	int best = -1;

	for (size_t i = 0; i < list->n; i++) {
		const struct price_row *r = &list->rows[i];

		if (r->meter == meter && r->min_context == 0 && holds(r, now_s) && fit(r, group, tier) > best)
			best = fit(r, group, tier);
	}
	return best;
}

/* Of two that hold for the same prompts, does `a` go before `b`? */
static bool
goes_before(const struct price_row *a, const struct price_row *b)
{
	if ((a->hours != NULL) != (b->hours != NULL))
		return a->hours != NULL;
	return a->valid_from_s != b->valid_from_s ? a->valid_from_s > b->valid_from_s : a->id > b->id;
}

/* The row of the set for the least min_context of `from` or more; NULL: none. */
static const struct price_row *
next_row(const struct price_list *list, enum meter meter, const char *group, enum tier tier, int64_t now_s, int set,
    int64_t from)
{
	const struct price_row *best = NULL;

	for (size_t i = 0; i < list->n; i++) {
		const struct price_row *r = &list->rows[i];

		if (r->meter != meter || r->min_context < from || !holds(r, now_s) || fit(r, group, tier) != set)
			continue;
		if (best == NULL || r->min_context < best->min_context ||
		    (r->min_context == best->min_context && goes_before(r, best)))
			best = r;
	}
	return best;
}

const struct price *
price_resolve(
    struct arena *a, const struct price_list *list, const char *group, enum tier tier, int64_t ratio_ppm, int64_t now_s)
{
	struct price *p = ARENA_NEW(a, struct price);
	struct price_step *steps = ARENA_ARRAY(a, struct price_step, list->n + 1);

	*p = (struct price){ .ratio_ppm = ratio_ppm, .steps = steps };
	for (enum meter m = 0; m < METERS; m++) {
		int set = best_fit(list, m, group, tier, now_s);
		const struct price_row *r;
		int64_t from = 0;

		while (set >= 0 && (r = next_row(list, m, group, tier, now_s, set, from)) != NULL) {
			steps[p->n++] = (struct price_step){ m, r->min_context, r->unit_ucr, r->per, r->id };
			from = r->min_context + 1;
		}
	}
	return p;
}

const struct price *
price_copy(struct arena *a, const struct price *p)
{
	struct price *copy;
	struct price_step *steps;

	if (p == NULL)
		return NULL;
	copy = ARENA_NEW(a, struct price);
	steps = ARENA_ARRAY(a, struct price_step, p->n + 1);
	if (p->n > 0)
		memcpy(steps, p->steps, p->n * sizeof(*steps));
	*copy = *p;
	copy->steps = steps;
	return copy;
}

/* ---- what it comes to ------------------------------------------------------------- */

/* The step of a meter, itself, for a prompt of so many tokens. */
static const struct price_step *
own_step(const struct price *p, enum meter meter, int64_t context)
{
	const struct price_step *found = NULL;

	for (size_t i = 0; i < p->n; i++)
		if (p->steps[i].meter == meter && p->steps[i].min_context <= (context > 0 ? context : 0))
			found = &p->steps[i];
	return found;
}

static const struct price_step *
step_for(const struct price *p, enum meter meter, int64_t context)
{
	const struct price_step *step = NULL;

	for (; meter < METERS && step == NULL; meter = instead[meter])
		step = own_step(p, meter, context);
	return step;
}

bool
price_has(const struct price *p, enum meter meter)
{
	return p != NULL && (step_for(p, meter, 0) != NULL || own_step(p, METER_CALL, 0) != NULL);
}

bool
price_is_known(const struct price *p)
{
	return price_has(p, METER_INPUT) && price_has(p, METER_OUTPUT);
}

/* A part of `*rest`, which is less by it then. */
static int64_t
take(int64_t *rest, int64_t part)
{
	int64_t taken = part < 0 ? 0 : part > *rest ? *rest : part;

	*rest -= taken;
	return taken;
}

/* What each meter counted, every token once. */
static void
count(const struct usage *u, int64_t units[METERS])
{
	int64_t input = u->input_tokens > 0 ? u->input_tokens : 0, output = u->output_tokens > 0 ? u->output_tokens : 0;
	int64_t written;

	units[METER_CACHED_INPUT] = take(&input, u->cached_tokens);
	written = take(&input, u->cache_write_tokens);
	units[METER_CACHE_WRITE_1H] = take(&written, u->cache_write_1h_tokens);
	units[METER_CACHE_WRITE] = written;
	units[METER_AUDIO_INPUT] = take(&input, u->audio_input_tokens);
	units[METER_INPUT] = input;
	units[METER_REASONING] = take(&output, u->reasoning_tokens);
	units[METER_AUDIO_OUTPUT] = take(&output, u->audio_output_tokens);
	units[METER_OUTPUT] = output;
	units[METER_IMAGE] = u->images;
	units[METER_SECOND] = u->seconds;
	units[METER_CHARACTER] = u->characters;
	units[METER_PAGE] = u->pages;
	units[METER_QUERY] = u->queries;
	units[METER_CALL] = 1;
}

void
price_lines(const struct price *p, const struct usage *u, struct price_line lines[METERS], size_t *n)
{
	int64_t units[METERS];

	*n = 0;
	count(u, units);
	for (enum meter m = 0; m < METERS; m++) {
		const struct price_step *step = units[m] > 0 ? step_for(p, m, u->input_tokens) : NULL;

		if (units[m] > 0 && (step != NULL || m != METER_CALL))
			lines[(*n)++] = (struct price_line){ m, step, units[m],
				step == NULL ? 0 : ucr_for_units(units[m], step->unit_ucr, step->per) };
	}
}

int64_t
price_cost_ucr(const struct price *p, const struct usage *u)
{
	struct price_line lines[METERS];
	int64_t sum_ucr = 0;
	size_t n;

	if (p == NULL)
		return 0;
	price_lines(p, u, lines, &n);
	for (size_t i = 0; i < n; i++)
		sum_ucr = ucr_add(sum_ucr, lines[i].cost_ucr);
	return ucr_for_units(sum_ucr, p->ratio_ppm, RATIO_ONE);
}

/* The most that `tokens` of the meters that count as `as` can cost, for any prompt of up to `context`. */
static int64_t
most_ucr(const struct price *p, enum meter as, int64_t tokens, int64_t context)
{
	int64_t most = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct price_step *s = &p->steps[i];
		enum meter root = s->meter;
		int64_t cost;

		while (instead[root] != METERS)
			root = instead[root];
		cost = root == as && s->min_context <= context ? ucr_for_units(tokens, s->unit_ucr, s->per) : 0;
		if (cost > most)
			most = cost;
	}
	return most;
}

/* Tokens of several meters are rounded up one by one: an ucr more for each. */
#define ROUNDED_UCR 5

static int64_t
rounded_up(int64_t ucr, int64_t split)
{
	return ucr == 0 ? 0 : ucr_add(ucr, split);
}

int64_t
price_ceiling_ucr(const struct price *p, int64_t prompt_tokens, int64_t max_output_tokens)
{
	int64_t prompt = prompt_tokens + prompt_tokens / 4 + 64, sum_ucr;
	int64_t split = 0;

	if (p == NULL)
		return 0;
	for (size_t i = 0; i < p->n; i++)
		split = instead[p->steps[i].meter] != METERS ? ROUNDED_UCR : split;
	sum_ucr = ucr_add(rounded_up(most_ucr(p, METER_INPUT, prompt, prompt), split),
	    rounded_up(most_ucr(p, METER_OUTPUT, max_output_tokens, prompt), split));
	sum_ucr = ucr_add(sum_ucr, most_ucr(p, METER_CALL, 1, prompt));
	return ucr_for_units(sum_ucr, p->ratio_ppm, RATIO_ONE);
}

/* ---- kept with a task ---------------------------------------------------------------- */

json_t *
price_json(const struct price *p)
{
	json_t *rows;

	if (p == NULL)
		return NULL;
	rows = json_array();
	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(rows,
		    json_pack("[s, I, I, I]", meters[p->steps[i].meter], (json_int_t)p->steps[i].min_context,
			(json_int_t)p->steps[i].unit_ucr, (json_int_t)p->steps[i].per));
	return json_pack("{s:I, s:o}", "ratio_ppm", (json_int_t)p->ratio_ppm, "rows", rows);
}

const char *
price_text(struct arena *a, const struct price *p)
{
	json_t *j = price_json(p);
	char *text = j == NULL ? NULL : json_dumps(j, JSON_COMPACT);
	const char *kept = text == NULL ? NULL : arena_strdup(a, text);

	free(text);
	json_decref(j);
	return kept;
}

const struct price *
price_parse(struct arena *a, const json_t *j)
{
	const json_t *rows = json_object_get(j, "rows"), *row;
	struct price *p = ARENA_NEW(a, struct price);
	struct price_step *steps = ARENA_ARRAY(a, struct price_step, json_array_size(rows) + 1);
	size_t i;

	*p = (struct price){ .ratio_ppm = json_integer_value(json_object_get(j, "ratio_ppm")), .steps = steps };
	json_array_foreach(rows, i, row) {
		struct price_step s = { meter_find(json_string_value(json_array_get(row, 0))),
			json_integer_value(json_array_get(row, 1)), json_integer_value(json_array_get(row, 2)),
			json_integer_value(json_array_get(row, 3)), 0 };

		if (s.meter < METERS && s.per > 0)
			steps[p->n++] = s;
	}
	return p;
}
