#include "catalog/route.h"

#include <string.h>

const struct field route_fields[] = {
	{ "model", F_LINE, F_REQUIRED, .min = 1, .max = 200, .help = "by our name" },
	{ "group", F_LINE, 0, .min = 1, .max = 255, .help = "of users; absent: that of the key's owner, or default" },
	{ "region", F_LINE, 0, .min = 1, .max = 64, .help = "absent: [upstream] region, or else any" },
	{ "key", F_UUID, 0, .help = "an API key whose call it would be" },
	{ "session", F_LINE, 0, .min = 1, .max = 512, .help = "as a client tells it; absent: none" },
	{ .name = NULL },
};

static const char *
state_name(enum health_state state)
{
	static const char *const names[] = { [HEALTH_CLOSED] = "closed",
		[HEALTH_OPEN] = "open",
		[HEALTH_HALF_OPEN] = "half_open",
		[HEALTH_OFF] = "off" };

	return names[state];
}

static json_t *
place_json(const struct select_place *place, size_t position)
{
	const struct offer_channel *ch = place->channel;
	const struct offer_key *key = place->key;

	return json_pack("{s:o, s:s, s:I, s:s, s:o, s:s?, s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:I, s:i}", "position",
	    place->why == SELECT_CANDIDATE ? json_integer((json_int_t)position) : json_null(), "why",
	    select_why_name(place->why), "channel_id", (json_int_t)ch->id, "channel", ch->name, "key_id",
	    key == NULL ? json_null() : json_integer((json_int_t)key->id), "key", key == NULL ? NULL : key->name,
	    "provider", ch->provider, "upstream_name", ch->upstream_name, "priority", (json_int_t)ch->priority,
	    "weight", (json_int_t)ch->weight, "tag", ch->account->tag, "region", ch->account->region, "state",
	    state_name(place->health.state), "first_byte_ms", (json_int_t)place->health.first_byte_ms,
	    "errors_per_mille", place->health.errors_per_mille);
}

static enum status
add_disabled(struct context *cx, const struct offer_model *m, json_t *items)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT jsonb_build_object('position', NULL, 'why', 'channel_disabled', 'channel_id', ch.id, 'channel', ch.name,"
	    "  'key_id', NULL, 'key', NULL, 'provider', ch.provider, 'upstream_name', coalesce(cm.upstream_name, m.name),"
	    "  'priority', ch.priority, 'weight', ch.weight, 'tag', ch.tag, 'region', ch.region, 'state', 'closed',"
	    "  'first_byte_ms', 0, 'errors_per_mille', 0) AS json"
	    " FROM channel_models cm JOIN channels ch ON ch.id = cm.channel_id JOIN llm_models m ON m.id = cm.model_id"
	    " WHERE cm.model_id = $1 AND NOT ch.enabled ORDER BY ch.priority DESC, ch.id LIMIT 1000",
	    PI(m->id));

	if (st != OK)
		return fail(cx, st, "read channels: %s", pg_error(cx->pg));
	for (int i = 0; i < rows_count(rows); i++)
		json_array_append_new(items, row_json(rows, i, "json"));
	return OK;
}

/* Whose call it would be, the key's owner's, and of which group. */
static enum status
take_key(struct context *cx, const char *key, const char **user_id, const char **group)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	*user_id = cx->caller.user_id;
	*group = SELECT_GROUP_DEFAULT;
	if (key == NULL)
		return OK;
	st = pg_query_again(cx->pg, &rows,
	    "SELECT k.user_id, quota_group(k.user_id, k.id) AS user_group FROM api_keys k WHERE k.id = $1", PS(key));
	if (st != OK)
		return fail(cx, st, "read key: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail_field(cx, "key", "is no API key");
	*user_id = arena_strdup(cx->arena, row_text(rows, 0, "user_id"));
	*group = arena_strdup(cx->arena, row_text(rows, 0, "user_group"));
	return OK;
}

static enum status
read_ask(struct context *cx, const struct offer *o, const json_t *in, struct select_ask *ask)
{
	const char *session = field_text(in, "session"), *user_id, *group;
	enum status st;

	if ((st = take_key(cx, field_text(in, "key"), &user_id, &group)) != OK)
		return st;
	*ask = (struct select_ask){ .model = offer_model_named(o, field_text(in, "model")),
		.group = field_text(in, "group"),
		.region = field_text(in, "region") };
	if (ask->region == NULL && *cx->conf->upstream_region != '\0')
		ask->region = cx->conf->upstream_region;
	if (ask->group == NULL)
		ask->group = group;
	if (session != NULL)
		ask->affinity = select_session(cx->arena, user_id, session);
	return ask->model != NULL ? OK : fail_field(cx, "model", "is not a model we have");
}

enum status
route_explain(struct context *cx, const struct offer *o, const json_t *in, json_t **out)
{
	json_t *items = json_own(cx->arena, json_array());
	struct select_place *places;
	struct select_ask ask;
	enum status st;
	size_t n;

	if ((st = read_ask(cx, o, in, &ask)) != OK)
		return st;
	places = select_explain(cx, &ask, &n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, place_json(&places[i], i + 1));
	if ((st = add_disabled(cx, ask.model, items)) != OK)
		return st;
	*out = json_pack("{s:s, s:s, s:s?, s:s, s:b, s:O}", "model", ask.model->name, "group", ask.group, "region",
	    ask.region, "strategy", strategy_name(select_strategy(cx, &ask)), "by_session", ask.affinity != NULL,
	    "items", items);
	return OK;
}
