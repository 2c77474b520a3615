#include "engine/details.h"

#include "core/context.h"

static json_t *
line_json(const struct price_line *line)
{
	return json_pack("{s:s, s:I, s:o, s:I, s:o}", "meter", meter_name(line->meter), "units",
	    (json_int_t)line->units, "price", json_credits(line->step->unit_ucr), "per", (json_int_t)line->step->per,
	    "cost", json_credits(line->cost_ucr));
}

static void
put_lines(json_t *details, const struct price *price, const struct usage *usage, int64_t cost_ucr)
{
	struct price_line lines[METERS];
	json_t *list;
	size_t n;

	if (price == NULL || cost_ucr == 0 || price_cost_ucr(price, usage) != cost_ucr)
		return;
	list = json_array();
	price_lines(price, usage, lines, &n);
	for (size_t i = 0; i < n; i++)
		if (lines[i].step != NULL)
			json_array_append_new(list, line_json(&lines[i]));
	json_object_set_new(details, "lines", list);
	if (price->ratio_ppm != RATIO_ONE)
		json_object_set_new(details, "ratio", json_real((double)price->ratio_ppm / RATIO_ONE));
}

static json_t *
try_json(const struct call_try *t)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:I}", "channel", t->channel, "model", t->model, "code",
	    status_code(t->why), "ms", (json_int_t)t->took_ms);

	if (t->http_status != 0)
		json_object_set_new(j, "status", json_integer(t->http_status));
	return j;
}

json_t *
details_json(const struct call *c, const struct usage *usage, int64_t cost_ucr)
{
	json_t *details = json_object(), *tries;

	put_lines(details, c->at.price, usage, cost_ucr);
	if (c->n_failed == 0)
		return details;
	tries = json_array();
	for (size_t i = 0; i < c->n_failed; i++)
		json_array_append_new(tries, try_json(&c->failed[i]));
	json_object_set_new(details, "tries", tries);
	return details;
}
