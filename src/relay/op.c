#include "relay/op.h"

#include <stdlib.h>
#include <string.h>

#include "account/keys.h"
#include "base/clock.h"
#include "base/tokens.h"
#include "catalog/select.h"
#include "engine/gate.h"
#include "engine/measure.h"
#include "engine/pace.h"
#include "relay/op_private.h"
#include "relay/private.h"
#include "relay/relay.h"
#include "wire/own.h"

#define IMAGE_TOKENS 1056 /* of a picture that was made, where its tokens have a price and nobody counts them */
#define SOUND_TOKENS 10	  /* of a second heard, the same */

/* ---- whom ------------------------------------------------------------------------ */

/* Can its wire say this? */
static bool
can_say(const struct offer_channel *ch, const struct ask *ask)
{
	const struct wire *wire = wire_find(ch->provider);

	if (wire_endpoint(wire, ask->op) == NULL)
		return false;
	return own_words(ask, wire->name) || (ask->op == OP_EMBED && ask->embed.texts != NULL);
}

/* The model with those of its channels that can be asked this; those are kept in their order. */
static enum status
keep_channels(struct context *cx, struct offer_model *m, const struct op_asked *in)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_channels; i++)
		if (can_say(&m->channels[i], &in->asked.ask))
			m->channels[n++] = m->channels[i];
	m->n_channels = n;
	if (n > 0)
		return OK;
	if (in->row->op == OP_EMBED && in->asked.ask.embed.texts == NULL)
		return fail_field(cx, strcmp(in->what.dialect->wire, "gemini") == 0 ? "content" : "input",
		    "must be text: the provider of %s takes nothing else", m->name);
	return fail_field(cx, "model", "cannot be asked for %s: no provider of %s has that", in->row->name, m->name);
}

static enum status
choose_model(struct context *cx, const struct op_asked *in, struct offer_model **out)
{
	const char *name = in->asked.model;
	const struct offer_model *m;
	struct offer *offer;
	enum status st;

	if ((st = select_current(cx, &offer)) != OK)
		return st;
	if (name == NULL || *name == '\0') {
		if ((m = offer_default_of(offer, in->row->type)) == NULL)
			return fail_field(cx, "model", "is required");
		name = m->name;
	} else {
		m = offer_model_named(offer, name);
	}
	if (m == NULL || !m->is_enabled || !key_may_use_model(&cx->caller, name))
		return relay_refuse_model(cx, name);
	if (strcmp(m->type, in->row->type) != 0)
		return fail_field(cx, "model", "is of type %s and cannot be asked for %s", m->type, in->row->name);
	if ((st = select_some(cx, &(struct select_ask){ .model = m }, out)) != OK)
		return st;
	cx->asked_model = arena_strdup(cx->arena, m->name);
	return keep_channels(cx, *out, in);
}

/* ---- opening ------------------------------------------------------------------ */

static enum status
make_call(struct request *rq, struct run *r, const struct op_asked *in, const struct offer_model *m)
{
	struct ask *ask = ARENA_NEW(rq->cx.arena, struct ask);
	struct call_limits limits = call_limits_of(rq->cx.conf);
	enum status st;

	*ask = in->asked.ask;
	if (in->row->is_slow && limits.total_ms > 0)
		limits.first_byte_ms = limits.idle_ms = limits.total_ms;
	r->answer.bytes.max_bytes = (size_t)rq->cx.conf->upstream_max_body_bytes;
	st = call_prepare(&r->call,
	    &(struct call_ask){ .ask = ask,
		.model = m,
		.limits = limits,
		.stream = in->asked.stream,
		.traceparent = rq->cx.traceparent },
	    rq->cx.arena);
	return st == OK ? OK : fail_field(&rq->cx, "body", "holds what the model %s cannot be asked", m->name);
}

/* Has what is asked for a price, and be it 0?  Nothing is free by accident. */
static enum status
need_price(struct context *cx, const struct operation *what, const struct offer_model *m)
{
	enum meter own = what->images > 0 ? METER_IMAGE
	    : what->seconds > 0		  ? METER_SECOND
	    : what->characters > 0	  ? METER_CHARACTER
	    : what->queries > 0		  ? METER_QUERY
					  : METER_INPUT;
	enum meter tokens = what->images > 0 ? METER_OUTPUT : METER_INPUT;

	return price_has(m->price, own) || price_has(m->price, tokens)
	    ? OK
	    : fail(cx, E_PRICE_UNKNOWN, "model %s has no price for %s", m->name, what->row->name);
}

/* What it can cost at most. */
static int64_t
ceiling_ucr(const struct operation *what, const struct offer_model *m)
{
	int64_t prompt = what->prompt_tokens > what->characters ? what->prompt_tokens : what->characters;
	struct usage most = { .input_tokens = prompt + prompt / 4 + 64,
		.output_tokens = what->output_tokens,
		.images = what->images,
		.seconds = what->seconds,
		.characters = what->characters,
		.queries = what->queries };

	return measure_units_cost_ucr(m->price, &most);
}

/* Answers in tokens: as long as the model's may be, each picture one. */
static int64_t
most_output(const struct operation *what, const struct offer_model *m)
{
	switch (what->row->op) {
	case OP_IMAGE:
	case OP_IMAGE_EDIT:
	case OP_IMAGE_VARY: return m->max_output_tokens * what->images;
	case OP_SPEECH:
	case OP_TRANSCRIBE:
	case OP_TRANSLATE: return m->max_output_tokens;
	case OP_CHAT:
	case OP_EMBED:
	case OP_RERANK:
	case OP_MODERATE: break;
	}
	return 0;
}

static void
keep_operation(struct run *r, const struct operation *what)
{
	struct operation *kept = ARENA_NEW(r->arena, struct operation);

	*kept = *what;
	r->own = kept;
}

static enum status
begin(struct request *rq, struct run *r, struct op_asked *in, struct offer_model *m, const struct gate_key *key)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct relay *own = ARENA_NEW(rq->cx.arena, struct relay);
	enum status st;

	if ((st = need_price(&rq->cx, &in->what, m)) != OK || (st = pace_take(&rq->cx, m)) != OK ||
	    (st = make_call(rq, r, in, m)) != OK || (st = gate_admit(rq)) != OK)
		return st;
	in->what.output_tokens = most_output(&in->what, m);
	own->prices = price_text(rq->cx.arena, m->price);
	r->prompt_tokens = own->prompt_tokens = in->what.prompt_tokens;
	r->task.hold_ucr = ceiling_ucr(&in->what, m);
	keep_operation(r, &in->what);
	uuid_v7(own->transaction_id);
	relay_prepare_reader(r, m);
	st = gate_open(rq, &(struct gate_ask){ .kind = &kind_relay, .key = key, .model_id = m->id, .own = own },
	    &r->task, &r->reader.wants, &rows);
	if (st != OK || rows == NULL) /* refused, or joined another */
		return st;
	r->start_json = relay_start_json(&rq->cx, r);
	run_hand_over(rq, r);
	return OK;
}

/* The client's own words, as they go to a wire of its own. */
static void
take_words(struct request *rq, struct op_asked *in)
{
	struct ask *ask = &in->asked.ask;

	ask->op = in->row->op;
	ask->own_wire = in->what.dialect->wire;
	ask->own_words = rq->body;
	ask->own_words_len = rq->body_len;
	ask->own_path = arena_strdup(rq->cx.arena, rq->path);
}

enum status
relay_op(struct request *rq, enum op op, const char *path_model, bool is_single)
{
	struct op_asked in = { .row = op_row(op), .path_model = path_model, .is_single = is_single };
	struct offer_model *m = NULL;
	struct reader_wants wants;
	struct gate_key key;
	struct run *r;
	bool joined;
	enum status st;

	in.what = (struct operation){ .row = in.row, .dialect = rq->route->dialect };
	if ((st = key_need_scope(&rq->cx, in.row->scope)) != OK || (st = in.row->read(rq, &in)) != OK)
		return st;
	take_words(rq, &in);
	if ((st = choose_model(&rq->cx, &in, &m)) != OK)
		return st;
	wants = (struct reader_wants){ rq->route->dialect, true, false };
	gate_key_read(rq, &key);
	if ((st = gate_join(rq, &kind_relay, &key, &wants, &joined)) != OK || joined)
		return st;
	wants.whole = !in.asked.stream;
	r = run_new(rq, &kind_relay, &wants);
	st = begin(rq, r, &in, m, &key);
	if (st != OK || rq->carry_arg != r)
		run_free(r);
	return st;
}

const char *const *
relay_gemini_methods(const char *type)
{
	static const char *const chat[] = { "generateContent", "streamGenerateContent", "countTokens", NULL };
	static const char *const embedding[] = { "embedContent", "batchEmbedContents", NULL };

	return strcmp(type, "chat") == 0 ? chat : strcmp(type, "embedding") == 0 ? embedding : NULL;
}

/* ---- the answer ------------------------------------------------------------------ */

/* It was none: a page, broken JSON, no picture. */
static void
refuse_answer(struct run *r, const char *why)
{
	r->outcome = OUTCOME_FAILED;
	r->why = E_UPSTREAM_FAILED;
	r->detail = why;
}

static bool
is_json(const char *type)
{
	return strncmp(type, "application/json", 16) == 0 || strncmp(type, "application/octet-stream", 24) == 0;
}

/* Sound and its words need not be JSON; everything else is. */
static bool
may_be_text(enum op op)
{
	return op == OP_SPEECH || op == OP_TRANSCRIBE || op == OP_TRANSLATE;
}

/* Is there a list at that name, with something in it, or an object? */
static bool
has_some(const struct buf *json, const char *name)
{
	struct scan_text value;
	struct scan s;

	if (!own_find(buf_str(json), json->len, (const char *const[]){ name, NULL }, &value))
		return false;
	scan_init(&s, value.at, value.len);
	return scan_array(&s) ? scan_element(&s) : scan_object(&s);
}

static bool
has_text(const struct buf *json)
{
	struct scan_text value;

	return own_find(buf_str(json), json->len, (const char *const[]){ "text", NULL }, &value) && *value.at == '"';
}

/* Does JSON from a provider answer at all?  {} and "data": null are no answers, however well-formed. */
static bool
answers(enum op op, const struct buf *json)
{
	switch (op) {
	case OP_EMBED: return has_some(json, "data") || has_some(json, "embedding") || has_some(json, "embeddings");
	case OP_RERANK:
	case OP_MODERATE: return has_some(json, "results") || has_some(json, "data");
	case OP_TRANSCRIBE:
	case OP_TRANSLATE: return has_text(json);
	case OP_SPEECH: return false; /* words and no sound */
	case OP_IMAGE:
	case OP_IMAGE_EDIT:
	case OP_IMAGE_VARY: return has_some(json, "data");
	case OP_CHAT: break;
	}
	return true;
}

/* An answer of another wire, told in the words of this one. */
static bool
translate(struct run *r, const struct operation *what, struct buf *out)
{
	const struct ask_embed how = { .is_single = what->is_single, .is_base64 = what->is_base64 };
	const struct answer *a = &r->answer;
	struct wire_vectors vectors;
	int64_t tokens = what->told.input_tokens > 0 ? what->told.input_tokens : what->prompt_tokens;

	if (r->call.endpoint->vectors == NULL || !r->call.endpoint->vectors(a->bytes.data, a->bytes.len, &vectors))
		return false;
	what->dialect->vectors(out, &vectors, &how, r->reader.encoder.model, tokens);
	free(vectors.values);
	return true;
}

/* What is told of a whole answer in JSON: itself, with the model as its client knows it. */
static void
tell_json(struct run *r, struct operation *what)
{
	struct answer *a = &r->answer;
	struct buf out = BUF_INIT(0);

	if (r->call.is_own)
		own_rename(
		    &out, a->bytes.data, a->bytes.len, (const char *const[]){ "model", NULL }, r->reader.encoder.model);
	else if (!translate(r, what, &out)) {
		buf_free(&out);
		refuse_answer(r, "no vectors in the answer");
		return;
	}
	r->reader.bytes = out.data;
	r->reader.bytes_len = out.len;
	r->reader.bytes_type = "application/json";
}

/* Read a whole answer, and what is to be told of it. */
static void
read_answer(struct run *r, struct operation *what)
{
	struct answer *a = &r->answer;
	bool is_object = is_json(a->bytes_type) || !may_be_text(what->row->op);

	what->is_read = true;
	if (!is_object) {
		what->answer_tokens = what->row->op == OP_SPEECH ? 0 : tokens_estimate(a->bytes.data, a->bytes.len);
		r->reader.bytes = a->bytes.data;
		r->reader.bytes_len = a->bytes.len;
		r->reader.bytes_type = a->bytes_type;
		a->bytes = (struct buf){ .data = NULL };
		return;
	}
	if (!r->call.endpoint->meter(a->bytes.data, a->bytes.len, &what->told)) {
		refuse_answer(r, "an answer that is none");
		return;
	}
	if (!answers(what->row->op, &a->bytes)) {
		refuse_answer(r, "an answer that holds nothing that was asked for");
		return;
	}
	if (what->row->op == OP_TRANSCRIBE || what->row->op == OP_TRANSLATE)
		what->answer_tokens = tokens_estimate(a->bytes.data, a->bytes.len);
	tell_json(r, what);
}

/* ---- what it took ---------------------------------------------------------------- */

static int64_t
bounded(int64_t n, int64_t most)
{
	return n < most ? n : most;
}

/* The seconds that were heard: as told, if it can be, or as they are likely. */
static int64_t
seconds_of(const struct operation *what, bool *estimated)
{
	if (what->told.seconds > 0 && what->told.seconds <= what->seconds)
		return what->told.seconds;
	*estimated |= what->seconds > 0;
	return what->told.seconds > 0 ? what->seconds : what->seconds_guess;
}

/* Tokens that nobody counted: of what something else was counted there are none, of what else
 * there is they matter where they have a price. */
static bool
has_no_tokens(const struct run *r, const struct operation *what, const struct wire_units *told)
{
	bool is_counted = what->characters > 0 || told->seconds > 0;
	bool has_units = what->images > 0 || what->queries > 0 || what->seconds > 0;

	if (told->input_tokens >= 0 || told->output_tokens >= 0)
		return false;
	return is_counted || (has_units && !measure_prices_tokens(r->call.at.price));
}

static void
count_tokens(const struct run *r, const struct operation *what, const struct wire_units *told, struct usage *u)
{
	int64_t output = what->images > 0 ? u->images * IMAGE_TOKENS : what->answer_tokens;
	int64_t input = what->prompt_tokens + u->seconds * SOUND_TOKENS;

	if (has_no_tokens(r, what, told))
		return;
	u->input_tokens = measure_believed(told->input_tokens, input, 0, &u->estimated);
	if (what->output_tokens > 0 && told->output_tokens > 0)
		u->output_tokens = bounded(told->output_tokens, what->output_tokens);
	else if (what->output_tokens > 0 && told->output_tokens < 0)
		u->output_tokens = bounded(output, what->output_tokens);
}

static struct usage
count(const struct run *r, const struct operation *what)
{
	struct wire_units told = what->told;
	struct usage u = { .characters = what->characters };

	if (!what->is_read) { /* it passed as it came */
		told = (struct wire_units){ r->answer.usage.input_tokens, r->answer.usage.output_tokens, -1, -1, -1 };
		u.images = what->images;
	} else {
		u.images = bounded(told.images > 0 && what->images > 0 ? told.images : 0, what->images);
	}
	u.seconds = what->seconds > 0 ? seconds_of(what, &u.estimated) : 0;
	u.queries = what->queries > 0 ? bounded(told.queries > 0 ? told.queries : 1, what->queries) : 0;
	count_tokens(r, what, &told, &u);
	return u;
}

bool
op_use(struct run *r, int64_t *cost_ucr)
{
	struct operation *what = r->own;
	bool is_whole = r->answer.bytes_whole && !r->answer.bytes_pass;

	if (what == NULL)
		return false;
	if (r->outcome == OUTCOME_COMPLETED && is_whole && !what->is_read)
		read_answer(r, what);
	r->usage = (struct usage){ 0 };
	*cost_ucr = 0;
	if (r->outcome == OUTCOME_FAILED || !answer_says(&r->answer))
		return true;
	r->usage = count(r, what);
	*cost_ucr = measure_units_cost_ucr(r->call.at.price, &r->usage);
	return true;
}

/* ---- on record -------------------------------------------------------------------- */

static void
put_unit(json_t *details, const char *name, int64_t n)
{
	if (n > 0)
		json_object_set_new(details, name, json_integer(n));
}

void
op_settlement(const struct run *r, json_t *settlement)
{
	const struct operation *what = r->own;
	json_t *details = json_object_get(settlement, "details");

	if (what == NULL)
		return;
	put_unit(details, "images", r->usage.images);
	put_unit(details, "seconds", r->usage.seconds);
	put_unit(details, "characters", r->usage.characters);
	put_unit(details, "queries", r->usage.queries);
	json_object_set_new(settlement, "op", json_string(what->row->name));
}
