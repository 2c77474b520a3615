#include "knowledge/query.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/tokens.h"
#include "catalog/select.h"
#include "core/events.h"
#include "engine/aside.h"
#include "engine/measure.h"
#include "engine/pace.h"
#include "ledger/credits.h"
#include "search/chunk.h"
#include "search/vector.h"
#include "wire/own.h"

enum {
	LEASE_S = 120,	   /* of a hold: longer than any query takes */
	FRAME_TOKENS = 16, /* around the messages of a chat */
};

struct query {
	struct query_ask ask;
	struct ask what; /* of the provider */
	const char *op;	 /* usage.op */
	struct offer_model *model;
	unsigned char text_hash[SHA256_BYTES];
	char task_id[UUID_LEN], transaction_id[UUID_LEN];
	const char *prices;
	int64_t prompt_tokens;	   /* our estimate */
	int64_t max_output_tokens; /* of words */
	struct query_told told;
	query_then_fn *then;
	void *arg;
};

/* ---- whom -------------------------------------------------------------------------- */

static enum status
go_on(struct request *rq, struct query *q, enum status st)
{
	q->told.status = st;
	return q->then(rq, &q->told, q->arg);
}

/* What went wrong: told, or an error. */
static enum status
give_up(struct request *rq, struct query *q, enum status st, const char *why)
{
	if (q->ask.may_fail)
		return go_on(rq, q, st);
	return rq->cx.error == st ? st : fail(&rq->cx, st, "query: %s", why);
}

/* Can it be asked that, and can its answer be read? */
static bool
can_say(const struct offer_channel *ch, const struct ask *what)
{
	const struct wire *wire = wire_find(ch->provider);
	const struct endpoint *e = wire == NULL ? NULL : wire_endpoint(wire, what->op);

	if (e == NULL)
		return false;
	if (what->op == OP_CHAT)
		return true;
	return what->op == OP_EMBED ? e->vectors != NULL : own_words(what, wire->name);
}

/* Its candidates, which can be asked that, and now. */
static enum status
choose(struct context *cx, struct query *q, const struct offer_model *m)
{
	size_t n = 0;

	q->model = select_candidates(cx, &(struct select_ask){ .model = m });
	q->told.model = q->model->name;
	for (size_t i = 0; i < q->model->n_channels; i++)
		if (can_say(&q->model->channels[i], &q->what))
			q->model->channels[n++] = q->model->channels[i];
	q->model->n_channels = n;
	if (n == 0)
		return fail(cx, E_UNAVAILABLE, "no channel of model %s can be asked for %s", m->name, q->op);
	if (q->what.op == OP_CHAT) {
		enum status st = select_need_price(cx, q->model);

		return st != OK ? st : pace_take(cx, q->model);
	}
	if (!price_has(q->model->price, METER_INPUT) &&
	    !(q->what.op == OP_RERANK && price_has(q->model->price, METER_QUERY)))
		return fail(cx, E_PRICE_UNKNOWN, "model %s has no price for %s", m->name, q->op);
	return pace_take(cx, q->model);
}

/* ---- what it costs --------------------------------------------------------------------- */

static int64_t
ceiling_ucr(const struct query *q)
{
	struct usage most = { .input_tokens = q->prompt_tokens + q->prompt_tokens / 4 + 64,
		.queries = q->what.op == OP_RERANK };

	return q->what.op == OP_CHAT ? price_ceiling_ucr(q->model->price, q->prompt_tokens, q->max_output_tokens)
				     : measure_units_cost_ucr(q->model->price, &most);
}

static struct usage
count(const struct query *q, const struct aside_told *got)
{
	struct wire_units told = WIRE_UNITS_UNTOLD;
	struct usage u = { .queries = q->what.op == OP_RERANK };

	if (q->what.op == OP_CHAT)
		return measure(got->answer, q->prompt_tokens, got->at);
	if (got->endpoint->meter == NULL || !got->endpoint->meter(got->body, got->len, &told))
		told = WIRE_UNITS_UNTOLD;
	if (told.input_tokens >= 0 || u.queries == 0 || measure_prices_tokens(got->at->price))
		u.input_tokens = measure_believed(told.input_tokens, q->prompt_tokens, 0, &u.estimated);
	return u;
}

static enum status
refused(struct request *rq, struct query *q, const struct rows *rows, int64_t hold_ucr)
{
	static const struct {
		const char *outcome;
		enum status st;
	} refusals[] = {
		{ "insufficient", E_INSUFFICIENT_CREDITS },
		{ "allowances", E_INSUFFICIENT_CREDITS },
		{ "user_budget", E_INSUFFICIENT_CREDITS },
		{ "group_budget", E_INSUFFICIENT_CREDITS },
		{ "user_disabled", E_ACCOUNT_DISABLED },
	};
	const char *outcome = row_text(rows, 0, "outcome");
	enum status st = E_INTERNAL;

	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
		if (strcmp(outcome, refusals[i].outcome) == 0)
			st = refusals[i].st;
	if (q->ask.may_fail)
		return go_on(rq, q, st);
	if (st != E_INSUFFICIENT_CREDITS)
		return fail(&rq->cx, st, "query: %s", outcome);
	return fail_with(&rq->cx, st,
	    json_pack(
		"{s:o, s:o}", "balance", json_credits(row_ucr(rows, 0, "balance")), "required", json_credits(hold_ucr)),
	    "query");
}

/* Charge what was used, or give the hold back; keep the vector.  Once, however often it is asked. */
static enum status
settle(struct context *cx, struct query *q, const struct aside_told *got, const struct usage *u, int64_t cost_ucr)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct pg_arg none = PNULL, vector = PNULL;
	const char *code = q->told.status == OK ? NULL : status_code(q->told.status);
	enum status st;

	if (q->told.status == OK && q->told.vector != NULL) {
		unsigned char *half = arena_alloc(cx->arena, 2 * q->told.dims);

		vector_to_half(q->told.vector, q->told.dims, half);
		vector = PX(half, 2 * q->told.dims);
	}
	st = pg_query_again(cx->pg, &rows,
	    "SELECT charged, balance, held FROM kb_query_end($1::uuid, $2::uuid, $3, $4, $5, $6::int, $18::int, $7,"
	    " $8::numeric, $9, $10::int, $11, $12, $13::jsonb, $14, $15, $16::bytea, $17::bytea)",
	    PS(q->task_id), PS(cx->caller.user_id), PI(q->model->id), PS(q->told.status == OK ? "completed" : "failed"),
	    PS(code), PI(u->input_tokens), PB(u->estimated), PM(cost_ucr),
	    got->at->channel_id == 0 ? none : PI(got->at->channel_id), PI(got->took_ms), PS(cx->request_id), PS(q->op),
	    PS(q->prices), PS(cx->caller.group), PS(q->model->name), PX(q->text_hash, SHA256_BYTES), vector,
	    PI(u->output_tokens));
	if (st != OK)
		return fail(cx, st, "settle query %s: %s", q->task_id, pg_error(cx->pg));
	q->told.charged_ucr = row_ucr(rows, 0, "charged");
	q->told.tokens = u->input_tokens;
	q->told.output_tokens = u->output_tokens;
	if (q->told.charged_ucr > 0)
		events_tell(cx, cx->caller.user_id, "balance",
		    credits_event(row_ucr(rows, 0, "balance"), row_ucr(rows, 0, "held")));
	return OK;
}

/* ---- the answer -------------------------------------------------------------------------- */

static bool
take_vector(struct context *cx, struct query *q, const struct aside_told *got)
{
	struct wire_vectors v = { .values = NULL };
	unsigned char *half;
	float *copy;
	bool ok;

	if (!got->endpoint->vectors(got->body, got->len, &v))
		return false;
	ok = v.n == 1 && v.dimensions > 0 && v.dimensions <= VECTOR_MAX_DIMS;
	if (ok) {
		copy = ARENA_ARRAY(cx->arena, float, v.dimensions);
		memcpy(copy, v.values, v.dimensions * sizeof *copy);
		ok = vector_normalise(copy, v.dimensions);
		/* As it is kept, so that it finds the same when it is asked for again. */
		half = arena_alloc(cx->arena, 2 * v.dimensions);
		vector_to_half(copy, v.dimensions, half);
		vector_from_half(half, v.dimensions, copy);
		ok = ok && vector_normalise(copy, v.dimensions);
		q->told.vector = ok ? copy : NULL;
		q->told.dims = v.dimensions;
	}
	free(v.values);
	return ok;
}

static enum status
answered(struct request *rq, const struct aside_told *got, void *arg)
{
	struct query *q = arg;
	struct usage used = { 0 };
	int64_t cost_ucr = 0;
	enum status st;

	q->told.was_asked = true;
	q->told.status = got->status;
	q->told.body = got->body;
	q->told.body_len = got->len;
	if (got->status == OK && q->what.op == OP_EMBED && !take_vector(&rq->cx, q, got))
		q->told.status = E_UPSTREAM_FAILED;
	if (q->told.status == OK) {
		used = count(q, got);
		cost_ucr = q->what.op == OP_CHAT ? measure_cost_ucr(got->answer, got->at, &used)
						 : measure_units_cost_ucr(got->at->price, &used);
	}
	if ((st = settle(&rq->cx, q, got, &used, cost_ucr)) != OK)
		return st;
	if (q->told.status != OK)
		return give_up(rq, q, q->told.status, got->detail != NULL ? got->detail : "no vector in the answer");
	return q->then(rq, &q->told, q->arg);
}

/* Hold what it can cost, and ask. */
static enum status
ask(struct request *rq, struct query *q)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct context *cx = &rq->cx;
	int64_t hold_ucr = ceiling_ucr(q);
	enum status st;

	uuid_v7(q->task_id);
	uuid_v7(q->transaction_id);
	q->prices = price_text(cx->arena, q->model->price);
	if (hold_ucr > 0) {
		st = pg_query_again(cx->pg, &rows,
		    "SELECT outcome, balance, held FROM kb_query_open($1::uuid, $2::uuid, $3::uuid, $4, $5::numeric, $6::int, $7,"
		    " $8::jsonb, $9)",
		    PS(q->task_id), PS(q->transaction_id), PS(cx->caller.user_id), PI(q->model->id), PM(hold_ucr),
		    PI(LEASE_S), PS(arena_printf(cx->arena, "%s: %s", q->op, q->model->name)), PS(q->prices),
		    PS(cx->caller.group));
		if (st != OK)
			return fail(cx, st, "hold for a query: %s", pg_error(cx->pg));
		if (strcmp(row_text(rows, 0, "outcome"), "ok") != 0)
			return refused(rq, q, rows, hold_ucr);
	}
	return aside_await(rq,
	    &(struct aside_ask){ .ask = &q->what,
		.model = q->model,
		.timeout_ms = q->ask.timeout_ms,
		.max_output_tokens = q->max_output_tokens,
		.task_id = q->task_id },
	    answered, q);
}

/* ---- vectors ----------------------------------------------------------------------------- */

/* Is it kept?  Of a length that cannot be it is not. */
static enum status
look(struct context *cx, struct query *q, const char *model)
{
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char *half;
	float *v;
	size_t len = 0;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT v FROM kb_embed_cache WHERE hash = kb_cache_key($1, $2::bytea)", PS(model),
	    PX(q->text_hash, SHA256_BYTES));

	if (st != OK)
		return fail(cx, st, "vector that is kept: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return OK;
	half = row_bytes(rows, 0, "v", cx->arena, &len);
	if (len < 2 || len / 2 > VECTOR_MAX_DIMS)
		return OK;
	v = ARENA_ARRAY(cx->arena, float, len / 2);
	vector_from_half(half, len / 2, v);
	if (!vector_normalise(v, len / 2))
		return OK;
	q->told.vector = v;
	q->told.dims = len / 2;
	return OK;
}

static struct query *
query_new(struct arena *a, const struct query_ask *asked, const char *op, query_then_fn *then, void *arg)
{
	struct query *q = ARENA_NEW(a, struct query);

	*q = (struct query){ .ask = *asked, .op = op, .then = then, .arg = arg };
	q->ask.text = arena_strdup(a, asked->text);
	q->prompt_tokens = chunk_tokens(q->ask.text, strlen(q->ask.text));
	crypto_sha256(q->ask.text, strlen(q->ask.text), q->text_hash);
	return q;
}

enum status
query_embed(struct request *rq, const struct query_ask *asked, query_then_fn *then, void *arg)
{
	struct context *cx = &rq->cx;
	struct query *q = query_new(cx->arena, asked, "embeddings", then, arg);
	const struct offer_model *m;
	struct offer *offer;
	const char **texts = ARENA_ARRAY(cx->arena, const char *, 1);
	enum status st;

	texts[0] = q->ask.text;
	q->what = (struct ask){ .op = OP_EMBED, .embed = { .texts = texts, .n = 1 } };
	if ((st = select_current(cx, &offer)) != OK)
		return st;
	if ((m = offer_model(offer, asked->model_id)) == NULL || !m->is_enabled)
		return give_up(rq, q, E_UNAVAILABLE, "its model is not on offer");
	if ((st = look(cx, q, m->name)) != OK)
		return st;
	if (q->told.vector != NULL)
		return go_on(rq, q, OK);
	if ((st = choose(cx, q, m)) != OK)
		return give_up(rq, q, st, "");
	return ask(rq, q);
}

/* ---- rankings ---------------------------------------------------------------------------- */

enum status
query_rank(struct request *rq, const struct query_ask *asked, const char *const *texts, size_t n, query_then_fn *then,
    void *arg)
{
	struct context *cx = &rq->cx;
	struct query *q = query_new(cx->arena, asked, "rerank", then, arg);
	struct buf words = BUF_INIT(0);
	const struct offer_model *m;
	struct offer *offer;
	enum status st;

	q->ask.may_fail = true;
	buf_puts(&words, "{\"query\":");
	buf_json(&words, q->ask.text, strlen(q->ask.text));
	buf_puts(&words, ",\"documents\":[");
	for (size_t i = 0; i < n; i++) {
		buf_puts(&words, i > 0 ? "," : "");
		buf_json(&words, texts[i], strlen(texts[i]));
		q->prompt_tokens += chunk_tokens(texts[i], strlen(texts[i]));
	}
	buf_printf(&words, "],\"top_n\":%zu}", n);
	q->what = (struct ask){ .op = OP_RERANK,
		.own_words = arena_strndup(cx->arena, words.data, words.len),
		.own_words_len = words.len,
		.own_wire = "openai",
		.own_path = "/v1/rerank" };
	buf_free(&words);
	if ((st = select_current(cx, &offer)) != OK)
		return st;
	if ((m = offer_default_of(offer, "rerank")) == NULL)
		return go_on(rq, q, E_NOT_FOUND);
	if ((st = choose(cx, q, m)) != OK)
		return go_on(rq, q, st);
	return ask(rq, q);
}

/* ---- words --------------------------------------------------------------------------- */

static struct ask_message
message(struct arena *a, const char *role, const char *text)
{
	struct ask_message m = { .role = role, .parts = ARENA_ARRAY(a, struct ask_part, 1), .n_parts = 1 };

	m.parts[0] = (struct ask_part){ .kind = ASK_TEXT, .text = text };
	return m;
}

enum status
query_words(struct request *rq, const struct query_ask *asked, const char *instructions, int64_t max_output_tokens,
    query_then_fn *then, void *arg)
{
	struct context *cx = &rq->cx;
	struct query *q = query_new(cx->arena, asked, "rewrite", then, arg);
	struct ask_message *messages = ARENA_ARRAY(cx->arena, struct ask_message, 2);
	const struct offer_model *m;
	struct offer *offer;
	enum status st;

	q->ask.may_fail = true;
	q->max_output_tokens = max_output_tokens;
	q->prompt_tokens += tokens_estimate(instructions, strlen(instructions)) + FRAME_TOKENS;
	messages[0] = message(cx->arena, "system", instructions);
	messages[1] = message(cx->arena, "user", q->ask.text);
	q->what = (struct ask){ .op = OP_CHAT, .chat = { ASK_CHAT_PLAIN, .messages = messages, .n_messages = 2 } };
	if ((st = select_current(cx, &offer)) != OK)
		return st;
	if ((m = offer_model(offer, asked->model_id)) == NULL || !m->is_chat)
		return go_on(rq, q, E_UNAVAILABLE);
	if ((st = choose(cx, q, m)) != OK)
		return go_on(rq, q, st);
	return ask(rq, q);
}
