#include "catalog/select.h"

#include <string.h>

#include "base/crypto.h"
#include "core/process.h"
#include "core/versions.h"
#include "io/pg.h"

/* ---- the offer -------------------------------------------------------------------- */

enum status
select_offer(struct context *cx, const struct rows *rows, struct offer **offer)
{
	enum status st;

	if (*offer != NULL && rows != NULL &&
	    (rows_count(rows) == 0 || strcmp(row_text(rows, 0, "version"), (*offer)->version) == 0))
		return OK;
	if ((st = offers_read(cx->process->offers, cx->pg, cx->conf, offer)) != OK)
		return fail(cx, st, "read models and channels: %s", pg_error(cx->pg));
	arena_cleanup(cx->arena, (void (*)(void *))offer_unref, *offer);
	return OK;
}

enum status
select_newest(struct context *cx, struct offer **offer)
{
	*offer = offers_newest(cx->process->offers);
	if (*offer == NULL)
		return select_offer(cx, NULL, offer);
	arena_cleanup(cx->arena, (void (*)(void *))offer_unref, *offer);
	return OK;
}

enum status
select_current(struct context *cx, struct offer **offer)
{
	AUTO_ROWS struct rows *rows = NULL;
	char version[VERSION_LEN];
	enum status st;

	if ((st = select_newest(cx, offer)) != OK)
		return st;
	if (versions_current(cx->process, VERSION_CATALOG, version) && strcmp(version, (*offer)->version) == 0)
		return OK;
	if ((st = pg_query_again(cx->pg, &rows, "SELECT version FROM catalog_version")) != OK)
		return fail(cx, st, "catalog version: %s", pg_error(cx->pg));
	return select_offer(cx, rows, offer);
}

/* ---- channels ---------------------------------------------------------------------- */

/* The position, from `first` on and before `end`, that the weights draw. */
static size_t
draw(const struct offer_channel *channels, size_t first, size_t end)
{
	uint64_t total = 0, lot;

	for (size_t i = first; i < end; i++)
		total += (uint64_t)channels[i].weight;
	crypto_random(&lot, sizeof(lot));
	if (total == 0)
		return first + lot % (end - first);
	lot %= total;
	while (lot >= (uint64_t)channels[first].weight)
		lot -= (uint64_t)channels[first++].weight;
	return first;
}

struct offer_model *
select_model(struct context *cx, const struct offer_model *m)
{
	struct offer_model *out = ARENA_NEW(cx->arena, struct offer_model);
	struct offer_channel *ch = ARENA_ARRAY(cx->arena, struct offer_channel, m->n_channels);

	if (m->n_channels > 0)
		memcpy(ch, m->channels, m->n_channels * sizeof(*ch));
	for (size_t i = 0, end = 0; i < m->n_channels; i++) {
		struct offer_channel first = ch[i];
		size_t drawn;

		while (end < m->n_channels && ch[end].priority == first.priority)
			end++;
		drawn = draw(ch, i, end);
		ch[i] = ch[drawn];
		ch[drawn] = first;
	}
	*out = *m;
	out->channels = ch;
	return out;
}
