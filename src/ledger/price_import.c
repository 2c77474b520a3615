#include "ledger/price_import.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/money.h"
#include "ledger/price.h"

#define UNIT_MAX_UCR 1e12 /* a million credits */
#define PER_MAX 1000000
#define CONTEXT_MAX_K 100000

static const struct {
	const char *name;
	enum meter meter;
} costs[] = {
	{ "cache_creation_input_token_cost", METER_CACHE_WRITE },
	{ "cache_creation_input_token_cost_above_1hr", METER_CACHE_WRITE_1H },
	{ "cache_read_input_token_cost", METER_CACHED_INPUT },
	{ "input_cost_per_audio_token", METER_AUDIO_INPUT },
	{ "input_cost_per_character", METER_CHARACTER },
	{ "input_cost_per_query", METER_QUERY },
	{ "input_cost_per_request", METER_CALL },
	{ "input_cost_per_second", METER_SECOND },
	{ "input_cost_per_token", METER_INPUT },
	{ "ocr_cost_per_page", METER_PAGE },
	{ "output_cost_per_audio_token", METER_AUDIO_OUTPUT },
	{ "output_cost_per_image", METER_IMAGE },
	{ "output_cost_per_reasoning_token", METER_REASONING },
	{ "output_cost_per_second", METER_SECOND },
	{ "output_cost_per_token", METER_OUTPUT },
};
static const struct {
	const char *end;
	enum tier tier;
} tier_ends[] = { { "_flex", TIER_FLEX }, { "_priority", TIER_PRIORITY }, { "_batches", TIER_BATCH } };

/* What a name of theirs says. */
struct cost {
	enum meter meter;
	enum tier tier;
	int64_t min_context;
};

const json_t *
import_entry(const json_t *list, const char *name)
{
	const json_t *entry = json_object_get(list, name);
	const char *theirs, *last;
	json_t *value;

	if (json_is_object(entry))
		return entry;
	json_object_foreach((json_t *)list, theirs, value) {
		last = strrchr(theirs, '/');
		if (last != NULL && strcmp(last + 1, name) == 0 && json_is_object(value))
			return value;
	}
	return NULL;
}

/* Without the end of a tier; false: it has none. */
static bool
cut_tier(const char *name, size_t *len, enum tier *tier)
{
	for (size_t i = 0; i < sizeof(tier_ends) / sizeof(tier_ends[0]); i++) {
		size_t n = strlen(tier_ends[i].end);

		if (*len > n && strncmp(name + *len - n, tier_ends[i].end, n) == 0) {
			*len -= n;
			*tier = tier_ends[i].tier;
			return true;
		}
	}
	return false;
}

/* Without "_above_200k_tokens": more than so many tokens. */
static bool
cut_threshold(const char *name, size_t *len, int64_t *min_context)
{
	static const char end[] = "k_tokens", begin[] = "_above_";
	size_t at = *len, digits = 0;
	long k;

	if (at <= sizeof(end) - 1 || strncmp(name + at - (sizeof(end) - 1), end, sizeof(end) - 1) != 0)
		return false;
	for (at -= sizeof(end) - 1; at > 0 && isdigit((unsigned char)name[at - 1]); at--)
		digits++;
	if (digits == 0 || digits > 6 || at < sizeof(begin) ||
	    strncmp(name + at - (sizeof(begin) - 1), begin, sizeof(begin) - 1) != 0)
		return false;
	k = strtol(name + at, NULL, 10);
	*min_context = k * 1000 + 1;
	*len = at - (sizeof(begin) - 1);
	return k <= CONTEXT_MAX_K;
}

static bool
read_name(const char *name, struct cost *out)
{
	size_t len = strlen(name);

	*out = (struct cost){ .tier = TIER_STANDARD };
	while (cut_tier(name, &len, &out->tier) || cut_threshold(name, &len, &out->min_context))
		;
	for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++)
		if (strlen(costs[i].name) == len && strncmp(costs[i].name, name, len) == 0) {
			out->meter = costs[i].meter;
			return true;
		}
	return false;
}

static bool
is_of_tokens(enum meter m)
{
	return m <= METER_AUDIO_OUTPUT;
}

/* Is there a row of that key already: theirs may have two names for it. */
static bool
is_there(const json_t *rows, size_t from, const struct cost *c)
{
	for (size_t i = from; i < json_array_size(rows); i++) {
		const json_t *r = json_array_get(rows, i);

		if (strcmp(json_string_value(json_object_get(r, "meter")), meter_name(c->meter)) == 0 &&
		    strcmp(json_string_value(json_object_get(r, "tier")), tier_name(c->tier)) == 0 &&
		    json_integer_value(json_object_get(r, "min_context")) == c->min_context)
			return true;
	}
	return false;
}

/* Is it another price once it is rounded to what prices can say?  More than a thousandth is. */
static bool
is_cut(double ucr)
{
	return fabs(round(ucr) - ucr) > ucr / 1000;
}

size_t
import_rows(json_t *rows, json_t *refused, const char *name, const json_t *entry, double credits_per_usd)
{
	size_t from = json_array_size(rows);
	const char *theirs;
	json_t *value;

	json_object_foreach((json_t *)entry, theirs, value) {
		struct cost c;
		char price[UCR_TEXT_LEN];
		double ucr;
		int per;

		if (!json_is_number(value) || !read_name(theirs, &c) || is_there(rows, from, &c))
			continue;
		per = is_of_tokens(c.meter) ? 1000000 : 1;
		ucr = json_number_value(value) * credits_per_usd * per * (double)UCR_PER_CREDIT;
		for (; per < PER_MAX && is_cut(ucr); per *= 10)
			ucr *= 10;
		if (!(ucr >= 0 && ucr <= UNIT_MAX_UCR) || is_cut(ucr)) {
			json_array_append_new(refused, json_sprintf("%s: %s", name, theirs));
			continue;
		}
		json_array_append_new(rows,
		    json_pack("{s:s, s:s, s:s, s:I, s:s, s:i}", "model", name, "meter", meter_name(c.meter), "tier",
			tier_name(c.tier), "min_context", (json_int_t)c.min_context, "unit_price",
			ucr_format((int64_t)round(ucr), price), "per", per));
	}
	return json_array_size(rows) - from;
}
