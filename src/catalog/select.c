#include "catalog/select.h"

#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "core/process.h"
#include "core/versions.h"
#include "io/pg.h"

#define SESSION_BYTES_MAX 512 /* what is longer tells nothing that its beginning does not */

/* ---- the offer -------------------------------------------------------------------- */

enum status
select_offer(struct context *cx, const struct rows *rows, struct offer **offer)
{
	const char *version = rows == NULL || rows_count(rows) == 0 ? NULL : row_text(rows, 0, "version");
	enum status st;

	if (*offer != NULL && rows != NULL && (version == NULL || strcmp(version, (*offer)->version) == 0))
		return OK;
	if ((st = offers_read(cx->process->offers, cx->pg, cx->conf, version, offer)) != OK)
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

/* ---- one selection ------------------------------------------------------------------ */

/* While places are given out.  Two uses: to try (as many candidates as will do, and
 * nobody else), and to explain (all, and nobody's turn is over). */
struct selecting {
	const struct select_ask *ask;
	const char *group, *region;
	const struct health *health;
	struct strategy_draw draw;
	bool is_explained;
	bool may_be_open; /* nothing else is left */
	struct strategy_lot *lots, *key_lots;
	struct select_place *places;
	size_t n_places, n_candidates;
};

static const char *
group_of(const struct context *cx, const struct select_ask *ask)
{
	if (ask->group != NULL)
		return ask->group;
	return cx->caller.group != NULL ? cx->caller.group : SELECT_GROUP_DEFAULT;
}

/* NULL: any */
static const char *
region_of(const struct context *cx, const struct select_ask *ask)
{
	if (ask->region != NULL)
		return ask->region;
	return cx->conf != NULL && *cx->conf->upstream_region != '\0' ? cx->conf->upstream_region : NULL;
}

enum strategy
select_strategy(struct context *cx, const struct select_ask *ask)
{
	return ask->affinity != NULL ? STRATEGY_CONSISTENT_HASH : offer_strategy(ask->model, group_of(cx, ask));
}

static bool
is_listed(const char *const *list, const char *name)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

/* What speaks against a channel, whatever its key. */
static enum select_why
judge_channel(const struct selecting *s, const struct offer_channel *ch)
{
	const struct offer_account *account = ch->account;

	if (s->ask->pin.channel_id != 0)
		return s->ask->pin.channel_id == ch->id ? SELECT_CANDIDATE : SELECT_NOT_PINNED;
	if (ch->is_blacklisted)
		return SELECT_BLACKLISTED;
	if (account->groups != NULL && !is_listed(account->groups, s->group))
		return SELECT_GROUP;
	if (s->region != NULL && *account->region != '\0' && strcmp(account->region, s->region) != 0)
		return SELECT_REGION;
	return account->has_keys && account->n_keys == 0 ? SELECT_NO_KEY : SELECT_CANDIDATE;
}

static bool
is_tried(const struct select_ask *ask, int64_t channel_id, int64_t key_id)
{
	for (size_t i = 0; i < ask->n_tried; i++)
		if (ask->tried[i].channel_id == channel_id && ask->tried[i].key_id == key_id)
			return true;
	return false;
}

/* What speaks against this key (NULL: none) of a channel nothing speaks against. */
static enum select_why
judge_key(const struct selecting *s, const struct offer_channel *ch, const struct offer_key *key,
    const struct health_view *health)
{
	int64_t key_id = key == NULL ? 0 : key->id;

	if (s->ask->pin.channel_id != 0 && s->ask->pin.key_id != key_id)
		return SELECT_NOT_PINNED;
	if (is_tried(s->ask, ch->id, key_id))
		return SELECT_TRIED;
	if (key != NULL && !key->is_active)
		return strcmp(key->status, "off") == 0 ? SELECT_KEY_OFF : SELECT_KEY_DISABLED;
	if (health->state == HEALTH_OFF)
		return SELECT_KEY_OFF;
	/* a pin knows no other way, so an open breaker is no reason to try one: there is an error for it */
	if (health->state == HEALTH_OPEN && !s->may_be_open)
		return SELECT_OPEN;
	return SELECT_CANDIDATE;
}

static bool
is_enough(const struct selecting *s)
{
	return !s->is_explained && s->n_candidates == SELECT_CANDIDATES_MAX;
}

static void
place(struct selecting *s, const struct offer_channel *ch, const struct offer_key *key, enum select_why why,
    const struct health_view *health)
{
	if (why == SELECT_CANDIDATE && s->n_candidates == SELECT_CANDIDATES_MAX)
		why = SELECT_BEYOND;
	s->n_candidates += why == SELECT_CANDIDATE;
	if (s->is_explained || why == SELECT_CANDIDATE)
		s->places[s->n_places++] = (struct select_place){ ch, key, why, *health };
}

/* ---- the keys of a channel ----------------------------------------------------------- */

/* The turn that is on; over with this, unless it is only explained or others came first. */
static uint32_t
take_turn(const struct selecting *s, atomic_uint *turn)
{
	if (s->is_explained || s->n_candidates > 0)
		return atomic_load_explicit(turn, memory_order_relaxed);
	return atomic_fetch_add_explicit(turn, 1, memory_order_relaxed);
}

static bool
is_by_health(enum strategy strategy)
{
	return strategy == STRATEGY_LEAST_ERRORS || strategy == STRATEGY_LOWEST_LATENCY;
}

static void
fill_health(struct strategy_lot *lot, const struct health_view *health)
{
	lot->first_byte_ms = health->first_byte_ms;
	lot->errors_per_mille = health->errors_per_mille;
	lot->calls = health->calls;
}

/* In their order, by turns, but where what decides among channels decides here as well. */
static void
order_keys(struct selecting *s, const struct offer_account *account)
{
	struct strategy_draw draw = s->draw;

	if (draw.strategy != STRATEGY_CONSISTENT_HASH && !is_by_health(draw.strategy))
		draw.strategy = STRATEGY_WEIGHTED_ROUND_ROBIN;
	draw.turn = take_turn(s, account->turn);
	for (size_t i = 0; i < account->n_keys; i++) {
		struct health_view health = { .calls = 0 };

		s->key_lots[i] =
		    (struct strategy_lot){ .index = i, .id = account->keys[i].id, .weight = account->keys[i].weight };
		if (!is_by_health(draw.strategy))
			continue;
		health_read(s->health, account->id, account->keys[i].id, &health);
		fill_health(&s->key_lots[i], &health);
	}
	strategy_order(&draw, s->key_lots, account->n_keys);
}

static void
place_keys(struct selecting *s, const struct offer_channel *ch)
{
	const struct offer_account *account = ch->account;
	size_t n = 0;

	order_keys(s, account);
	for (size_t i = 0; i < account->n_keys && !is_enough(s); i++) {
		const struct offer_key *key = &account->keys[s->key_lots[i].index];
		struct health_view health;
		enum select_why why;

		health_read(s->health, ch->id, key->id, &health);
		why = judge_key(s, ch, key, &health);
		if (why == SELECT_CANDIDATE && n++ >= SELECT_KEYS_MAX)
			why = SELECT_BEYOND;
		place(s, ch, key, why, &health);
	}
}

static void
place_channel(struct selecting *s, const struct offer_channel *ch)
{
	struct health_view health;

	if (ch->account->has_keys) {
		place_keys(s, ch);
		return;
	}
	health_read(s->health, ch->id, 0, &health);
	place(s, ch, NULL, judge_key(s, ch, NULL, &health), &health);
}

/* ---- the channels of a model ----------------------------------------------------------- */

/* A channel fares as the best of its keys does. */
static void
read_health(const struct selecting *s, const struct offer_channel *ch, struct strategy_lot *lot)
{
	const struct offer_account *account = ch->account;
	struct health_view best = { .calls = 0 }, one;

	health_read(s->health, ch->id, account->n_keys > 0 ? account->keys[0].id : 0, &best);
	for (size_t i = 1; i < account->n_keys; i++) {
		health_read(s->health, ch->id, account->keys[i].id, &one);
		if (one.calls > 0 && (best.calls == 0 || one.errors_per_mille < best.errors_per_mille))
			best.errors_per_mille = one.errors_per_mille;
		if (one.first_byte_ms > 0 && (best.first_byte_ms == 0 || one.first_byte_ms < best.first_byte_ms))
			best.first_byte_ms = one.first_byte_ms;
		best.calls += one.calls;
	}
	fill_health(lot, &best);
}

/* Those of one priority: `from` up to `end`. */
static void
place_equals(struct selecting *s, size_t from, size_t end)
{
	static const struct health_view unknown = { .state = HEALTH_CLOSED };
	const struct offer_channel *channels = s->ask->model->channels;
	size_t n = 0;

	for (size_t i = from; i < end; i++) {
		enum select_why why = judge_channel(s, &channels[i]);

		if (why != SELECT_CANDIDATE) {
			place(s, &channels[i], NULL, why, &unknown);
			continue;
		}
		s->lots[n] = (struct strategy_lot){ .index = i, .id = channels[i].id, .weight = channels[i].weight };
		if (is_by_health(s->draw.strategy))
			read_health(s, &channels[i], &s->lots[n]);
		n++;
	}
	strategy_order(&s->draw, s->lots, n);
	for (size_t i = 0; i < n && !is_enough(s); i++)
		place_channel(s, &channels[s->lots[i].index]);
}

static void
place_all(struct selecting *s)
{
	const struct offer_model *m = s->ask->model;

	s->n_places = s->n_candidates = 0;
	for (size_t from = 0, end; from < m->n_channels && !is_enough(s); from = end) {
		for (end = from + 1; end < m->n_channels; end++)
			if (m->channels[end].priority != m->channels[from].priority)
				break;
		place_equals(s, from, end);
	}
}

static size_t
most_keys(const struct offer_model *m)
{
	size_t most = 1;

	for (size_t i = 0; i < m->n_channels; i++)
		if (m->channels[i].account->n_keys > most)
			most = m->channels[i].account->n_keys;
	return most;
}

static size_t
all_keys(const struct offer_model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_channels; i++)
		n += m->channels[i].account->n_keys > 0 ? m->channels[i].account->n_keys : 1;
	return n;
}

static void
run(struct context *cx, const struct select_ask *ask, bool is_explained, struct selecting *s)
{
	const struct offer_model *m = ask->model;

	*s = (struct selecting){
		.ask = ask,
		.group = group_of(cx, ask),
		.region = region_of(cx, ask),
		.health = cx->process == NULL ? NULL : cx->process->health,
		.draw = { .strategy = select_strategy(cx, ask) },
		.is_explained = is_explained,
		.lots = ARENA_ARRAY(cx->arena, struct strategy_lot, m->n_channels + 1),
		.key_lots = ARENA_ARRAY(cx->arena, struct strategy_lot, most_keys(m)),
		.places = ARENA_ARRAY(
		    cx->arena, struct select_place, is_explained ? all_keys(m) : SELECT_CANDIDATES_MAX),
	};
	crypto_random(&s->draw.random, sizeof(s->draw.random));
	s->draw.turn = take_turn(s, m->turn);
	if (s->draw.strategy == STRATEGY_CONSISTENT_HASH) {
		const char *what = ask->affinity != NULL ? ask->affinity : cx->caller.user_id;

		s->draw.affinity = strategy_affinity(what == NULL ? "" : what, what == NULL ? 0 : strlen(what));
	}
	place_all(s);
	if (s->n_candidates == 0 && ask->pin.channel_id == 0) {
		s->may_be_open = true;
		place_all(s);
	}
}

bool
select_reaches(const struct context *cx, const struct offer_model *m)
{
	struct select_ask ask = { .model = m };
	struct selecting s = { .ask = &ask, .group = group_of(cx, &ask), .region = region_of(cx, &ask) };

	for (size_t i = 0; i < m->n_channels; i++) {
		enum select_why why = judge_channel(&s, &m->channels[i]);

		if (why == SELECT_CANDIDATE || why == SELECT_NO_KEY)
			return true;
	}
	return false;
}

/* ---- what comes of it -------------------------------------------------------------------- */

const char *
select_session(struct arena *a, const char *user_id, const char *session)
{
	return arena_printf(a, "%s %.*s", user_id == NULL ? "" : user_id, SESSION_BYTES_MAX, session);
}

struct offer_model *
select_candidates(struct context *cx, const struct select_ask *ask)
{
	struct offer_model *out = ARENA_NEW(cx->arena, struct offer_model);
	struct selecting s;

	run(cx, ask, false, &s);
	*out = *ask->model;
	out->channels = ARENA_ARRAY(cx->arena, struct offer_channel, s.n_places + 1);
	out->n_channels = s.n_places;
	out->price = offer_price(cx->arena, &out->prices, out->groups, s.group, TIER_STANDARD, clock_wall_s());
	for (size_t i = 0; i < s.n_places; i++) {
		struct offer_channel *ch = &out->channels[i];

		*ch = *s.places[i].channel;
		if (s.places[i].key != NULL) {
			ch->key_id = s.places[i].key->id;
			ch->key_name = s.places[i].key->name;
			ch->api_key = s.places[i].key->key;
		}
	}
	return out;
}

enum status
select_need_price(struct context *cx, const struct offer_model *m)
{
	return price_is_known(m->price) ? OK : fail(cx, E_PRICE_UNKNOWN, "model %s has no price", m->name);
}

/* Is there such a channel, with such a key? */
static bool
is_there(const struct offer_model *m, const struct select_key *pin)
{
	for (size_t i = 0; i < m->n_channels; i++) {
		const struct offer_account *account = m->channels[i].account;

		if (m->channels[i].id != pin->channel_id)
			continue;
		if (pin->key_id == 0)
			return !account->has_keys;
		for (size_t k = 0; k < account->n_keys; k++)
			if (account->keys[k].id == pin->key_id)
				return true;
	}
	return false;
}

enum status
select_some(struct context *cx, const struct select_ask *ask, struct offer_model **out)
{
	struct offer_model *m = select_candidates(cx, ask);

	if (m->n_channels > 0) {
		*out = m;
		return OK;
	}
	if (ask->pin.channel_id == 0)
		return fail(cx, E_UNAVAILABLE, "model %s has no channel for group %s", m->name, group_of(cx, ask));
	if (is_there(ask->model, &ask->pin))
		return fail(cx, E_ROUTE_UNAVAILABLE, "model %s, channel %lld, key %lld", m->name,
		    (long long)ask->pin.channel_id, (long long)ask->pin.key_id);
	return fail(cx, E_ROUTE_GONE, "model %s, channel %lld, key %lld", m->name, (long long)ask->pin.channel_id,
	    (long long)ask->pin.key_id);
}

const char *
select_why_name(enum select_why why)
{
	static const char *const names[] = {
		[SELECT_CANDIDATE] = "candidate",
		[SELECT_NO_KEY] = "no_key",
		[SELECT_BLACKLISTED] = "blacklisted",
		[SELECT_GROUP] = "group",
		[SELECT_REGION] = "region",
		[SELECT_KEY_DISABLED] = "key_disabled",
		[SELECT_KEY_OFF] = "key_off",
		[SELECT_OPEN] = "breaker_open",
		[SELECT_TRIED] = "tried",
		[SELECT_NOT_PINNED] = "not_pinned",
		[SELECT_BEYOND] = "beyond",
	};

	return names[why];
}

struct select_place *
select_explain(struct context *cx, const struct select_ask *ask, size_t *n)
{
	struct select_place *sorted;
	struct selecting s;
	size_t at = 0;

	run(cx, ask, true, &s);
	sorted = ARENA_ARRAY(cx->arena, struct select_place, s.n_places + 1);
	for (int left_out = 0; left_out < 2; left_out++)
		for (size_t i = 0; i < s.n_places; i++)
			if ((s.places[i].why != SELECT_CANDIDATE) == left_out)
				sorted[at++] = s.places[i];
	*n = s.n_places;
	return sorted;
}
