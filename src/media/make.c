#include "media/make.h"

#include <stdlib.h>
#include <string.h>

#include "account/keys.h"
#include "base/clock.h"
#include "catalog/select.h"
#include "core/events.h"
#include "core/reply.h"
#include "engine/gate.h"
#include "engine/tasks.h"
#include "ledger/credits.h"
#include "media/models.h"

#define WAIT_MS 30000

/* What only opening needs. */
struct opening {
	enum media_op op;
	const struct media_wanted *wanted;
	const char *prompt, *prices, *input, *units, *asked;
	char transaction_id[UUID_LEN], job_id[UUID_LEN], user_message_id[UUID_LEN], message_id[UUID_LEN];
};

/* ---- answering ------------------------------------------------------------------------ */

static enum status
tell(struct request *rq, struct task_row *task)
{
	return reply_json(rq, task_is_live(task) ? 202 : 200, json_pack("{s:o}", "task", task_json(task)));
}

static enum status
answer(struct request *rq, const char *task_id)
{
	struct task_row *task;
	enum status st = task_find(&rq->cx, task_id, &task);

	if (st != OK)
		return st;
	return field_bool(rq->json, "wait", false) ? task_wait(rq, task, WAIT_MS, tell) : tell(rq, task);
}

/* ---- opening ---------------------------------------------------------------------------- */

static const char open_sql[] =
    "SELECT outcome, balance, required, existing_task_id, held FROM media_open($1::uuid, $2::uuid, $3::uuid, $4::uuid,"
    " $5::uuid, $6::text, $7::bigint, $8::numeric, $9::int, $10::int, $11::int, $12::text, $13::text, $14::bytea,"
    " $15::jsonb, $16::text, $17::text, $18::jsonb, $19::jsonb, $20::int, $21::uuid, $22::uuid, $23::text, $24::jsonb)";

/* As media_open() answered; $2 is of no use: nobody owns it. */
static const char opened_sql[] =
    "SELECT 'ok' AS outcome, u.credits AS balance, t.credits_locked AS required, NULL::uuid AS existing_task_id,"
    " credits_held(t.user_id) AS held FROM tasks t JOIN users u ON u.id = t.user_id"
    " WHERE t.id = $1 AND $2::uuid IS NOT NULL";

static enum status
open_task(struct context *cx, const struct gate_ask *ask, const struct task *task, bool count, struct rows **rows)
{
	const struct conf *conf = cx->conf;
	const struct gate_key *key = ask->key;
	const struct opening *o = ask->own;
	struct pg_arg none = PNULL;

	return pg_query(cx->pg, rows, open_sql, PS(task->id), PS(o->transaction_id), PS(o->job_id), PS(task->user_id),
	    PS(ask->conversation_id), PS(media_op_type(o->op)), PI(ask->model_id), PM(task->hold_ucr),
	    PI(conf->tasks_hold_lease / 1000), count ? PI(conf->limits_user_tasks) : none,
	    count ? PI(conf->limits_conversation_tasks) : none, PS(key->key), PS(key->route),
	    key->key == NULL ? none : PX(key->body_hash, SHA256_BYTES), PS(o->prices), PS(cx->caller.group),
	    PS(media_op_name(o->op)), PS(o->input), PS(o->units), PI(o->wanted->typical_s), PS(o->user_message_id),
	    PS(o->message_id), PS(o->prompt), PS(o->asked));
}

extern const struct kind kind_image, kind_video;
const struct kind kind_image = { .name = "image", .open = open_task, .opened_sql = opened_sql, .again = answer };
const struct kind kind_video = { .name = "video", .open = open_task, .opened_sql = opened_sql, .again = answer };

/* ---- which model ------------------------------------------------------------------------- */

static bool
may_use(struct context *cx, enum media_op op, const struct offer_model *m)
{
	return m->is_enabled && strcmp(m->type, media_op_type(op)) == 0 && select_reaches(cx, m) &&
	    key_may_use_model(&cx->caller, m->name) && media_row_for(cx->arena, op, m) != NULL;
}

/* The default of its type, or else the first, that can do it. */
static const struct offer_model *
default_for(struct context *cx, enum media_op op, const struct offer *o)
{
	const struct offer_model *found = NULL;

	for (size_t i = 0; i < o->n_models; i++) {
		const struct offer_model *m = &o->models[i];

		if (may_use(cx, op, m) &&
		    (found == NULL || m->is_default || (!found->is_default && m->sort < found->sort)))
			found = m;
	}
	return found;
}

/* The candidates of the model that is asked for, and how it is asked. */
static enum status
choose_model(struct context *cx, enum media_op op, const json_t *body, struct offer_model **out, const json_t **row)
{
	const char *name = field_text(body, "model");
	const struct offer_model *m;
	struct offer *o;
	enum status st;

	if ((st = select_current(cx, &o)) != OK)
		return fail(cx, st, "offer: %s", pg_error(cx->pg));
	m = name == NULL ? default_for(cx, op, o) : offer_model_named(o, name);
	if (name != NULL && (m == NULL || !m->is_enabled || strcmp(m->type, media_op_type(op)) != 0))
		return fail_field(cx, "model", "is no %s model on offer", media_op_type(op));
	if (name != NULL && !key_may_use_model(&cx->caller, name))
		return fail(cx, E_FORBIDDEN, "the key is not for model %s", name);
	if (m == NULL)
		return fail(cx, E_UNAVAILABLE, "no model for %s", media_op_name(op));
	if ((*row = media_row_for(cx->arena, op, m)) == NULL)
		return m->n_channels == 0 ? fail(cx, E_UNAVAILABLE, "model %s has no channel", m->name)
					  : fail_field(cx, "model", "cannot do this");
	cx->asked_model = arena_strdup(cx->arena, m->name);
	return select_some(cx, &(struct select_ask){ .model = m }, out);
}

/* ---- what it costs ------------------------------------------------------------------------- */

/* Rounded up: a micro-credit too much rather than one too little. */
static int64_t
times_ppm(int64_t ucr, int64_t ppm)
{
	__int128 product = (__int128)ucr * ppm + RATIO_ONE - 1;

	return product / RATIO_ONE > INT64_MAX ? INT64_MAX : (int64_t)(product / RATIO_ONE);
}

static enum status
price_it(struct context *cx, const struct offer_model *m, const struct media_wanted *w, int64_t *hold_ucr)
{
	enum meter meter = w->used.seconds > 0 ? METER_SECOND : METER_IMAGE;

	if (!price_has(m->price, meter) && !price_has(m->price, METER_CALL))
		return fail(cx, E_PRICE_UNKNOWN, "model %s has no price for %s", m->name, meter_name(meter));
	*hold_ucr = times_ppm(price_cost_ucr(m->price, &w->used), w->ratio_ppm);
	return OK;
}

/* ---- all of it --------------------------------------------------------------------------------- */

static const char *
text_of(struct arena *a, const json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT);
	const char *copy = arena_strdup(a, text);

	free(text);
	return copy;
}

/* What was asked, to be shown, and to be asked again. */
static json_t *
asked_json(struct arena *a, enum media_op op, const struct offer_model *m, const json_t *body)
{
	json_t *asked = json_own(a, json_deep_copy(body));

	json_object_del(asked, "wait");
	json_object_del(asked, "conversation_id");
	json_object_set_new(asked, "op", json_string(media_op_name(op)));
	json_object_set_new(asked, "model", json_string(m->name));
	return asked;
}

/* What the question says in a conversation: the prompt, or the scenes. */
static const char *
words_of(struct arena *a, const json_t *body)
{
	const char *prompt = field_text(body, "prompt"), *words = "";
	json_t *shot;
	size_t i;

	if (prompt != NULL)
		return prompt;
	json_array_foreach(json_object_get(body, "shots"), i, shot)
		words = arena_printf(a, "%s%s%zu. %s (%g s)", words, i == 0 ? "" : "\n", i + 1,
		    json_string_value(json_object_get(shot, "scene")),
		    json_number_value(json_object_get(shot, "duration")));
	return words;
}

static struct opening *
opening_new(
    struct context *cx, enum media_op op, const struct offer_model *m, const struct media_wanted *w, const json_t *body)
{
	struct opening *o = ARENA_NEW(cx->arena, struct opening);
	json_t *units = json_own(cx->arena,
	    w->used.seconds > 0 ? json_pack("{s:I}", "second", (json_int_t)w->used.seconds)
				: json_pack("{s:I}", "image", (json_int_t)w->used.images));

	*o = (struct opening){ .op = op,
		.wanted = w,
		.prompt = words_of(cx->arena, body),
		.prices = price_text(cx->arena, m->price),
		.input = text_of(cx->arena, w->input),
		.units = text_of(cx->arena, units),
		.asked = text_of(cx->arena, asked_json(cx->arena, op, m, body)) };
	uuid_v7(o->transaction_id);
	uuid_v7(o->job_id);
	uuid_v7(o->user_message_id);
	uuid_v7(o->message_id);
	return o;
}

static void
tell_pages(struct context *cx, const struct task *task, const char *conversation_id, const char *message_id)
{
	json_t *news = json_pack("{s:s, s:s, s:i}", "id", task->id, "status", "pending", "progress", 0);

	if (conversation_id != NULL) {
		json_object_set_new(news, "conversation_id", json_string(conversation_id));
		json_object_set_new(news, "message_id", json_string(message_id));
	}
	events_tell(cx, task->user_id, "task", news);
	events_tell(cx, task->user_id, "balance", credits_event(task->balance_ucr, task->held_ucr));
}

static enum status
open_it(struct request *rq, struct opening *o, const struct gate_key *key, int64_t model_id, int64_t hold_ucr)
{
	struct context *cx = &rq->cx;
	const char *conversation_id = field_text(rq->json, "conversation_id");
	AUTO_ROWS struct rows *rows = NULL;
	struct task *task = ARENA_NEW(cx->arena, struct task);
	enum status st;

	uuid_v7(task->id);
	memcpy(task->user_id, cx->caller.user_id, UUID_LEN);
	task->hold_ucr = hold_ucr;
	st = gate_open(rq,
	    &(struct gate_ask){ .kind = strcmp(media_op_type(o->op), "video") == 0 ? &kind_video : &kind_image,
		.key = key,
		.conversation_id = conversation_id,
		.model_id = model_id,
		.own = o },
	    task, NULL, &rows);
	if (st != OK || rows == NULL)
		return st;
	tell_pages(cx, task, conversation_id, o->message_id);
	return answer(rq, task->id);
}

enum status
media_make(struct request *rq, enum media_op op)
{
	struct context *cx = &rq->cx;
	const struct kind *kind = strcmp(media_op_type(op), "video") == 0 ? &kind_video : &kind_image;
	struct media_wanted *wanted = ARENA_NEW(cx->arena, struct media_wanted);
	struct gate_key key;
	struct offer_model *m = NULL;
	const json_t *row = NULL;
	int64_t hold_ucr = 0;
	bool joined;
	enum status st;

	gate_key_read(rq, &key);
	if ((st = gate_join(rq, kind, &key, NULL, &joined)) != OK || joined)
		return st;
	if (*cx->conf->uploads_folder == '\0')
		return fail(cx, E_FORBIDDEN, "uploads are off: there is no place for results");
	if ((st = choose_model(cx, op, rq->json, &m, &row)) != OK ||
	    (st = media_params(cx, op, row, rq->json, wanted)) != OK || (st = price_it(cx, m, wanted, &hold_ucr)) != OK)
		return st;
	return open_it(rq, opening_new(cx, op, m, wanted, rq->json), &key, m->id, hold_ucr);
}
