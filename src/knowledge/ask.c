#include "knowledge/ask.h"

#include <stdlib.h>
#include <string.h>

#include "engine/measure.h"
#include "engine/pace.h"
#include "engine/waited.h"

#define ANSWER_BYTES_MAX (64u << 20)

bool
embed_can(const struct offer_channel *ch)
{
	const struct wire *wire = wire_find(ch->provider);
	const struct endpoint *e = wire == NULL ? NULL : wire_endpoint(wire, OP_EMBED);

	return e != NULL && e->vectors != NULL;
}

/* Those of its candidates that can be asked for vectors, and now. */
static enum status
keep_channels(struct context *cx, struct offer_model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_channels; i++)
		if (embed_can(&m->channels[i]))
			m->channels[n++] = m->channels[i];
	m->n_channels = n;
	return n == 0 ? fail(cx, E_UNAVAILABLE, "no channel of model %s can be asked for vectors", m->name)
		      : pace_take(cx, m);
}

/* Of what came, as many vectors as were asked for. */
static enum status
take_vectors(struct arena *a, const struct waited *g, const struct embed_ask *ask, struct embed_told *out)
{
	struct wire_vectors v;
	size_t bytes;

	if (g->call.endpoint == NULL || g->call.endpoint->vectors == NULL ||
	    !g->call.endpoint->vectors(g->answer.bytes.data, g->answer.bytes.len, &v)) {
		out->detail = "no vectors in the answer";
		return E_UPSTREAM_FAILED;
	}
	if (v.n != ask->n || v.dimensions == 0) {
		out->detail = arena_printf(a, "%zu vectors of %zu texts", v.n, ask->n);
		free(v.values);
		return E_UPSTREAM_FAILED;
	}
	bytes = v.n * v.dimensions * sizeof(float);
	out->values = memcpy(ARENA_ARRAY(a, float, v.n *v.dimensions), v.values, bytes);
	out->dims = v.dimensions;
	free(v.values);
	return OK;
}

static void
take_use(const struct waited *g, const struct embed_ask *ask, struct embed_told *out)
{
	struct wire_units units = WIRE_UNITS_UNTOLD;
	struct usage used = { 0 };

	if (g->call.endpoint->meter == NULL ||
	    !g->call.endpoint->meter(g->answer.bytes.data, g->answer.bytes.len, &units))
		units.input_tokens = -1;
	used.input_tokens = measure_believed(units.input_tokens, ask->tokens, 0, &used.estimated);
	out->tokens = used.input_tokens;
	out->cost_ucr = measure_units_cost_ucr(g->call.at.price, &used);
	out->channel_id = g->call.at.channel_id;
}

enum status
embed_run(struct context *cx, struct arena *a, struct embed_ask *ask, struct embed_told *out)
{
	struct offer_model *some = ARENA_NEW(a, struct offer_model);
	struct ask *what = ARENA_NEW(a, struct ask);
	struct waited *g;
	enum status st;

	*out = (struct embed_told){ 0 };
	*some = *ask->model;
	ask->model = some;
	if ((st = keep_channels(cx, some)) != OK) {
		out->detail = cx->log_detail;
		return st;
	}
	*what = (struct ask){ .op = OP_EMBED, .embed = { .texts = ask->texts, .n = ask->n } };
	g = waited_run(cx, a,
	    &(struct waited_ask){
		.ask = what, .model = some, .max_bytes = ANSWER_BYTES_MAX, .task_id = ask->task_id, .job = ask->job });
	out->is_refused = waited_refused(g);
	st = g->status;
	if (st == OK && (st = take_vectors(a, g, ask, out)) == OK)
		take_use(g, ask, out);
	else if (out->detail == NULL)
		out->detail = g->detail != NULL ? g->detail : arena_strdup(a, status_code(st));
	waited_free(g);
	return st;
}

int64_t
embed_ceiling_ucr(const struct price *price, int64_t tokens, int64_t calls)
{
	struct usage most = { .input_tokens = tokens + tokens / 4 + 64 * calls };
	int64_t each = measure_units_cost_ucr(price, &(struct usage){ 0 });

	return ucr_add(measure_units_cost_ucr(price, &most), ucr_for_units(calls - 1, each, 1));
}
