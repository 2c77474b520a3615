#include "knowledge/embed.h"

#include <string.h>

#include "base/clock.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/utf8.h"
#include "catalog/select.h"
#include "core/events.h"
#include "engine/kind.h"
#include "knowledge/ask.h"
#include "knowledge/news.h"
#include "knowledge/space.h"
#include "ledger/credits.h"
#include "search/vector.h"

/* Its tasks are opened and settled here, by a job, and are told nobody word by word. */
extern const struct kind kind_embed;
const struct kind kind_embed = { .name = "embed" };

#define STEP_MS 2000 /* then others are let before it */
#define BATCH_BYTES_MAX (64u << 20)
#define WAIT_FIRST_MS 2000
#define WAIT_MOST_MS 60000
#define FAILURES_MAX 8
#define SHORTENED_MAX 3	      /* halved so often; then a chunk is skipped */
#define CONTEXT_PERCENT 75    /* of the model's context, at most */
#define CREDITS_LATER_MS 2000 /* processes are asked to give back what is idle */

/* A run at work. */
struct run_row {
	const char *document_id, *group, *user_id;
	int version, failures;
	int64_t space_id, model_id, left_chunks, left_tokens;
	size_t at_once;	     /* so many are asked for with one call */
	const char *task_id; /* NULL: none yet */
	char new_task[UUID_LEN];
	bool is_user_active;

	struct space space;
	const struct offer_model *model;
};

/* A chunk while it is embedded. */
struct piece {
	const char *text; /* heading and body, or less of it */
	int64_t tokens;
	int shortened;
};

struct batch {
	struct arena *arena;
	struct space_batch b;
	struct piece *pieces;
	size_t *ask; /* which of the entries are to be asked for */
	size_t n_ask;
	size_t dims;
	size_t most;	 /* of one call that went well */
	bool is_refused; /* one did not */
};

/* ---- how it ends -------------------------------------------------------------- */

static enum status put_off(struct context *cx, const struct run_row *r, int64_t least_ms, const char *detail);

static enum status
end_run(struct context *cx, const struct run_row *r, const char *outcome, const char *code, const char *detail)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT outcome, balance, held, charged FROM kb_embed_end($1::uuid, $2::int, $3, $4, $5, $6)",
	    PS(r->document_id), PI(r->version), PI(r->space_id), PS(outcome), PS(code), PS(detail));

	if (st != OK)
		return fail(cx, st, "end embedding %s: %s", r->document_id, pg_error(cx->pg));
	if (strcmp(row_text(rows, 0, "outcome"), "more") == 0) /* not at once, in a circle */
		return put_off(cx, r, 0, "passages are without a vector, and none of them is found");
	if (strcmp(row_text(rows, 0, "outcome"), "ok") != 0)
		return OK;
	LOG(INFO, "knowledge_embedded", LS("document_id", r->document_id), LI("version", r->version),
	    LI("space", r->space_id), LS("outcome", outcome), LS("code", code == NULL ? "" : code),
	    LS("detail", detail == NULL ? "" : detail), LI("charged_ucr", row_ucr(rows, 0, "charged")));
	knowledge_tell(cx, r->user_id, r->document_id);
	if (r->task_id != NULL)
		events_tell(
		    cx, r->user_id, "balance", credits_event(row_ucr(rows, 0, "balance"), row_ucr(rows, 0, "held")));
	return OK;
}

static enum status
fail_run(struct context *cx, const struct run_row *r, const char *code, const char *detail)
{
	return end_run(cx, r, "failed", code, detail);
}

/* The provider fails: again in a while, and at last no more. */
static enum status
put_off(struct context *cx, const struct run_row *r, int64_t least_ms, const char *detail)
{
	int64_t ms = WAIT_FIRST_MS << (r->failures < 10 ? r->failures : 10);
	enum status st;

	if (r->failures + 1 >= FAILURES_MAX)
		return fail_run(cx, r, "provider_failed", detail);
	ms = ms > WAIT_MOST_MS ? WAIT_MOST_MS : ms;
	ms = ms < least_ms ? least_ms : ms;
	LOG(WARN, "knowledge_put_off", LS("document_id", r->document_id), LI("ms", ms), LS("detail", detail));
	st = pg_query_again(cx->pg, NULL, "SELECT kb_embed_later($1::uuid, $2::int, $3, $4, $5)", PS(r->document_id),
	    PI(r->version), PI(r->space_id), PI(ms), PS(detail));
	return st == OK ? OK : fail(cx, st, "put off %s: %s", r->document_id, pg_error(cx->pg));
}

/* ---- whom to ask ----------------------------------------------------------------- */

/* The model with its candidates; *code says why there is none. */
static enum status
choose(struct context *cx, struct run_row *r, const char **code)
{
	const struct offer_model *m;
	struct offer *o;
	enum status st = offer_read(cx->pg, cx->conf, 0, &o);

	*code = NULL;
	if (st != OK)
		return fail(cx, st, "read channels: %s", pg_error(cx->pg));
	arena_cleanup(cx->arena, (void (*)(void *))offer_unref, o);
	m = offer_model(o, r->model_id);
	if (m == NULL || !m->is_enabled || strcmp(m->type, "embedding") != 0) {
		*code = "no_model";
		return OK;
	}
	r->model = select_candidates(cx, &(struct select_ask){ .model = m, .group = r->group });
	if (!price_has(r->model->price, METER_INPUT))
		*code = "price_unknown";
	return OK;
}

/* ---- the task that pays ------------------------------------------------------------ */

static const char *
code_of_refusal(const char *outcome)
{
	if (strcmp(outcome, "insufficient") == 0)
		return "insufficient_credits";
	if (strcmp(outcome, "user_disabled") == 0)
		return "account_disabled";
	return strstr(outcome, "budget") != NULL ? "budget_exceeded" : "refused";
}

/* Hold what is left; *is_open: it may go on. */
static enum status
open_task(struct context *cx, const struct job *job, struct run_row *r, bool *is_open)
{
	AUTO_ROWS struct rows *rows = NULL;
	int64_t calls = r->left_chunks / cx->conf->knowledge_batch + 2;
	char transaction_id[UUID_LEN];
	const char *outcome;
	enum status st;

	*is_open = false;
	uuid_v7(r->new_task);
	uuid_v7(transaction_id);
	st = pg_query_again(cx->pg, &rows,
	    "SELECT outcome, balance, held"
	    " FROM kb_embed_open($1::uuid, $2::int, $3, $4::uuid, $5::uuid, $6::uuid, $7, $8::int, $9::jsonb, $10)",
	    PS(r->document_id), PI(r->version), PI(r->space_id), PS(r->new_task), PS(transaction_id), PS(job->id),
	    PM(embed_ceiling_ucr(r->model->price, r->left_tokens, calls)), PI(cx->conf->tasks_hold_lease / 1000),
	    PS(price_text(cx->arena, r->model->price)), PS(r->group));
	if (st != OK)
		return fail(cx, st, "hold for %s: %s", r->document_id, pg_error(cx->pg));
	outcome = row_text(rows, 0, "outcome");
	if (strcmp(outcome, "ok") == 0) {
		r->task_id = r->new_task;
		*is_open = true;
		events_tell(
		    cx, r->user_id, "balance", credits_event(row_ucr(rows, 0, "balance"), row_ucr(rows, 0, "held")));
		return OK;
	}
	if (strcmp(outcome, "gone") == 0 || strcmp(outcome, "open") == 0) /* open: it is taken up with the next step */
		return OK;
	if (strcmp(outcome, "allowances") == 0)
		return put_off(cx, r, CREDITS_LATER_MS, "credits are held by calls that may give some back");
	return fail_run(cx, r, code_of_refusal(outcome), outcome);
}

/* ---- a batch ------------------------------------------------------------------------- */

static void
skip(struct space_entry *e, const char *why)
{
	e->v = NULL;
	e->skipped = why;
}

/* Of what the cache or the provider has; in the batch's arena. */
static void
give(struct batch *w, struct space_entry *e, float *v, size_t dims)
{
	if (w->dims == 0)
		w->dims = dims;
	if (dims == w->dims && dims <= VECTOR_MAX_DIMS && vector_normalise(v, dims))
		e->v = v;
	else
		skip(e, "bad_vector");
}

/* Half of it, or as much as fits. */
static void
shorten(struct arena *a, struct piece *p, size_t len)
{
	len -= utf8_tail(p->text, len);
	p->text = arena_strndup(a, p->text, len);
	p->tokens = (p->tokens + 1) / 2;
	p->shortened++;
}

static void
take_row(struct batch *w, const struct run_row *r, const struct rows *rows, int i)
{
	struct space_entry *e = &w->b.entries[i];
	struct piece *p = &w->pieces[i];
	const char *heading = row_text(rows, i, "heading"), *body = row_text(rows, i, "body");
	int64_t most = r->model->context_tokens * CONTEXT_PERCENT / 100;
	size_t len = 0;
	unsigned char *half = row_bytes(rows, i, "cached", w->arena, &len);

	*e = (struct space_entry){ .chunk = row_int(rows, i, "chunk_id"),
		.cache_key = arena_strdup(w->arena, row_text(rows, i, "cache_key")),
		.is_cached = half != NULL && len >= 2 && (r->space.dims == 0 || len == 2 * r->space.dims) };
	if (e->is_cached) {
		float *v = ARENA_ARRAY(w->arena, float, len / 2);

		vector_from_half(half, len / 2, v);
		give(w, e, v, len / 2);
		return;
	}
	p->text = arena_printf(w->arena, "%s%s%s", heading, *heading == '\0' ? "" : "\n", body);
	p->tokens = row_int(rows, i, "ntok");
	while (most > 0 && p->tokens > most && p->shortened < SHORTENED_MAX)
		shorten(w->arena, p, strlen(p->text) / 2);
	w->ask[w->n_ask++] = (size_t)i;
}

static enum status
read_batch(struct context *cx, struct batch *w, const struct run_row *r)
{
	AUTO_ROWS struct rows *rows = NULL;
	int n;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT chunk_id, heading, body, ntok, cached, cache_key FROM kb_embed_batch($1::uuid, $2::int, $3, $4, $5::int)",
	    PS(r->document_id), PI(r->version), PI(r->space_id), PS(r->space.model), PI(r->at_once));

	if (st != OK)
		return fail(cx, st, "read chunks: %s", pg_error(cx->pg));
	n = rows_count(rows);
	w->b = (struct space_batch){ .document_id = r->document_id,
		.version = r->version,
		.entries = ARENA_ARRAY(w->arena, struct space_entry, n + 1),
		.n = (size_t)n };
	w->pieces = ARENA_ARRAY(w->arena, struct piece, n + 1);
	w->ask = ARENA_ARRAY(w->arena, size_t, n + 1);
	memset(w->pieces, 0, sizeof(struct piece) * (size_t)(n + 1));
	for (int i = 0; i < n; i++)
		take_row(w, r, rows, i);
	return OK;
}

/* One call for those from..to of w->ask. */
static enum status
call_once(struct context *cx, const struct job *job, struct batch *w, const struct run_row *r, size_t from, size_t to,
    struct embed_told *told)
{
	const char **texts = ARENA_ARRAY(w->arena, const char *, to - from);
	struct embed_ask ask = { .model = r->model, .texts = texts, .n = to - from, .task_id = r->task_id, .job = job };
	enum status st;

	for (size_t i = from; i < to; i++) {
		texts[i - from] = w->pieces[w->ask[i]].text;
		ask.tokens += w->pieces[w->ask[i]].tokens;
	}
	if ((st = embed_run(cx, w->arena, &ask, told)) != OK)
		return st;
	for (size_t i = from; i < to; i++)
		give(w, &w->b.entries[w->ask[i]], told->values + (i - from) * told->dims, told->dims);
	w->most = w->most > to - from ? w->most : to - from;
	w->b.tokens += told->tokens;
	w->b.cost_ucr += told->cost_ucr;
	w->b.channel_id = told->channel_id;
	return OK;
}

/* What is refused together may be taken apart: by halves, down to the text that is too long or not
 * wanted, which is shortened and at last skipped. */
static enum status
ask_range(struct context *cx, const struct job *job, struct batch *w, const struct run_row *r, size_t from, size_t to,
    struct embed_told *told)
{
	struct piece *alone = &w->pieces[w->ask[from]];
	enum status st = call_once(cx, job, w, r, from, to, told);

	if (st == OK || !told->is_refused)
		return st;
	w->is_refused = true;
	if (to - from > 1) {
		size_t middle = from + (to - from) / 2;

		if ((st = ask_range(cx, job, w, r, from, middle, told)) != OK)
			return st;
		return ask_range(cx, job, w, r, middle, to, told);
	}
	if (alone->shortened < SHORTENED_MAX && strlen(alone->text) > 200) {
		shorten(w->arena, alone, strlen(alone->text) / 2);
		return ask_range(cx, job, w, r, from, to, told);
	}
	LOG(WARN, "knowledge_skipped", LS("document_id", r->document_id), LI("chunk", w->b.entries[w->ask[from]].chunk),
	    LS("detail", told->detail));
	skip(&w->b.entries[w->ask[from]], "refused");
	return OK;
}

static enum status
keep(struct context *cx, struct batch *w, struct run_row *r, bool *goes_on)
{
	const char *outcome;
	enum status st;

	w->b.task_id = r->task_id;
	if ((st = space_store(cx, &r->space, w->dims, &w->b, &outcome)) != OK)
		return st;
	*goes_on = strcmp(outcome, "ok") == 0;
	if (strcmp(outcome, "cancel") == 0)
		return end_run(cx, r, "cancelled", "cancelled", NULL);
	if (strcmp(outcome, "dims") == 0)
		return fail_run(cx, r, "dimensions_changed", "the model gives vectors of another length than before");
	return OK;
}

/* *goes_on: there may be more of it, and now. */
static enum status
do_batch(struct context *cx, struct job *job, struct batch *w, struct run_row *r, bool *goes_on)
{
	struct embed_told told = { 0 };
	bool is_open = true;
	enum status st;

	*goes_on = false;
	if ((st = read_batch(cx, w, r)) != OK)
		return st;
	if (w->b.n == 0)
		return end_run(cx, r, "completed", NULL, NULL);
	for (size_t i = 0; i < w->n_ask && r->left_tokens == 0; i++) /* the cache has lost some meanwhile */
		r->left_tokens = w->pieces[w->ask[i]].tokens * (int64_t)w->n_ask;
	if (w->n_ask > 0 && r->task_id == NULL && ((st = open_task(cx, job, r, &is_open)) != OK || !is_open))
		return st;
	if (w->n_ask > 0)
		st = ask_range(cx, job, w, r, 0, w->n_ask, &told);
	if (st == E_INTERRUPTED)
		return OK;
	if (st != OK)
		return put_off(
		    cx, r, (int64_t)cx->retry_after_s * 1000, told.detail == NULL ? status_code(st) : told.detail);
	r->failures = 0;
	if (w->is_refused && w->most > 0) /* it takes fewer at once, or did not like one of them */
		r->at_once = w->most;
	return keep(cx, w, r, goes_on);
}

static enum status
do_batches(struct context *cx, struct job *job, struct run_row *r)
{
	int64_t by_ms = clock_mono_ms() + STEP_MS;
	bool goes_on = true;
	enum status st = OK;

	while (st == OK && goes_on && clock_mono_ms() < by_ms && !job_stopping(job)) {
		struct batch w = { .arena = arena_new(65536, BATCH_BYTES_MAX) };

		st = do_batch(cx, job, &w, r, &goes_on);
		arena_free(w.arena);
		if (st == OK && goes_on)
			knowledge_tell(cx, r->user_id, r->document_id);
	}
	return st;
}

/* ---- the job ------------------------------------------------------------------------------ */

static void
take_run(struct context *cx, const struct job *job, const struct rows *rows, struct run_row *out)
{
	struct arena *a = cx->arena;

	*out = (struct run_row){ .document_id = arena_strdup(a, row_text(rows, 0, "document_id")),
		.group = arena_strdup(a, row_text(rows, 0, "user_group")),
		.task_id = arena_strdup(a, row_text(rows, 0, "task_id")),
		.user_id = field_text(job->payload, "user_id"),
		.version = (int)row_int(rows, 0, "version"),
		.failures = (int)row_int(rows, 0, "failures"),
		.space_id = row_int(rows, 0, "space_id"),
		.model_id = row_int(rows, 0, "model_id"),
		.left_chunks = row_int(rows, 0, "left_chunks"),
		.left_tokens = row_int(rows, 0, "left_tokens"),
		.is_user_active = row_bool(rows, 0, "user_active") };
}

static enum status
do_run(struct context *cx, struct job *job, struct run_row *r)
{
	const char *code;
	enum status st;

	if (!r->is_user_active)
		return fail_run(cx, r, "account_disabled", NULL);
	if ((st = space_read(cx, r->space_id, &r->space)) == E_NOT_FOUND) {
		cx->error = OK;
		return end_run(cx, r, "cancelled", "cancelled", NULL);
	}
	if (st != OK || (st = choose(cx, r, &code)) != OK)
		return st;
	if (code != NULL)
		return fail_run(cx, r, code, NULL);
	r->at_once = (size_t)cx->conf->knowledge_batch;
	return do_batches(cx, job, r);
}

enum status
j_knowledge_embed(struct context *cx, struct job *job)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct run_row *r = ARENA_NEW(cx->arena, struct run_row);
	const char *user_id = field_text(job->payload, "user_id");
	enum status st;

	if (user_id == NULL)
		return job_give_up(job, fail(cx, E_INTERNAL, "a job without a user"));
	st = pg_query_again(cx->pg, &rows,
	    "SELECT document_id, version, space_id, model_id, user_group, user_active, task_id, left_chunks,"
	    " left_tokens, failures, wait_ms FROM kb_embed_take($1::uuid, $2::uuid)",
	    PS(user_id), PS(job->id));
	if (st != OK)
		return fail(cx, st, "what is to be embedded: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return OK;
	if (row_null(rows, 0, "document_id"))
		return job_again(job, row_int(rows, 0, "wait_ms") + 50);
	take_run(cx, job, rows, r);
	st = do_run(cx, job, r);
	return st == OK ? job_again(job, 0) : st;
}
