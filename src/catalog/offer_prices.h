/*
 * The prices in an offer: the rows of each model, the ratios of groups, and the
 * time zones that hours are of, as far as 400 days ahead.
 */
#ifndef WEIR_CATALOG_OFFER_PRICES_H
#define WEIR_CATALOG_OFFER_PRICES_H

#include "io/pg.h"
#include "ledger/price.h"

struct offer_group {
	const char *name;
	int64_t ratio_ppm;
};

/* What all models of an offer share. */
struct offer_groups {
	size_t n;
	struct offer_group *list;
	size_t n_zones;
	struct price_zone *zones;
};

/* Columns of the offer's query: price_groups and price_zones, the same in each row, and the model's price_rows. */
#define OFFER_PRICES_COLUMNS \
	" (SELECT jsonb_agg(jsonb_build_array(g.name, g.ratio::text)) FROM user_groups g) AS price_groups," \
	" price_zones() AS price_zones," \
	" (SELECT jsonb_agg(jsonb_build_array(p.id, p.user_group, p.meter, p.tier, p.min_context, p.unit_price::text, p.per," \
	"   CASE WHEN isfinite(p.valid_from) THEN ceil(extract(epoch FROM p.valid_from))::bigint END, p.hours, p.time_zone)" \
	"   ORDER BY p.id)" \
	"  FROM prices p WHERE p.model_id = m.id) AS price_rows"

/* Read them from a row; what is kept goes to `a`. */
struct offer_groups *offer_groups_read(struct arena *a, const struct rows *rows, int row);
struct price_list offer_prices_read(
    struct arena *a, const struct offer_groups *groups, const struct rows *rows, int row);
bool offer_has_group(const struct offer_groups *groups, const char *name);
/* What a model with `list` costs members of `group` (NULL: the default group) at `now_s`; in `a`. */
const struct price *offer_price(struct arena *a, const struct price_list *list, const struct offer_groups *groups,
    const char *group, enum tier tier, int64_t now_s);

#endif
