#include "knowledge/ask.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/process.h"
#include "engine/call.h"
#include "engine/measure.h"
#include "engine/pace.h"
#include "io/http.h"
#include "io/reactor.h"

#define LOOK_EVERY_MS 200
#define ANSWER_BYTES_MAX (64u << 20)
#define PREP_BYTES_MAX (64u << 20)

/* A call on a reactor of its own. */
struct asking {
	struct process process;
	struct call call;
	struct answer answer;
	struct reactor_timer *look;
	const struct job *job;
	enum status status;
	const char *detail;
};

static void
on_content(void *arg)
{
	struct asking *g = arg;

	g->answer.delivered += g->answer.pending.len + (answer_has_bytes(&g->answer) ? g->answer.bytes.len : 0);
	answer_given(&g->answer);
}

static void
on_end(void *arg, enum status st, const char *detail)
{
	struct asking *g = arg;

	g->status = st;
	g->detail = detail;
	reactor_stop(g->process.reactor);
}

static const struct call_observer observer = { .on_content = on_content, .on_end = on_end };

static void
start(void *arg)
{
	struct asking *g = arg;

	call_start(&g->call, &observer, g);
}

static void
look(void *arg)
{
	struct asking *g = arg;

	if (g->job == NULL || !job_stopping(g->job)) {
		reactor_timer_start(g->look, LOOK_EVERY_MS);
		return;
	}
	call_drop(&g->call);
	on_end(g, E_INTERRUPTED, "the program is stopping");
}

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
take_vectors(struct arena *a, const struct asking *g, const struct embed_ask *ask, struct embed_told *out)
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
take_use(const struct asking *g, const struct embed_ask *ask, struct embed_told *out)
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

/* What was asked is at fault, not who was asked. */
static bool
refuses(enum status st, int http_status)
{
	return st == E_INVALID_REQUEST || st == E_CONTENT_VIOLATION || http_status == 400 || http_status == 413 ||
	    http_status == 422;
}

static enum status
run(struct context *cx, struct arena *a, struct asking *g, const struct embed_ask *ask, struct arena *prep)
{
	struct ask *what = ARENA_NEW(prep, struct ask);
	enum status st;

	*what = (struct ask){ .op = OP_EMBED, .embed = { .texts = ask->texts, .n = ask->n } };
	g->answer.bytes.max_bytes = ANSWER_BYTES_MAX;
	call_init(&g->call, &g->process, &(struct call_ids){ .task = ask->task_id, .request = cx->request_id },
	    &g->answer, a);
	st = call_prepare(
	    &g->call, &(struct call_ask){ .ask = what, .model = ask->model, .limits = call_limits_of(cx->conf) }, prep);
	if (st != OK)
		return st;
	reactor_timer_start(g->look, LOOK_EVERY_MS);
	reactor_post(g->process.reactor, start, g);
	reactor_run(g->process.reactor);
	return g->status;
}

enum status
embed_run(struct context *cx, struct arena *a, struct embed_ask *ask, struct embed_told *out)
{
	struct offer_model *some = ARENA_NEW(a, struct offer_model);
	struct asking *g = ARENA_NEW(a, struct asking);
	struct arena *prep;
	enum status st;

	*out = (struct embed_told){ 0 };
	*some = *ask->model;
	ask->model = some;
	if ((st = keep_channels(cx, some)) != OK) {
		out->detail = cx->log_detail;
		return st;
	}
	prep = arena_new(65536, PREP_BYTES_MAX);
	*g = (struct asking){ .process = { .conf = cx->conf, .reactor = reactor_new() }, .job = ask->job };
	g->process.http = http_client_new(g->process.reactor);
	g->process.health = cx->process == NULL ? NULL : cx->process->health;
	g->look = reactor_timer_new(g->process.reactor, look, g);
	answer_init(&g->answer, ANSWER_BYTES_MAX);
	st = run(cx, a, g, ask, prep);
	if (st == OK && (st = take_vectors(a, g, ask, out)) == OK)
		take_use(g, ask, out);
	else if (out->detail == NULL)
		out->detail = arena_strdup(a, g->detail != NULL ? g->detail : status_code(st));
	out->is_refused = st != OK && refuses(st, g->call.at.http_status);
	call_free(&g->call);
	answer_free(&g->answer);
	reactor_timer_free(g->look);
	http_client_free(g->process.http);
	reactor_free(g->process.reactor);
	arena_free(prep);
	return st;
}

int64_t
embed_ceiling_ucr(const struct price *price, int64_t tokens, int64_t calls)
{
	struct usage most = { .input_tokens = tokens + tokens / 4 + 64 * calls };
	int64_t each = measure_units_cost_ucr(price, &(struct usage){ 0 });

	return ucr_add(measure_units_cost_ucr(price, &most), ucr_for_units(calls - 1, each, 1));
}
