#include "catalog/offer_prices.h"

#include <string.h>

#include "base/money.h"

#define DEFAULT_GROUP "default"

static const char *
text_at(struct arena *a, const json_t *row, size_t i)
{
	const char *text = json_string_value(json_array_get(row, i));

	return text == NULL ? NULL : arena_strdup(a, text);
}

static int64_t
int_at(const json_t *row, size_t i)
{
	return json_integer_value(json_array_get(row, i));
}

/* Credits, or a ratio: six decimals. */
static int64_t
millionths_at(const json_t *row, size_t i)
{
	int64_t value = 0;

	return ucr_parse(json_string_value(json_array_get(row, i)), &value) ? value : 0;
}

static void
read_zones(struct arena *a, struct offer_groups *g, const json_t *zones)
{
	const char *name;
	json_t *turns, *turn;
	size_t i;

	g->zones = ARENA_ARRAY(a, struct price_zone, json_object_size(zones) + 1);
	json_object_foreach((json_t *)zones, name, turns) {
		struct price_zone *z = &g->zones[g->n_zones++];

		z->name = arena_strdup(a, name);
		z->turns = ARENA_ARRAY(a, struct price_turn, json_array_size(turns) + 1);
		json_array_foreach(turns, i, turn)
			z->turns[z->n++] = (struct price_turn){ int_at(turn, 0), int_at(turn, 1) };
	}
}

struct offer_groups *
offer_groups_read(struct arena *a, const struct rows *rows, int row)
{
	struct offer_groups *g = ARENA_NEW(a, struct offer_groups);
	json_t *groups = row_null(rows, row, "price_groups") ? NULL : row_json(rows, row, "price_groups"), *one;
	json_t *zones = row_null(rows, row, "price_zones") ? NULL : row_json(rows, row, "price_zones");
	size_t i;

	g->list = ARENA_ARRAY(a, struct offer_group, json_array_size(groups) + 1);
	json_array_foreach(groups, i, one)
		g->list[g->n++] = (struct offer_group){ text_at(a, one, 0), millionths_at(one, 1) };
	read_zones(a, g, zones);
	json_decref(groups);
	json_decref(zones);
	return g;
}

static const struct price_zone *
find_zone(const struct offer_groups *g, const char *name)
{
	for (size_t i = 0; i < g->n_zones; i++)
		if (name != NULL && strcmp(g->zones[i].name, name) == 0)
			return &g->zones[i];
	return NULL;
}

struct price_list
offer_prices_read(struct arena *a, const struct offer_groups *groups, const struct rows *rows, int row)
{
	json_t *list = row_null(rows, row, "price_rows") ? NULL : row_json(rows, row, "price_rows"), *r;
	struct price_row *out = ARENA_ARRAY(a, struct price_row, json_array_size(list) + 1);
	size_t i;

	json_array_foreach(list, i, r)
		out[i] = (struct price_row){
			.id = int_at(r, 0),
			.group = text_at(a, r, 1),
			.meter = meter_find(json_string_value(json_array_get(r, 2))),
			.tier = tier_find(json_string_value(json_array_get(r, 3))),
			.min_context = int_at(r, 4),
			.unit_ucr = millionths_at(r, 5),
			.per = int_at(r, 6),
			.valid_from_s = json_is_null(json_array_get(r, 7)) ? INT64_MIN : int_at(r, 7),
			.hours = text_at(a, r, 8),
			.zone = find_zone(groups, json_string_value(json_array_get(r, 9))),
		};
	json_decref(list);
	return (struct price_list){ i, out };
}

bool
offer_has_group(const struct offer_groups *groups, const char *name)
{
	for (size_t i = 0; i < groups->n; i++)
		if (strcmp(groups->list[i].name, name) == 0)
			return true;
	return false;
}

const struct price *
offer_price(struct arena *a, const struct price_list *list, const struct offer_groups *groups, const char *group,
    enum tier tier, int64_t now_s)
{
	int64_t ratio_ppm = RATIO_ONE;

	if (group == NULL)
		group = DEFAULT_GROUP;
	for (size_t i = 0; groups != NULL && i < groups->n; i++)
		if (strcmp(groups->list[i].name, group) == 0)
			ratio_ppm = groups->list[i].ratio_ppm;
	return price_resolve(a, list, group, tier, ratio_ppm, now_s);
}
