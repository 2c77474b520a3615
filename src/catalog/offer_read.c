/* Reading an offer: models, channels, their keys, and which serves which, in one snapshot. */
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "catalog/offer.h"
#include "core/secret.h"
#include "io/pg.h"

#define OFFER_ARENA_BYTES 4096
#define OFFER_ARENA_MAX_BYTES (INT64_C(256) << 20)

/* All within the transaction that begins with the first; $1 a channel, or 0. */
static const char snapshot_sql[] = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
static const char models_sql[] =
    "SELECT v.version, m.id AS model_id, m.name AS model, m.context_tokens, m.max_output_tokens,"
    "  array_to_string(m.abilities, ' ') AS abilities, " OFFER_PRICES_COLUMNS
    ", m.type, m.media, m.enabled, m.enabled AND m.type = 'chat' AS is_chat, m.is_default, m.sort, m.strategy,"
    "  m.group_strategies FROM catalog_version v LEFT JOIN llm_models m"
    "  ON $1::bigint = 0 OR m.id IN (SELECT model_id FROM channel_models WHERE channel_id = $1) ORDER BY m.id";
static const char channels_sql[] =
    "SELECT id, name, provider, base_url, proxy_enc, region, tag, to_jsonb(groups) AS groups,"
    "  to_jsonb(blacklist) AS blacklist, header_override, param_override, allow_private, auto_disable, priority,"
    "  weight, rpm, max_concurrent, test_model, coalesce(config -> 'responses' = 'true', false) AS has_responses FROM channels WHERE CASE WHEN $1::bigint = 0 THEN enabled ELSE id = $1 END"
    " ORDER BY id";
static const char keys_sql[] =
    "SELECT k.id, k.channel_id, k.name, k.key_enc, k.status, k.weight, k.rpm"
    " FROM channel_keys k JOIN channels ch ON ch.id = k.channel_id"
    " WHERE CASE WHEN $1::bigint = 0 THEN ch.enabled ELSE ch.id = $1 END ORDER BY k.channel_id, k.sort, k.id";
static const char ways_sql[] =
    "SELECT cm.model_id, cm.channel_id, cm.upstream_name FROM channel_models cm JOIN channels ch ON ch.id = cm.channel_id"
    " WHERE CASE WHEN $1::bigint = 0 THEN ch.enabled ELSE ch.id = $1 END"
    " ORDER BY cm.model_id, ch.priority DESC, ch.id";

static const struct {
	const char *name;
	unsigned bit;
} ability_names[] = {
	{ "audio", ABILITY_AUDIO },
	{ "reasoning", ABILITY_REASONING },
	{ "tools", ABILITY_TOOLS },
	{ "video", ABILITY_VIDEO },
	{ "vision", ABILITY_VISION },
};

/* ABILITY_* of space-separated names; unknown names count for nothing. */
static unsigned
abilities_parse(const char *names)
{
	unsigned bits = 0;

	for (const char *p = names == NULL ? "" : names; *p != '\0';) {
		size_t len = strcspn(p, " ");

		for (size_t i = 0; i < sizeof(ability_names) / sizeof(ability_names[0]); i++)
			if (strlen(ability_names[i].name) == len && memcmp(ability_names[i].name, p, len) == 0)
				bits |= ability_names[i].bit;
		p += len;
		p += strspn(p, " ");
	}
	return bits;
}

static const char *
copy(struct offer *o, const struct rows *rows, int row, const char *column)
{
	return arena_strdup(o->arena, row_text(rows, row, column));
}

/* One who takes turns begins anywhere: processes that read the same at the same time would
 * all ask the same one first. */
static atomic_uint *
new_turn(struct arena *a)
{
	atomic_uint *turn = ARENA_NEW(a, atomic_uint);
	unsigned any;

	crypto_random(&any, sizeof(any));
	atomic_init(turn, any);
	return turn;
}

/* ---- channels ------------------------------------------------------------------- */

/* NULL: none, or an empty list. */
static const char *const *
read_texts(struct offer *o, const struct rows *rows, int row, const char *column)
{
	json_t *list = row_json(rows, row, column), *text;
	const char **out = ARENA_ARRAY(o->arena, const char *, json_array_size(list) + 1);
	size_t i;

	json_array_foreach(list, i, text)
		out[i] = arena_strdup(o->arena, json_string_value(text));
	json_decref(list);
	return out[0] != NULL ? out : NULL;
}

static const struct override *
read_override(struct offer *o, const struct rows *rows, int row)
{
	json_t *headers = row_json(rows, row, "header_override"), *members = row_json(rows, row, "param_override");
	const struct override *out = override_read(o->arena, headers, members);

	json_decref(headers);
	json_decref(members);
	return out;
}

static void
read_account(struct offer *o, const struct conf *conf, const struct rows *rows, int row, struct offer_account *out)
{
	size_t len = 0;
	const unsigned char *sealed = row_bytes(rows, row, "proxy_enc", o->arena, &len);

	*out = (struct offer_account){
		.id = row_int(rows, row, "id"),
		.name = copy(o, rows, row, "name"),
		.provider = copy(o, rows, row, "provider"),
		.base_url = copy(o, rows, row, "base_url"),
		.region = copy(o, rows, row, "region"),
		.tag = copy(o, rows, row, "tag"),
		.groups = read_texts(o, rows, row, "groups"),
		.blacklist = read_texts(o, rows, row, "blacklist"),
		.override = read_override(o, rows, row),
		.allow_private = row_bool(rows, row, "allow_private"),
		.has_responses = row_bool(rows, row, "has_responses"),
		.auto_disable = row_bool(rows, row, "auto_disable"),
		.priority = row_int(rows, row, "priority"),
		.weight = row_int(rows, row, "weight"),
		.rpm = row_int(rows, row, "rpm"),
		.max_concurrent = row_int(rows, row, "max_concurrent"),
		.test_model = copy(o, rows, row, "test_model"),
		.turn = new_turn(o->arena),
	};
	/* without its proxy nobody wants it asked */
	out->is_sound = sealed == NULL || secret_open(o->arena, conf, out->name, sealed, len, &out->proxy) == OK;
}

static void
read_accounts(struct offer *o, const struct conf *conf, const struct rows *rows)
{
	o->accounts = ARENA_ARRAY(o->arena, struct offer_account, rows_count(rows));
	for (int row = 0; row < rows_count(rows); row++)
		read_account(o, conf, rows, row, &o->accounts[o->n_accounts++]);
}

/* False: it cannot be opened. */
static bool
read_key(struct offer *o, const struct conf *conf, const struct rows *rows, int row, const char *whose,
    struct offer_key *out)
{
	size_t len = 0;
	const unsigned char *sealed = row_bytes(rows, row, "key_enc", o->arena, &len);

	*out = (struct offer_key){
		.id = row_int(rows, row, "id"),
		.name = copy(o, rows, row, "name"),
		.status = copy(o, rows, row, "status"),
		.is_active = strcmp(row_text(rows, row, "status"), "active") == 0,
		.weight = row_int(rows, row, "weight"),
		.rpm = row_int(rows, row, "rpm"),
	};
	return secret_open(o->arena, conf, whose, sealed, len, &out->key) == OK;
}

/* The keys of a channel follow each other, and channels come in the order of the accounts. */
static void
read_keys(struct offer *o, const struct conf *conf, const struct rows *rows)
{
	struct offer_key *keys = ARENA_ARRAY(o->arena, struct offer_key, rows_count(rows));
	size_t n = 0;

	for (int row = 0; row < rows_count(rows); row++) {
		/* the offer is still ours alone */
		struct offer_account *account = (struct offer_account *)offer_account(
		    o, row_int(rows, row, "channel_id"));

		account->has_keys = true;
		if (!read_key(o, conf, rows, row, account->name, &keys[n]))
			continue;
		if (account->n_keys++ == 0)
			account->keys = &keys[n];
		n++;
	}
}

/* ---- models --------------------------------------------------------------------- */

static void
read_group_strategies(struct offer *o, const struct rows *rows, int row, struct offer_model *m)
{
	json_t *by_group = row_json(rows, row, "group_strategies"), *name;
	struct offer_group_strategy *list = ARENA_ARRAY(
	    o->arena, struct offer_group_strategy, json_object_size(by_group) + 1);
	const char *group;

	json_object_foreach(by_group, group, name)
		if (strategy_parse(json_string_value(name), &list[m->n_group_strategies].strategy))
			list[m->n_group_strategies++].group = arena_strdup(o->arena, group);
	m->group_strategies = list;
	json_decref(by_group);
}

static void
read_model(struct offer *o, const struct rows *rows, int row, struct offer_model *m)
{
	*m = (struct offer_model){
		.id = row_int(rows, row, "model_id"),
		.name = copy(o, rows, row, "model"),
		.context_tokens = row_int(rows, row, "context_tokens"),
		.max_output_tokens = row_int(rows, row, "max_output_tokens"),
		.prices = offer_prices_read(o->arena, o->groups, rows, row),
		.groups = o->groups,
		.abilities = abilities_parse(row_text(rows, row, "abilities")),
		.type = copy(o, rows, row, "type"),
		.media = copy(o, rows, row, "media"),
		.is_enabled = row_bool(rows, row, "enabled"),
		.is_chat = row_bool(rows, row, "is_chat"),
		.is_default = row_bool(rows, row, "is_default"),
		.sort = row_int(rows, row, "sort"),
		.turn = new_turn(o->arena),
	};
	(void)!strategy_parse(row_text(rows, row, "strategy"), &m->strategy);
	read_group_strategies(o, rows, row, m);
	if (m->is_chat && m->context_tokens > o->largest_context)
		o->largest_context = m->context_tokens;
}

static void
index_models(struct offer *o)
{
	o->n_by_name = 8;
	while (o->n_by_name < 2 * o->n_models)
		o->n_by_name *= 2;
	o->by_name = ARENA_ARRAY(o->arena, uint32_t, o->n_by_name);
	for (size_t i = 0; i < o->n_models; i++) {
		uint64_t at = strategy_affinity(o->models[i].name, strlen(o->models[i].name));

		while (o->by_name[at & (o->n_by_name - 1)] != 0)
			at++;
		o->by_name[at & (o->n_by_name - 1)] = (uint32_t)i + 1;
	}
}

static void
read_models(struct offer *o, const struct rows *rows)
{
	o->version = copy(o, rows, 0, "version");
	o->groups = offer_groups_read(o->arena, rows, 0);
	o->models = ARENA_ARRAY(o->arena, struct offer_model, rows_count(rows));
	if (!row_null(rows, 0, "model_id"))
		for (int row = 0; row < rows_count(rows); row++)
			read_model(o, rows, row, &o->models[o->n_models++]);
	index_models(o);
}

/* ---- which serves which ------------------------------------------------------------ */

static bool
is_listed(const char *const *list, const char *name)
{
	for (; list != NULL && *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

static struct offer_channel
make_way(const struct offer_account *account, const struct offer_model *m, const char *upstream_name)
{
	return (struct offer_channel){
		.id = account->id,
		.name = account->name,
		.provider = account->provider,
		.base_url = account->base_url,
		.upstream_name = upstream_name,
		.allow_private = account->allow_private,
		.has_responses = account->has_responses,
		.is_blacklisted = is_listed(account->blacklist, m->name) ||
		    is_listed(account->blacklist, upstream_name),
		.priority = account->priority,
		.weight = account->weight,
		.account = account,
	};
}

static void
read_ways(struct offer *o, const struct rows *rows)
{
	struct offer_channel *ways = ARENA_ARRAY(o->arena, struct offer_channel, rows_count(rows));
	size_t n = 0;

	for (int row = 0; row < rows_count(rows); row++) {
		struct offer_model *m = (struct offer_model *)offer_model(o, row_int(rows, row, "model_id"));
		const struct offer_account *account = offer_account(o, row_int(rows, row, "channel_id"));
		const char *upstream = row_text(rows, row, "upstream_name");

		if (!account->is_sound)
			continue;
		ways[n] = make_way(account, m, upstream == NULL ? m->name : arena_strdup(o->arena, upstream));
		if (m->n_channels++ == 0)
			m->channels = &ways[n];
		n++;
	}
}

/* ---- all of it --------------------------------------------------------------------- */

static enum status
ask(struct pg *pg, struct pg_call *calls, size_t n)
{
	enum status st;

	if ((st = pg_begin(pg)) != OK)
		return st;
	/* alone: preparing the others takes a snapshot */
	if ((st = pg_query(pg, NULL, snapshot_sql)) != OK || (st = pg_run_all(pg, calls, n, false)) != OK) {
		pg_rollback(pg);
		return st;
	}
	if ((st = pg_commit(pg)) == OK)
		return OK;
	for (size_t i = 0; i < n; i++)
		rows_free(calls[i].rows);
	return st;
}

enum status
offer_read(struct pg *pg, const struct conf *conf, int64_t channel_id, struct offer **out)
{
	struct pg_call models = PG_CALL(models_sql, PI(channel_id));
	struct pg_call channels = PG_CALL(channels_sql, PI(channel_id)), keys = PG_CALL(keys_sql, PI(channel_id));
	struct pg_call ways = PG_CALL(ways_sql, PI(channel_id));
	struct pg_call calls[] = { models, channels, keys, ways };
	struct arena *a;
	struct offer *o;
	enum status st;

	if ((st = ask(pg, calls, 4)) != OK)
		return st;
	a = arena_new(OFFER_ARENA_BYTES, OFFER_ARENA_MAX_BYTES);
	o = ARENA_NEW(a, struct offer);
	atomic_init(&o->refs, 1);
	o->arena = a;
	read_models(o, calls[0].rows);
	read_accounts(o, conf, calls[1].rows);
	read_keys(o, conf, calls[2].rows);
	read_ways(o, calls[3].rows);
	for (size_t i = 0; i < 4; i++)
		rows_free(calls[i].rows);
	*out = o;
	return OK;
}
