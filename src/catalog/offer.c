#include "catalog/offer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "catalog/channels.h"
#include "io/pg.h"
#include "core/secret.h"

#define OFFER_ARENA_BYTES 4096
#define OFFER_ARENA_MAX_BYTES (INT64_C(256) << 20)

struct offers {
	pthread_mutex_t lock;
	struct offer *newest;
};

/* One row per model and channel, in one snapshot with the version. */
static const char offer_sql[] =
    "SELECT v.version, m.id AS model_id, m.name AS model, m.context_tokens, m.max_output_tokens,"
    "  array_to_string(m.abilities, ' ') AS abilities, m.price_input_per_mtok, m.price_output_per_mtok,"
    "  m.price_per_call, m.enabled AND m.type = 'chat' AS is_chat, m.is_default,"
    "  ch.id AS channel_id, ch.name AS channel, ch.provider, ch.base_url, ch.api_key_enc, ch.allow_private,"
    "  coalesce(ch.config -> 'responses' = 'true', false) AS has_responses,"
    "  ch.priority, ch.weight, coalesce(cm.upstream_name, m.name) AS upstream_name"
    " FROM catalog_version v LEFT JOIN llm_models m ON true"
    "  LEFT JOIN (channel_models cm JOIN channels ch ON ch.id = cm.channel_id AND ch.enabled)"
    "   ON cm.model_id = m.id AND ch.type = m.type"
    " ORDER BY m.id, ch.priority DESC, ch.id";

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

/* ---- reading ------------------------------------------------------------------- */

static const char *
copy(struct offer *o, const struct rows *rows, int row, const char *column)
{
	return arena_strdup(o->arena, row_text(rows, row, column));
}

/* False: its key cannot be opened. */
static bool
read_channel(struct offer *o, const struct conf *conf, const struct rows *rows, int row, struct offer_channel *ch)
{
	size_t len = 0;
	const unsigned char *sealed = row_bytes(rows, row, "api_key_enc", o->arena, &len);

	*ch = (struct offer_channel){
		.id = row_int(rows, row, "channel_id"),
		.name = copy(o, rows, row, "channel"),
		.provider = copy(o, rows, row, "provider"),
		.base_url = copy(o, rows, row, "base_url"),
		.upstream_name = copy(o, rows, row, "upstream_name"),
		.allow_private = row_bool(rows, row, "allow_private"),
		.has_responses = row_bool(rows, row, "has_responses"),
		.priority = row_int(rows, row, "priority"),
		.weight = row_int(rows, row, "weight"),
	};
	return sealed == NULL || secret_open(o->arena, conf, ch->name, sealed, len, &ch->api_key) == OK;
}

/* Read the model whose rows begin at `row`; the row after them. */
static int
read_model(struct offer *o, const struct conf *conf, const struct rows *rows, int row)
{
	struct offer_model *m = &o->models[o->n_models++];
	int end = row;

	*m = (struct offer_model){
		.id = row_int(rows, row, "model_id"),
		.name = copy(o, rows, row, "model"),
		.context_tokens = row_int(rows, row, "context_tokens"),
		.max_output_tokens = row_int(rows, row, "max_output_tokens"),
		.price_input_ucr = row_ucr(rows, row, "price_input_per_mtok"),
		.price_output_ucr = row_ucr(rows, row, "price_output_per_mtok"),
		.price_call_ucr = row_ucr(rows, row, "price_per_call"),
		.abilities = abilities_parse(row_text(rows, row, "abilities")),
		.is_chat = row_bool(rows, row, "is_chat"),
		.is_default = row_bool(rows, row, "is_default"),
	};
	while (end < rows_count(rows) && row_int(rows, end, "model_id") == m->id)
		end++;
	m->channels = ARENA_ARRAY(o->arena, struct offer_channel, end - row);
	for (; row < end; row++)
		if (!row_null(rows, row, "channel_id") && read_channel(o, conf, rows, row, &m->channels[m->n_channels]))
			m->n_channels++;
	if (m->is_chat && m->context_tokens > o->largest_context)
		o->largest_context = m->context_tokens;
	return end;
}

static struct offer *
read_offer(const struct conf *conf, const struct rows *rows)
{
	struct arena *a = arena_new(OFFER_ARENA_BYTES, OFFER_ARENA_MAX_BYTES);
	struct offer *o = ARENA_NEW(a, struct offer);

	atomic_init(&o->refs, 1);
	o->arena = a;
	o->version = copy(o, rows, 0, "version");
	o->models = ARENA_ARRAY(a, struct offer_model, rows_count(rows));
	if (!row_null(rows, 0, "model_id"))
		for (int row = 0; row < rows_count(rows);)
			row = read_model(o, conf, rows, row);
	return o;
}

/* ---- holding ------------------------------------------------------------------- */

static struct offer *
offer_ref(struct offer *o)
{
	atomic_fetch_add(&o->refs, 1);
	return o;
}

void
offer_unref(struct offer *o)
{
	if (o != NULL && atomic_fetch_sub(&o->refs, 1) == 1)
		arena_free(o->arena);
}

struct offers *
offers_new(void)
{
	struct offers *o = xcalloc(1, sizeof(*o));

	pthread_mutex_init(&o->lock, NULL);
	return o;
}

void
offers_free(struct offers *o)
{
	if (o == NULL)
		return;
	offer_unref(o->newest);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

struct offer *
offers_newest(struct offers *o)
{
	struct offer *newest;

	pthread_mutex_lock(&o->lock);
	newest = o->newest == NULL ? NULL : offer_ref(o->newest);
	pthread_mutex_unlock(&o->lock);
	return newest;
}

/* Several workers may read at once; should an older one come last, the next
 * turn sees that its version is not the one that holds. */
enum status
offers_read(struct offers *o, struct pg *pg, const struct conf *conf, struct offer **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct offer *before;
	enum status st = pg_query_again(pg, &rows, offer_sql);

	if (st != OK)
		return st;
	*out = offer_ref(read_offer(conf, rows));
	pthread_mutex_lock(&o->lock);
	before = o->newest;
	o->newest = *out;
	pthread_mutex_unlock(&o->lock);
	offer_unref(before);
	return OK;
}

/* ---- finding ------------------------------------------------------------------- */

const struct offer_model *
offer_model(const struct offer *o, int64_t id)
{
	for (size_t i = 0; i < o->n_models; i++)
		if (o->models[i].id == id)
			return &o->models[i];
	return NULL;
}

const struct offer_model *
offer_model_named(const struct offer *o, const char *name)
{
	for (size_t i = 0; i < o->n_models; i++)
		if (strcmp(o->models[i].name, name) == 0)
			return &o->models[i];
	return NULL;
}

const struct offer_model *
offer_default(const struct offer *o)
{
	for (size_t i = 0; i < o->n_models; i++)
		if (o->models[i].is_default && o->models[i].is_chat)
			return &o->models[i];
	return NULL;
}
