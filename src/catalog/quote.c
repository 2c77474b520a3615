#include "catalog/quote.h"

#include "base/clock.h"
#include "base/money.h"
#include "catalog/select.h"

#define UNITS_MAX INT64_C(1000000000000)

const struct field quote_fields[] = {
	{ "model", F_LINE, F_REQUIRED, .min = 1, .max = 200 },
	{ "group", F_LINE, 0, .min = 1, .max = 50, .help = "default: default" },
	{ "tier", F_CHOICE, 0, .choices = PRICE_TIERS, .help = "default standard" },
	{ "units", F_OBJECT, F_REQUIRED,
	    .help = "{meter: how many}, such as {\"input\": 1000, \"output\": 200}; each unit counts once" },
	{ "at", F_LINE, 0, .min = 1, .max = 40, .help = "RFC 3339; default now" },
	{ .name = NULL },
};

/* What is told by meters, as a task would tell it. */
static struct usage
usage_of(const int64_t n[METERS])
{
	return (struct usage){
		.input_tokens = n[METER_INPUT] + n[METER_CACHED_INPUT] + n[METER_CACHE_WRITE] +
		    n[METER_CACHE_WRITE_1H] + n[METER_AUDIO_INPUT],
		.output_tokens = n[METER_OUTPUT] + n[METER_REASONING] + n[METER_AUDIO_OUTPUT],
		.cached_tokens = n[METER_CACHED_INPUT],
		.cache_write_tokens = n[METER_CACHE_WRITE] + n[METER_CACHE_WRITE_1H],
		.cache_write_1h_tokens = n[METER_CACHE_WRITE_1H],
		.reasoning_tokens = n[METER_REASONING],
		.audio_input_tokens = n[METER_AUDIO_INPUT],
		.audio_output_tokens = n[METER_AUDIO_OUTPUT],
		.images = n[METER_IMAGE],
		.seconds = n[METER_SECOND],
		.characters = n[METER_CHARACTER],
		.pages = n[METER_PAGE],
		.queries = n[METER_QUERY],
	};
}

static enum status
read_units(struct context *cx, const json_t *units, const struct price *p, struct usage *out)
{
	int64_t n[METERS] = { 0 };
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)units, name, value) {
		enum meter m = meter_find(name);

		if (m == METERS)
			return fail_field(cx, "units", "%s is no meter", name);
		if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > UNITS_MAX)
			return fail_field(
			    cx, "units", "%s must be a number from 0 to %lld", name, (long long)UNITS_MAX);
		n[m] = json_integer_value(value);
		if (n[m] > 0 && !price_has(p, m))
			return fail(cx, E_PRICE_UNKNOWN, "meter %s has no price", name);
	}
	*out = usage_of(n);
	return OK;
}

static json_t *
line_json(const struct price_line *l)
{
	const struct price_step *s = l->step;
	json_t *j = json_pack("{s:s, s:I, s:o}", "meter", meter_name(l->meter), "units", (json_int_t)l->units, "cost",
	    json_credits(l->cost_ucr));

	json_object_set_new(j, "charged_as", s == NULL ? json_null() : json_string(meter_name(s->meter)));
	json_object_set_new(j, "price_id", s == NULL ? json_null() : json_integer(s->row_id));
	json_object_set_new(j, "min_context", s == NULL ? json_null() : json_integer(s->min_context));
	json_object_set_new(j, "unit_price", s == NULL ? json_null() : json_credits(s->unit_ucr));
	json_object_set_new(j, "per", s == NULL ? json_null() : json_integer(s->per));
	return j;
}

static json_t *
bill(const struct price *p, const struct usage *u)
{
	struct price_line lines[METERS];
	json_t *list = json_array();
	size_t n;

	price_lines(p, u, lines, &n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, line_json(&lines[i]));
	return list;
}

static json_t *
steps_json(const struct price *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(list,
		    json_pack("{s:s, s:I, s:o, s:I}", "meter", meter_name(p->steps[i].meter), "min_context",
			(json_int_t)p->steps[i].min_context, "unit_price", json_credits(p->steps[i].unit_ucr), "per",
			(json_int_t)p->steps[i].per));
	return list;
}

enum status
prices_tell(struct context *cx, json_t *items)
{
	const struct offer_model *m;
	const struct price *p;
	struct offer *offer;
	json_t *item;
	enum status st;
	size_t i;

	if ((st = select_current(cx, &offer)) != OK)
		return st;
	json_array_foreach(items, i, item) {
		m = offer_model(offer, json_integer_value(json_object_get(item, "id")));
		p = m == NULL
		    ? price_parse(cx->arena, NULL)
		    : offer_price(cx->arena, &m->prices, m->groups, cx->caller.group, TIER_STANDARD, clock_wall_s());
		json_object_set_new(item, "ratio", json_credits(p->ratio_ppm));
		json_object_set_new(item, "prices", steps_json(p));
	}
	return OK;
}

enum status
price_quote(struct context *cx, const json_t *in, json_t **out)
{
	const char *name = field_text(in, "model"), *group = field_text(in, "group"), *tier = field_text(in, "tier");
	const char *at = field_text(in, "at");
	int64_t at_ms = clock_wall_ms();
	const struct offer_model *m;
	const struct price *p;
	struct offer *offer;
	struct usage u;
	enum status st;

	if (at != NULL && !clock_parse_rfc3339(at, &at_ms))
		return fail_field(cx, "at", "must be a time such as 2027-01-31T12:00:00Z");
	if ((st = select_current(cx, &offer)) != OK)
		return st;
	if ((m = offer_model_named(offer, name)) == NULL)
		return fail_field(cx, "model", "is not a model we have");
	group = group == NULL ? "default" : group;
	if (!offer_has_group(offer->groups, group))
		return fail_field(cx, "group", "is not a group we have");
	tier = tier == NULL ? "standard" : tier;
	p = offer_price(cx->arena, &m->prices, m->groups, group, tier_find(tier), at_ms / 1000);
	if ((st = read_units(cx, json_object_get(in, "units"), p, &u)) != OK)
		return st;
	*out = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "model", name, "group", group, "tier", tier, "ratio",
	    json_credits(p->ratio_ppm), "cost", json_credits(price_cost_ucr(p, &u)), "lines", bill(p, &u));
	return OK;
}
