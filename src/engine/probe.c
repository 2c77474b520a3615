#include "engine/probe.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "core/await.h"
#include "engine/call.h"
#include "io/http.h"
#include "io/reactor.h"

#define ANSWER_MAX_BYTES (1 << 20) /* more than any single token needs */

struct probes;

/* A call without a task, to one channel, once. */
struct probe {
	struct await await; /* first: await.h knows this; of probe_await() */
	struct call call;
	struct answer answer;
	struct offer_channel channel;
	struct offer_model model;
	int64_t started_ms;
	struct probe_result result;
	void (*over)(struct probe *p); /* reactor */
	struct probes *all;	       /* of probe_await_all() */
	probe_then_fn *then;
	void *arg;
	struct alone *alone; /* of probe_run_all() */
};

static void
on_content(void *arg)
{
	struct probe *p = arg;

	p->answer.delivered += p->answer.pending.len;
	answer_given(&p->answer);
}

static void
note_end(struct probe *p, enum status st, const char *detail)
{
	struct probe_result *r = &p->result;
	size_t len = p->answer.text.len < sizeof(r->text) - 1 ? p->answer.text.len : sizeof(r->text) - 1;

	*r = (struct probe_result){ .status = st, .http_status = p->call.at.http_status };
	if (st != OK) /* its time was over, where the call knows nothing else */
		r->outcome = p->call.at.outcome == HEALTH_FINE ? HEALTH_TIMEOUT : p->call.at.outcome;
	r->latency_ms = clock_mono_ms() - p->started_ms;
	snprintf(r->detail, sizeof(r->detail), "%s", detail == NULL ? "" : detail);
	len -= utf8_tail(buf_str(&p->answer.text), len);
	memcpy(r->text, buf_str(&p->answer.text), len);
	r->text[len] = '\0';
}

static void
on_end(void *arg, enum status st, const char *detail)
{
	struct probe *p = arg;

	note_end(p, st, detail);
	p->over(p);
}

static const struct call_observer observer = { .on_content = on_content, .on_end = on_end };

static void
probe_free(void *arg)
{
	struct probe *p = arg;

	call_free(&p->call);
	answer_free(&p->answer);
}

/* In `a`, and freed with it.  NULL, and *result says why, when it cannot be asked. */
static struct probe *
probe_new(struct arena *a, struct process *process, const struct probe_spec *spec, struct probe_result *result)
{
	static struct ask_part word = { .kind = ASK_TEXT, .text = "ping" };
	static const struct ask_message ping = { .role = "user", .parts = &word, .n_parts = 1 };
	struct ask *ask = ARENA_NEW(a, struct ask);
	struct probe *p = ARENA_NEW(a, struct probe);
	enum status st = E_INVALID_REQUEST;

	*ask = (struct ask){ .op = OP_CHAT, .chat = { ASK_CHAT_PLAIN, .messages = &ping, .n_messages = 1 } };
	*p = (struct probe){ .channel = { .name = "probe",
				 .provider = spec->provider,
				 .base_url = spec->base_url,
				 .api_key = spec->api_key,
				 .upstream_name = spec->model,
				 .allow_private = spec->allow_private,
				 .account = spec->account } };
	p->model = (struct offer_model){ .name = spec->model, .channels = &p->channel, .n_channels = 1 };
	answer_init(&p->answer, ANSWER_MAX_BYTES);
	call_init(&p->call, process, &(struct call_ids){ .task = NULL }, &p->answer, a);
	arena_cleanup(a, probe_free, p);
	if (wire_find(spec->provider) != NULL)
		st = call_prepare(&p->call,
		    &(struct call_ask){ .ask = ask,
			.model = &p->model,
			.limits = { .connect_ms = spec->connect_timeout_ms, .total_ms = PROBE_TIMEOUT_MS },
			.max_output_tokens = 1,
			.may_be_empty = true },
		    a);
	if (st == OK)
		return p;
	*result = (struct probe_result){
		.status = st, .outcome = HEALTH_CLIENT, .detail = "no adapter of ours can ask this"
	};
	return NULL;
}

static void
start(void *arg)
{
	struct probe *p = arg;

	p->started_ms = clock_mono_ms();
	call_start(&p->call, &observer, p);
}

/* ---- through the process' reactor, for a request that waits ----------------------- */

static void
end_wait(struct probe *p)
{
	await_over(&p->await);
}

static void
begin_probe(struct await *a)
{
	start(a);
}

static void
drop_probe(struct await *a)
{
	struct probe *p = (struct probe *)(void *)a;

	call_drop(&p->call);
	note_end(p, E_UNAVAILABLE, "the server is stopping");
}

static enum status
after_probe(struct await *a)
{
	struct probe *p = (struct probe *)(void *)a;

	return p->then(a->rq, &p->result, p->arg);
}

enum status
probe_await(struct request *rq, const struct probe_spec *spec, probe_then_fn *then, void *arg)
{
	struct probe_result *refused = ARENA_NEW(rq->cx.arena, struct probe_result);
	struct probe *p = probe_new(rq->cx.arena, rq->cx.process, spec, refused);

	if (p == NULL)
		return then(rq, refused, arg);
	p->await = (struct await){ .begin = begin_probe, .drop = drop_probe, .then = after_probe };
	p->over = end_wait;
	p->then = then;
	p->arg = arg;
	return await(rq, &p->await);
}

/* ---- several, for a request that waits ------------------------------------------------ */

struct probes {
	struct await await;  /* first: await.h knows this */
	struct probe **list; /* NULL: was refused, and its result says why */
	struct probe_result *results;
	size_t n, left;
	probe_all_fn *then;
	void *arg;
};

static void
end_one(struct probe *p)
{
	if (--p->all->left == 0)
		await_over(&p->all->await);
}

static void
begin_all(struct await *a)
{
	struct probes *all = (struct probes *)(void *)a;

	for (size_t i = 0; i < all->n; i++)
		if (all->list[i] != NULL)
			start(all->list[i]);
}

static void
drop_all(struct await *a)
{
	struct probes *all = (struct probes *)(void *)a;

	for (size_t i = 0; i < all->n; i++)
		if (all->list[i] != NULL && all->list[i]->call.state != CALL_OVER) {
			call_drop(&all->list[i]->call);
			note_end(all->list[i], E_UNAVAILABLE, "the server is stopping");
		}
}

static enum status
after_all(struct await *a)
{
	struct probes *all = (struct probes *)(void *)a;

	for (size_t i = 0; i < all->n; i++)
		if (all->list[i] != NULL)
			all->results[i] = all->list[i]->result;
	return all->then(a->rq, all->results, all->n, all->arg);
}

enum status
probe_await_all(struct request *rq, const struct probe_spec *specs, size_t n, probe_all_fn *then, void *arg)
{
	struct arena *a = rq->cx.arena;
	struct probes *all = ARENA_NEW(a, struct probes);

	*all = (struct probes){ .await = { .begin = begin_all, .drop = drop_all, .then = after_all },
		.list = ARENA_ARRAY(a, struct probe *, n + 1),
		.results = ARENA_ARRAY(a, struct probe_result, n + 1),
		.n = n,
		.then = then,
		.arg = arg };
	for (size_t i = 0; i < n; i++) {
		struct probe *p = probe_new(a, rq->cx.process, &specs[i], &all->results[i]);

		if ((all->list[i] = p) == NULL)
			continue;
		p->over = end_one;
		p->all = all;
		all->left++;
	}
	return all->left == 0 ? then(rq, all->results, n, arg) : await(rq, &all->await);
}

/* ---- alone ---------------------------------------------------------------------------- */

#define LOOK_MS 100 /* how often it is looked whether to stop */

/* Several, on a reactor of their own. */
struct alone {
	struct process process;
	struct reactor_timer *timer;
	bool (*stopping)(void);
	struct probe **probes; /* NULL: it could not be asked */
	size_t n, left;
};

static void
end_alone(struct probe *p)
{
	if (--p->alone->left == 0)
		reactor_stop(p->alone->process.reactor);
}

static void
stop_all(struct alone *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->probes[i] != NULL && all->probes[i]->call.state != CALL_OVER) {
			call_drop(&all->probes[i]->call);
			note_end(all->probes[i], E_INTERRUPTED, "the program is stopping");
		}
	reactor_stop(all->process.reactor);
}

static void
look_whether_to_stop(void *arg)
{
	struct alone *all = arg;

	if (all->stopping != NULL && all->stopping())
		stop_all(all);
	else
		reactor_timer_start(all->timer, LOOK_MS);
}

static void
make_probes(struct alone *all, struct arena *a, const struct probe_spec *specs, struct probe_result *results)
{
	for (size_t i = 0; i < all->n; i++) {
		struct probe *p = all->probes[i] = probe_new(a, &all->process, &specs[i], &results[i]);

		if (p == NULL)
			continue;
		p->over = end_alone;
		p->alone = all;
		all->left++;
		reactor_post(all->process.reactor, start, p);
	}
}

void
probe_run_all(
    struct context *cx, const struct probe_spec *specs, struct probe_result *results, size_t n, bool (*stopping)(void))
{
	struct arena *a = arena_new(4096, n * ANSWER_MAX_BYTES);
	struct alone all = { .process = { .conf = cx->conf, .reactor = reactor_new() }, .stopping = stopping, .n = n };

	all.probes = ARENA_ARRAY(a, struct probe *, n);
	all.process.http = http_client_new(all.process.reactor);
	all.timer = reactor_timer_new(all.process.reactor, look_whether_to_stop, &all);
	make_probes(&all, a, specs, results);
	reactor_timer_start(all.timer, LOOK_MS);
	if (all.left > 0)
		reactor_run(all.process.reactor);
	for (size_t i = 0; i < n; i++)
		if (all.probes[i] != NULL)
			results[i] = all.probes[i]->result;
	arena_free(a);
	reactor_timer_free(all.timer);
	http_client_free(all.process.http);
	reactor_free(all.process.reactor);
}

void
probe_run_alone(struct context *cx, const struct probe_spec *spec, struct probe_result *result)
{
	probe_run_all(cx, spec, result, 1, NULL);
}

/* ---- channels ----------------------------------------------------------------------------- */

static bool
is_before(const struct offer_model *a, const struct offer_model *b)
{
	return a->sort != b->sort ? a->sort < b->sort : strcmp(a->name, b->name) < 0;
}

/* The way to a model that leads through that channel; NULL: none. */
static const struct offer_channel *
way_to(const struct offer_model *m, const struct offer_account *account)
{
	for (size_t i = 0; i < m->n_channels; i++)
		if (m->channels[i].account == account)
			return &m->channels[i];
	return NULL;
}

/* The model of that name, or the first, that the channel serves; NULL: none. */
static const struct offer_model *
find_model(const struct offer *o, const struct offer_account *account, const char *name)
{
	const struct offer_model *found = NULL;

	for (size_t i = 0; i < o->n_models; i++) {
		const struct offer_model *m = &o->models[i];

		if ((name == NULL || strcmp(m->name, name) == 0) && (found == NULL || is_before(m, found)) &&
		    way_to(m, account) != NULL)
			found = m;
	}
	return found;
}

static struct probe_spec
spec_of(struct context *cx, const struct offer_account *account)
{
	return (struct probe_spec){ .provider = account->provider,
		.base_url = account->base_url,
		.allow_private = account->allow_private,
		.account = account,
		.connect_timeout_ms = cx->conf->upstream_connect_timeout };
}

/* Its key: 0, the first that is active. */
static enum status
take_key(struct context *cx, int64_t key_id, struct probe_spec *spec)
{
	const struct offer_key *key = key_id == 0 ? account_key(spec->account) : NULL;

	for (size_t i = 0; key_id != 0 && i < spec->account->n_keys; i++)
		if (spec->account->keys[i].id == key_id)
			key = &spec->account->keys[i];
	if (key != NULL) {
		spec->api_key = key->key;
		spec->key_id = key->id;
		return OK;
	}
	if (key_id != 0)
		return fail(cx, E_NOT_FOUND, "key %lld", (long long)key_id);
	return spec->account->has_keys
	    ? fail(cx, E_UNAVAILABLE, "the keys of channel %lld cannot be opened", (long long)spec->account->id)
	    : OK;
}

enum status
probe_account(struct context *cx, const struct offer *o, const struct offer_account *account, const char **model_name,
    struct probe_spec *spec)
{
	const struct offer_model *m = find_model(o, account, account->test_model);

	if (m == NULL)
		m = find_model(o, account, NULL);
	if (!account->is_sound || (account->has_keys && account->n_keys == 0))
		return E_UNAVAILABLE;
	if (m == NULL)
		return E_CONFLICT;
	*spec = spec_of(cx, account);
	*model_name = m->name;
	spec->model = way_to(m, account)->upstream_name;
	return take_key(cx, 0, spec);
}

/* The channel alone, with the models it serves. */
static enum status
read_channel(struct context *cx, int64_t channel_id, struct offer **out)
{
	struct offer *o;
	enum status st;

	if ((st = offer_read(cx->pg, cx->conf, channel_id, &o)) != OK)
		return fail(cx, st, "read channel: %s", pg_error(cx->pg));
	arena_cleanup(cx->arena, (void (*)(void *))offer_unref, o);
	if (channel_id == 0 || o->n_accounts == 0)
		return fail(cx, E_NOT_FOUND, "channel %lld", (long long)channel_id);
	if (!o->accounts[0].is_sound)
		return fail(cx, E_UNAVAILABLE, "the proxy of channel %lld cannot be opened", (long long)channel_id);
	*out = o;
	return OK;
}

enum status
probe_channel_key(struct context *cx, int64_t channel_id, int64_t key_id, const char *model, const char **model_name,
    struct probe_spec *spec)
{
	const struct offer_account *account;
	const struct offer_model *m;
	struct offer *o = NULL;
	enum status st;

	if ((st = read_channel(cx, channel_id, &o)) != OK)
		return st;
	account = &o->accounts[0];
	*spec = spec_of(cx, account);
	if ((st = take_key(cx, key_id, spec)) != OK)
		return st;
	m = find_model(o, account, model != NULL ? model : account->test_model);
	if (m == NULL && model != NULL)
		return fail_field(cx, "model", "is not served by this channel");
	if (m == NULL && (m = find_model(o, account, NULL)) == NULL)
		return fail(cx, E_CONFLICT, "channel %lld serves no model", (long long)channel_id);
	*model_name = m->name;
	spec->model = way_to(m, account)->upstream_name;
	return OK;
}

enum status
probe_channel(
    struct context *cx, int64_t channel_id, const char *model, const char **model_name, struct probe_spec *spec)
{
	return probe_channel_key(cx, channel_id, 0, model, model_name, spec);
}

json_t *
probe_json(const struct probe_result *result, const char *model, const char *upstream_name)
{
	bool ok = result->status == OK;

	return json_pack("{s:b, s:s, s:s, s:i, s:I, s:o, s:s, s:s}", "ok", ok, "model", model, "upstream_name",
	    upstream_name, "http_status", result->http_status, "latency_ms", (json_int_t)result->latency_ms, "error",
	    ok ? json_null() : json_string(status_code(result->status)), "detail", result->detail, "text",
	    result->text);
}
