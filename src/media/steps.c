#include "media/steps.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/fields.h"
#include "base/log.h"
#include "limits/slots.h"
#include "media/ask.h"
#include "media/fetch.h"
#include "media/inputs.h"
#include "media/lend.h"
#include "media/room.h"
#include "media/work.h"

#define QUERY_MS 30000
#define ANSWER_BYTES_MAX (1 << 20)
#define MADE_MS 300000 /* of those that answer when it is made */
#define MADE_BYTES_MAX (INT64_C(64) << 20)
#define TOKEN_BYTES 32
#define ROOM_WAIT_MS 500
#define GIVE_UP_SENDING_MS 600000 /* where all channels say later */
#define UNKNOWN_LOOK_MS 60000
#define DEADLINE_MIN_MS (INT64_C(30) * 60000)
#define LATE_EVERY_MS (INT64_C(60) * 60000) /* past its deadline */
#define LATE_MS (INT64_C(24) * 60 * 60000)
#define FETCHES_MAX 3
#define FETCH_AGAIN_MS 2000
#define PROGRESS_MOST 95 /* that we guess */

/* So that those who wait for the same do not come back together. */
static int64_t
up_to(unsigned most)
{
	unsigned any;

	crypto_random(&any, sizeof(any));
	return any % (most + 1);
}

/* ---- how it ends ----------------------------------------------------------------------- */

static enum status
end_failed(struct context *cx, const struct work_task *w, enum status why, double provider_cost, bool is_unconfirmed)
{
	return work_end(cx, w,
	    &(struct work_end){ .outcome = OUTCOME_FAILED,
		.why = why,
		.provider_cost = provider_cost,
		.is_unconfirmed = is_unconfirmed });
}

/* Its provider cannot be stopped: what it has taken on is to be paid. */
static enum status
end_cancelled(struct context *cx, const struct work_task *w)
{
	bool is_accepted = w->external_id != NULL, is_unclear = !is_accepted && strcmp(w->state, "intent") != 0;

	return work_end(cx, w,
	    &(struct work_end){ .outcome = OUTCOME_CANCELLED,
		.why = E_CANCELLED,
		.cost_ucr = is_accepted ? w->task.hold_ucr : 0,
		.provider_cost = -1,
		.is_unconfirmed = is_unclear });
}

/* Twice what it takes at most, and half an hour at least. */
static int64_t
deadline_ms(const struct work_task *w)
{
	int64_t ms = (int64_t)w->typical_s * 1000 * 4;

	return ms > DEADLINE_MIN_MS ? ms : DEADLINE_MIN_MS;
}

/* ---- whom to ask -------------------------------------------------------------------------- */

/* The offer as it stands, of one channel or (0) of all; freed with the arena. */
static enum status
read_offer(struct context *cx, int64_t channel_id, struct offer **out)
{
	enum status st = offer_read(cx->pg, cx->conf, channel_id, out);

	if (st != OK)
		return fail(cx, st, "read channels: %s", pg_error(cx->pg));
	arena_cleanup(cx->arena, (void (*)(void *))offer_unref, *out);
	return OK;
}

static struct select_key *
tried_keys(struct context *cx, const struct work_task *w, size_t *n)
{
	struct select_key *keys = ARENA_ARRAY(cx->arena, struct select_key, json_array_size(w->tried) + 1);
	json_t *pair;
	size_t i;

	json_array_foreach((json_t *)w->tried, i, pair)
		keys[i] = (struct select_key){ json_integer_value(json_array_get(pair, 0)),
			json_integer_value(json_array_get(pair, 1)) };
	*n = i;
	return keys;
}

/* The first candidate of a provider that makes such things; NULL: none is left. */
static enum status
choose(struct context *cx, const struct work_task *w, const struct offer_channel **out)
{
	const struct offer_model *m;
	struct offer_model *some;
	struct select_key *tried;
	struct offer *o;
	size_t n = 0;
	enum status st;

	*out = NULL;
	if ((st = read_offer(cx, 0, &o)) != OK)
		return st;
	if ((m = offer_model(o, w->model_id)) == NULL)
		return OK;
	tried = tried_keys(cx, w, &n);
	some = select_candidates(
	    cx, &(struct select_ask){ .model = m, .group = w->group, .tried = tried, .n_tried = n });
	for (size_t i = 0; i < some->n_channels && *out == NULL; i++)
		if (media_wire_find(some->channels[i].provider) != NULL)
			*out = &some->channels[i];
	return OK;
}

static struct wire_target
target_of(const struct work_task *w, const struct offer_channel *ch)
{
	return (struct wire_target){ .base_url = ch->base_url,
		.api_key = ch->api_key,
		.model = ch->upstream_name,
		.quirks = quirks_of(ch->provider, ch->base_url),
		.task_id = w->task.id };
}

/* ---- asking for it: once -------------------------------------------------------------------- */

static const char *
callback_url(struct context *cx, const struct work_task *w, const char *provider, unsigned char hash[SHA256_BYTES])
{
	unsigned char token[TOKEN_BYTES];
	char hex[2 * TOKEN_BYTES + 1];
	const char *base = cx->conf->server_base_url;

	crypto_random(token, sizeof(token));
	crypto_hex(token, sizeof(token), hex);
	crypto_sha256(hex, strlen(hex), hash);
	return arena_printf(
	    cx->arena, "%.*s/api/hooks/media/%s/%s/%s", (int)conf_site_len(cx->conf), base, provider, w->task.id, hex);
}

/* True: it is ours to send now, and nobody else's ever. */
static enum status
claim(struct context *cx, const struct work_task *w, const struct offer_channel *ch,
    const unsigned char hash[SHA256_BYTES], bool answers, bool *is_ours)
{
	AUTO_ROWS struct rows *rows = NULL;
	/* not again by itself: an answer that is lost leaves it unclear */
	enum status st = pg_query(cx->pg, &rows,
	    "SELECT media_claim($1::uuid, $2::bigint, $3::bigint, $4::bytea, $5, $6::boolean) AS ours", PS(w->task.id),
	    PI(ch->id), PI(ch->key_id), PX(hash, SHA256_BYTES), PS(ch->upstream_name), PB(answers));

	if (st != OK)
		return fail(cx, st, "claim %s: %s", w->task.id, pg_error(cx->pg));
	*is_ours = row_bool(rows, 0, "ours");
	if (answers && *is_ours)
		work_tell(cx, w, "running", w->progress);
	return OK;
}

/* It was not made, for sure.  `elsewhere`: the same channel is not asked again. */
static enum status
note_unsent(struct context *cx, struct job *job, const struct work_task *w, bool elsewhere, int64_t again_ms)
{
	enum status st = pg_query_again(
	    cx->pg, NULL, "SELECT media_unsent($1::uuid, $2::boolean)", PS(w->task.id), PB(elsewhere));

	return st == OK ? job_again(job, again_ms) : fail(cx, st, "note %s: %s", w->task.id, pg_error(cx->pg));
}

/* It may have been made.  A callback may have said so meanwhile. */
static enum status
note_unclear(struct context *cx, struct job *job, const struct work_task *w)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows, "SELECT media_unclear($1::uuid) AS is_unclear", PS(w->task.id));

	if (st != OK)
		return fail(cx, st, "note %s: %s", w->task.id, pg_error(cx->pg));
	return job_again(job, row_bool(rows, 0, "is_unclear") ? UNKNOWN_LOOK_MS : 0);
}

static int64_t poll_ms(int64_t age_ms, int64_t deadline);

static enum status
note_accepted(struct context *cx, struct job *job, const struct work_task *w, const char *id)
{
	enum status st = pg_query_again(cx->pg, NULL, "SELECT media_accepted($1::uuid, $2)", PS(w->task.id), PS(id));

	if (st != OK)
		return fail(cx, st, "note %s as %s: %s", w->task.id, id, pg_error(cx->pg));
	LOG(INFO, "media_accepted", LS("task_id", w->task.id), LS("external_id", id));
	work_tell(cx, w, "running", w->progress);
	return job_again(job, poll_ms(0, deadline_ms(w)));
}

static enum status
end_done(struct context *cx, const struct work_task *w, const struct media_told *told, json_t *files)
{
	int64_t made = (int64_t)json_array_size(files), cost_ucr = w->task.hold_ucr;

	if (w->images > made) /* of several that were asked for not all came */
		cost_ucr = (int64_t)(((__int128)cost_ucr * made + w->images - 1) / w->images);
	return work_end(cx, w,
	    &(struct work_end){
		.outcome = OUTCOME_COMPLETED, .cost_ucr = cost_ucr, .files = files, .provider_cost = told->cost });
}

/* An answer: a big one stands in a file, of which no more is in memory than is looked at. */
struct answer {
	const char *text;
	size_t len;
};

static void
unmap(void *arg)
{
	struct answer *answer = arg;

	munmap((void *)answer->text, answer->len);
}

static const struct answer *
answer_of(struct context *cx, const struct exchange *e)
{
	struct answer *whole = ARENA_NEW(cx->arena, struct answer), *mapped;

	*whole = (struct answer){ buf_str(&e->body), e->body.len };
	if (e->file == NULL || e->file->len == 0 || e->result != HTTP_OK)
		return whole;
	mapped = ARENA_NEW(cx->arena, struct answer);
	mapped->len = e->file->len;
	mapped->text = mmap(NULL, mapped->len, PROT_READ, MAP_PRIVATE, e->file->fd, 0);
	if (mapped->text == MAP_FAILED) /* as if it had not come */
		return whole;
	arena_cleanup(cx->arena, unmap, mapped);
	return mapped;
}

/* It is in the answer, which nobody gives again. */
static enum status
take_answer(struct context *cx, const struct job *job, const struct work_task *w, const struct offer_account *account,
    const struct media_wire *wire, const struct exchange *e, const struct answer *answer)
{
	struct media_told *told = ARENA_NEW(cx->arena, struct media_told);
	json_t *files;
	enum status st = E_INTERNAL;
	bool is_over = false;

	wire->told(wire, cx->arena, e->http_status, answer->text, answer->len, told);
	for (int tries = 0; tries < FETCHES_MAX && !is_over; tries++) {
		if (tries > 0)
			sleep(FETCH_AGAIN_MS / 1000);
		st = media_fetch(cx, job, account, w->images == 0, told, &files);
		is_over = st == OK || st == E_FORBIDDEN || st == E_UNSUPPORTED_MEDIA_TYPE;
	}
	if (st == OK)
		return end_done(cx, w, told, files);
	LOG(WARN, "media_not_fetched", LS("task_id", w->task.id), LS("detail", cx->log_detail));
	return end_failed(cx, w, E_UPSTREAM_FAILED, told->cost, true);
}

/* What its answer means. */
static enum status
after_submit(struct context *cx, struct job *job, const struct work_task *w, const struct media_submitted *s)
{
	if (s->what != MEDIA_ACCEPTED)
		LOG(WARN, "media_not_accepted", LS("task_id", w->task.id), LI("channel_id", w->channel_id),
		    LI("what", s->what), LS("detail", s->detail));
	switch (s->what) {
	case MEDIA_ACCEPTED: return note_accepted(cx, job, w, s->id);
	case MEDIA_MADE: break; /* take_answer() */
	case MEDIA_UNKNOWN: return note_unclear(cx, job, w);
	case MEDIA_LATER:
		if (w->age_ms < GIVE_UP_SENDING_MS)
			return note_unsent(cx, job, w, false, s->wait_ms + up_to(1000));
		return end_failed(cx, w, E_UPSTREAM_FAILED, -1, false);
	case MEDIA_REFUSED:
		return s->next_channel ? note_unsent(cx, job, w, true, 0) : end_failed(cx, w, s->status, -1, false);
	}
	return fail(cx, E_INTERNAL, "submitted: %d", (int)s->what);
}

/* Its pictures: their bytes where those are wanted, else addresses that the provider can read.  E_OVERLOADED: other
 * jobs have too many bytes now. */
static enum status
add_files(struct context *cx, const struct job *job, const struct work_task *w, const struct media_wire *wire,
    struct media_ask *ask)
{
	struct media_file *files = NULL;
	struct room *room;
	int64_t bytes = 0;
	enum status st = OK;

	if (wire->files_member == NULL) {
		st = media_lend(cx, w, ask->callback, &ask->input);
	} else if (json_array_size(json_object_get(w->input, wire->files_member)) > 0) {
		/* as they are, and once more in what is sent */
		if ((room = room_take(cx->arena, 2 * MEDIA_INPUTS_BYTES_MAX)) == NULL)
			return E_OVERLOADED;
		st = media_inputs(cx, job, w, wire->files_member, &files, &ask->n_files);
		for (size_t i = 0; st == OK && i < ask->n_files; i++)
			bytes += 2 * (int64_t)files[i].len;
		room_keep(room, bytes);
	}
	if (st != OK)
		LOG(WARN, "media_input", LS("task_id", w->task.id), LS("detail", cx->log_detail));
	ask->files = files;
	return st;
}

/* A file for what the answer has in it. */
static enum status
spool_answer(struct context *cx, struct exchange *e)
{
	e->file = ARENA_NEW(cx->arena, struct spool);
	*e->file = (struct spool){ .fd = -1 };
	return spool_open(cx, e->file) ? OK : spool_refuse(cx, "open", cx->conf->uploads_folder);
}

static enum status
send_it(struct context *cx, struct job *job, const struct work_task *w, const struct offer_channel *ch,
    const struct media_wire *wire)
{
	struct exchange *e = ARENA_NEW(cx->arena, struct exchange);
	struct wire_target to = target_of(w, ch);
	struct media_submitted s;
	unsigned char hash[SHA256_BYTES];
	struct media_ask ask = { .input = w->input, .callback = callback_url(cx, w, ch->provider, hash) };
	bool answers = wire->query == NULL, is_ours = false;
	const struct answer *answer;
	enum status st;

	*e = (struct exchange){ .account = ch->account,
		.total_ms = answers ? MADE_MS : cx->conf->upstream_first_byte_timeout,
		.max_bytes = answers ? MADE_BYTES_MAX : ANSWER_BYTES_MAX };
	if ((st = add_files(cx, job, w, wire, &ask)) == E_OVERLOADED)
		return job_again(job, ROOM_WAIT_MS + up_to(ROOM_WAIT_MS));
	if (st != OK)
		return st == E_INVALID_REQUEST ? end_failed(cx, w, st, -1, false) : st;
	if (wire->submit(wire, cx->arena, &to, &ask, &e->rq) != OK)
		return end_failed(cx, w, E_UPSTREAM_FAILED, -1, false);
	if (answers && (st = spool_answer(cx, e)) != OK)
		return st;
	if ((st = claim(cx, w, ch, hash, answers, &is_ours)) != OK)
		return st;
	if (!is_ours)
		return job_again(job, 1000);
	exchange_run(cx, e);
	if (exchange_unsent(e))
		return note_unsent(cx, job, w, true, 0);
	answer = answer_of(cx, e);
	wire->submitted(wire, cx->arena, e->result == HTTP_OK ? e->http_status : 0, answer->text, answer->len, &s);
	return s.what == MEDIA_MADE ? take_answer(cx, job, w, ch->account, wire, e, answer)
				    : after_submit(cx, job, w, &s);
}

static enum status
step_submit(struct context *cx, struct job *job, const struct work_task *w)
{
	const struct offer_channel *ch;
	enum status st;

	if (w->is_cancelled)
		return end_cancelled(cx, w);
	if ((st = choose(cx, w, &ch)) != OK)
		return st;
	if (ch == NULL)
		return end_failed(cx, w, json_array_size(w->tried) > 0 ? E_UPSTREAM_FAILED : E_UNAVAILABLE, -1, false);
	return send_it(cx, job, w, ch, media_wire_find(ch->provider));
}

/* ---- nobody knows whether it arrived --------------------------------------------------------- */

static enum status
step_unknown(struct context *cx, struct job *job, const struct work_task *w)
{
	if (w->is_cancelled)
		return end_cancelled(cx, w);
	if (strcmp(w->state, "sent") == 0) /* by a worker that died then */
		return note_unclear(cx, job, w);
	return w->sent_ms > deadline_ms(w) ? end_failed(cx, w, E_UPSTREAM_TIMEOUT, -1, true)
					   : job_again(job, UNKNOWN_LOOK_MS);
}

/* ---- asking after it ----------------------------------------------------------------------------- */

/* When to ask next, of one that was accepted so long ago: a fifth more or less. */
static int64_t
poll_ms(int64_t age_ms, int64_t deadline)
{
	int64_t ms = age_ms < 30000 ? 3000 : age_ms < 120000 ? 8000 : age_ms < 900000 ? 20000 : 60000;

	if (age_ms > deadline)
		ms = LATE_EVERY_MS;
	return ms * (80 + up_to(40)) / 100;
}

static enum status
ask_again(struct context *cx, struct job *job, const struct work_task *w)
{
	int64_t deadline = deadline_ms(w);

	if (w->accepted_ms > deadline + LATE_MS)
		return end_failed(cx, w, E_UPSTREAM_TIMEOUT, -1, true);
	return job_again(job, poll_ms(w->accepted_ms, deadline));
}

/* Nearer to its end by the time that has passed, and never there. */
static int
guess_progress(const struct work_task *w)
{
	return (int)(PROGRESS_MOST * w->accepted_ms / (w->accepted_ms + (int64_t)w->typical_s * 500));
}

static enum status
note_progress(struct context *cx, struct job *job, const struct work_task *w, const struct media_told *told)
{
	AUTO_ROWS struct rows *rows = NULL;
	int progress = told->progress >= 0 ? told->progress : guess_progress(w);
	enum status st;

	if (progress > 99)
		progress = 99;
	st = pg_query_again(cx->pg, &rows, "SELECT status, progress FROM media_progress($1::uuid, $2::int)",
	    PS(w->task.id), PI(progress));
	if (st != OK)
		return fail(cx, st, "progress of %s: %s", w->task.id, pg_error(cx->pg));
	if (rows_count(rows) == 1)
		work_tell(cx, w, row_text(rows, 0, "status"), progress);
	return ask_again(cx, job, w);
}

/* Its result could not be had: again, a few times. */
static enum status
fetch_failed(
    struct context *cx, struct job *job, const struct work_task *w, const struct media_told *told, enum status why)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (why == E_STORAGE_FULL || why == E_UNAVAILABLE) /* ours to mend: the job says so, and comes again */
		return why;
	LOG(WARN, "media_not_fetched", LS("task_id", w->task.id), LS("detail", cx->log_detail));
	st = pg_query_again(cx->pg, &rows, "SELECT media_refetch($1::uuid) AS n", PS(w->task.id));
	if (st != OK)
		return fail(cx, st, "note %s: %s", w->task.id, pg_error(cx->pg));
	if (why == E_UPSTREAM_FAILED && row_int(rows, 0, "n") < FETCHES_MAX)
		return job_again(job, FETCH_AGAIN_MS);
	return end_failed(cx, w, E_UPSTREAM_FAILED, told->cost, true);
}

static enum status
take_result(struct context *cx, struct job *job, const struct work_task *w, const struct offer_account *account,
    const struct media_told *told)
{
	json_t *files;
	enum status st = media_fetch(cx, job, account, w->images == 0, told, &files);

	return st == OK ? end_done(cx, w, told, files) : fetch_failed(cx, job, w, told, st);
}

static const char *
key_of(const struct offer_account *account, int64_t key_id)
{
	for (size_t i = 0; i < account->n_keys; i++)
		if (account->keys[i].id == key_id)
			return account->keys[i].key;
	return account->n_keys > 0 ? account->keys[0].key : NULL;
}

static enum status
ask_one(struct context *cx, const struct job *job, const struct work_task *w, const struct offer_account *account,
    bool for_result, struct media_told *told)
{
	const struct media_wire *wire = media_wire_find(account->provider);
	struct exchange *e = ARENA_NEW(cx->arena, struct exchange);
	struct wire_target to = { .base_url = account->base_url,
		.api_key = key_of(account, w->key_id),
		.model = w->model,
		.task_id = w->task.id };

	*told = (struct media_told){ .state = MEDIA_UNTOLD, .progress = -1, .cost = -1 };
	*e = (struct exchange){ .account = account, .total_ms = QUERY_MS, .max_bytes = ANSWER_BYTES_MAX, .job = job };
	if (wire == NULL || wire->query == NULL ||
	    (for_result ? wire->query_result : wire->query)(wire, cx->arena, &to, w->external_id, &e->rq) != OK)
		return fail(cx, E_INTERNAL, "channel %lld cannot be asked any more", (long long)account->id);
	exchange_run(cx, e);
	if (e->result == HTTP_OK)
		(for_result ? wire->told_result : wire->told)(
		    wire, cx->arena, e->http_status, buf_str(&e->body), e->body.len, told);
	return OK;
}

/* Ask, and when it is ready for its result; the channel may be disabled by now, but not gone. */
static enum status
ask_after(struct context *cx, const struct job *job, const struct work_task *w, const struct offer_account *account,
    struct media_told *told)
{
	enum status st = ask_one(cx, job, w, account, false, told);

	return st == OK && told->state == MEDIA_READY ? ask_one(cx, job, w, account, true, told) : st;
}

static enum status
step_poll(struct context *cx, struct job *job, const struct work_task *w)
{
	struct media_told *told = ARENA_NEW(cx->arena, struct media_told);
	struct offer *o;
	enum status st;

	if (w->is_cancelled)
		return end_cancelled(cx, w);
	if ((st = read_offer(cx, w->channel_id, &o)) != OK)
		return st;
	if (o->n_accounts == 0)
		return end_failed(cx, w, E_UPSTREAM_FAILED, -1, true);
	if ((st = ask_after(cx, job, w, &o->accounts[0], told)) != OK)
		return st;
	switch (told->state) {
	case MEDIA_DONE: return take_result(cx, job, w, &o->accounts[0], told);
	case MEDIA_FAILED:
		LOG(WARN, "media_failed", LS("task_id", w->task.id), LS("detail", told->detail));
		return end_failed(cx, w, told->status, told->cost, false);
	case MEDIA_WAITING:
	case MEDIA_RUNNING: return note_progress(cx, job, w, told);
	case MEDIA_READY:
	case MEDIA_UNTOLD: break;
	}
	LOG(WARN, "media_untold", LS("task_id", w->task.id), LS("detail", told->detail));
	return ask_again(cx, job, w);
}

/* ---- the job ----------------------------------------------------------------------------------------- */

enum status
j_media(struct context *cx, struct job *job)
{
	const char *task_id = field_text(job->payload, "task_id");
	struct work_task *w = ARENA_NEW(cx->arena, struct work_task);
	enum status st;

	if (task_id == NULL)
		return job_give_up(job, fail(cx, E_INTERNAL, "a job without a task"));
	if ((st = work_read(cx, task_id, w)) == E_NOT_FOUND)
		return OK; /* its user is gone, and it with him */
	if (st != OK || w->has_ended)
		return st;
	if (w->external_id != NULL)
		return step_poll(cx, job, w);
	return strcmp(w->state, "intent") == 0 ? step_submit(cx, job, w) : step_unknown(cx, job, w);
}

enum status
media_keep_slots(struct sweeper *s)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(s->cx.pg, &rows, "SELECT task_id, user_id, conversation_id FROM media_live()");

	for (int i = 0; st == OK && i < rows_count(rows) && !s->stopping(); i++) {
		struct slot_holder slots;

		slot_holder_init(&slots, row_text(rows, i, "user_id"), row_text(rows, i, "conversation_id"),
		    row_text(rows, i, "task_id"), false);
		if (slots_acquire(s->cx.redis, s->cx.conf, &slots) == E_UNAVAILABLE)
			break; /* Redis is away: they are counted in PostgreSQL */
	}
	return st;
}
