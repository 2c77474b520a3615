#include "engine/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "core/heartbeat.h"
#include "engine/private.h"
#include "io/reactor.h"
#include "io/redis.h"

#define KEY_LEN 160
#define BATCH_MS 50	 /* how long delivered text is gathered, */
#define BATCH_MAX_MS 250 /* when there are many streams: fewer and larger writes */
#define BATCH_STREAMS 20 /* so many add a millisecond */
#define ENTRIES_MAX "20000"
#define ENTRIES_PER_READ "200"

static const char *
journal_key(const struct conf *conf, const char *task_id, char out[KEY_LEN])
{
	snprintf(out, KEY_LEN, "%stask:%s:log", conf->redis_prefix, task_id);
	return out;
}

/* Of a terminal event that has all of its answer in it: more is not kept. */
#define END_BYTES_MAX (1u << 20)

/* An entry as Redis takes it: XADD KEY MAXLEN ~ N ID k KIND o START t TEXT, and of a call
 * c NUMBER i ID n NAME. */
#define XADD_ARGS 12
#define XADD_ARGS_MAX 18
struct xadd {
	char key[KEY_LEN], id[40], kind[2], start[24], call[24];
	const char *argv[XADD_ARGS_MAX];
	size_t lens[XADD_ARGS_MAX];
	int argc;
};

static void
xadd_make(struct xadd *x, const struct conf *conf, const char *task_id, const struct journal_entry *e)
{
	const char *argv[XADD_ARGS] = { "XADD", journal_key(conf, task_id, x->key), "MAXLEN", "~", ENTRIES_MAX, x->id,
		"k", x->kind, "o", x->start, "t", e->text };

	snprintf(x->id, sizeof(x->id), "%" PRIu64 "-%d", e->end, e->kind == 'e');
	snprintf(x->kind, sizeof(x->kind), "%c", e->kind);
	snprintf(x->start, sizeof(x->start), "%" PRIu64, e->start);
	snprintf(x->call, sizeof(x->call), "%zu", e->call);
	memcpy(x->argv, argv, sizeof(argv));
	x->argc = XADD_ARGS;
	if (e->kind == 'c') {
		const char *more[] = { "c", x->call, "i", e->id, "n", e->name };

		memcpy(x->argv + XADD_ARGS, more, sizeof(more));
		x->argc = XADD_ARGS_MAX;
	}
	for (int i = 0; i < x->argc; i++)
		x->lens[i] = strlen(x->argv[i]);
	x->lens[XADD_ARGS - 1] = e->len;
}

static struct journal_entry
end_entry(uint64_t position, const char *end_json)
{
	return (struct journal_entry){
		.kind = 'e', .start = position, .end = position, .text = end_json, .len = strlen(end_json)
	};
}

/* ---- writing --------------------------------------------------------------------- */

static void
unlist(struct run *r)
{
	struct run **p = &r->process->engine->unjournaled;

	if (!r->journal.listed)
		return;
	while (*p != r)
		p = &(*p)->journal.next;
	*p = r->journal.next;
	r->journal.listed = false;
}

static void
expire(struct run *r, int64_t ms)
{
	char key[KEY_LEN], text[24];
	const char *argv[] = { "PEXPIRE", journal_key(r->process->conf, r->task.id, key), text };

	snprintf(text, sizeof(text), "%" PRId64, ms);
	redis_async_command(r->process->redis, NULL, NULL, 3, argv, NULL);
}

/* Only the confirmed failure to queue is known here; a lost reply shows as a
 * gap of positions to whoever reads. */
static void
append(struct run *r, const struct journal_entry *e)
{
	struct xadd x;

	xadd_make(&x, r->process->conf, r->task.id, e);
	if (!redis_async_command(r->process->redis, NULL, NULL, x.argc, x.argv, x.lens))
		r->journal.gap = true;
}

/* What waits, which ends at byte `end` of the answer. */
static void
write_out(struct run *r, uint64_t end)
{
	const struct conf *conf = r->process->conf;
	static const char kinds[] = {
		[PIECE_TEXT] = 't', [PIECE_REASONING] = 'r', [PIECE_SIGNATURE] = 's', [PIECE_CALL] = 'c'
	};
	struct journal *j = &r->journal;
	uint64_t start = end - j->waiting.len;
	struct journal_entry e = {
		.kind = kinds[j->kind], .start = start, .end = end, .text = j->waiting.data, .len = j->waiting.len
	};

	if (j->waiting.len == 0)
		return;
	if (j->kind == PIECE_CALL) {
		const struct answer_call *call = &r->answer.calls[j->call];

		e.call = j->call;
		e.id = call->id == NULL ? "" : call->id;
		e.name = call->name == NULL ? "" : call->name;
	}
	append(r, &e);
	if (start == 0) {
		expire(r, conf->upstream_total_timeout + conf->stream_resume_window);
		redis_async_flush(
		    r->process->redis); /* before its reader has it: who is killed in between gave nothing */
	}
	buf_free(&j->waiting); /* a stream waits most of the time */
}

void
journal_flush(struct run *r)
{
	unlist(r);
	write_out(r, r->answer.delivered);
}

/* The more streams, the longer the window: what each of them waits for is
 * fewer writes of others. */
static int64_t
window_ms(const struct engine *e)
{
	int64_t ms = BATCH_MS + (int64_t)(e->n_runs / BATCH_STREAMS);

	return ms < BATCH_MAX_MS ? ms : BATCH_MAX_MS;
}

void
journal_add(struct run *r, const struct piece *piece)
{
	struct engine *e = r->process->engine;
	struct journal *j = &r->journal;
	bool first = r->answer.delivered == piece->len;

	if (j->kind != piece->kind || j->call != piece->call)
		write_out(r, r->answer.delivered - piece->len); /* what waits ends before this piece */
	j->kind = piece->kind;
	j->call = piece->call;
	buf_add(&j->waiting, piece->text, piece->len);
	if (first) {
		write_out(r, r->answer.delivered);
		return;
	}
	if (!j->listed) {
		j->listed = true;
		j->next = e->unjournaled;
		e->unjournaled = r;
		if (!reactor_timer_running(e->journal_timer))
			reactor_timer_start(e->journal_timer, window_ms(e));
	}
}

void
journal_batch(void *arg)
{
	struct engine *e = ((struct process *)arg)->engine;
	struct run *r;

	while ((r = e->unjournaled) != NULL) {
		e->unjournaled = r->journal.next;
		r->journal.listed = false;
		write_out(r, r->answer.delivered);
	}
}

void
journal_end(struct run *r)
{
	struct journal_entry entry = end_entry(r->answer.delivered, r->end_json);

	journal_flush(r);
	if (entry.len <= END_BYTES_MAX) /* else PostgreSQL knows that it ended */
		append(r, &entry);
	expire(r, r->process->conf->stream_resume_window);
}

void
journal_forget(struct run *r)
{
	unlist(r);
	buf_free(&r->journal.waiting);
}

/* ---- while Redis is away: checkpoints to PostgreSQL --------------------------------- */

struct checkpoint {
	struct heartbeat_work work; /* first: the heartbeat knows this */
	char task_id[UUID_LEN];
	int seq;
	uint64_t offset;
	char *text;
};

/* The heartbeat's thread.  What cannot be written is lost to the reaper only if
 * this process dies too. */
static void
write_checkpoint(struct heartbeat_work *work, struct pg *pg)
{
	struct checkpoint *c = (struct checkpoint *)(void *)work;

	if (pg_query(pg, NULL,
		"INSERT INTO task_journal (task_id, seq, offset_bytes, text) VALUES ($1, $2, $3, $4)"
		" ON CONFLICT DO NOTHING",
		PS(c->task_id), PI(c->seq), PI(c->offset), PS(c->text)) != OK)
		LOG(WARN, "checkpoint_failed", LS("task_id", c->task_id), LS("error", pg_error(pg)));
	free(c->text);
	free(c);
}

/* The text of the answer only. */
static void
checkpoint_run(struct process *p, struct run *r)
{
	struct journal *j = &r->journal;
	struct checkpoint *c;

	if (!j->gap || r->answer.text.len <= j->checkpoint || r->state == RUN_SETTLING)
		return;
	c = xcalloc(1, sizeof(*c));
	c->work.run = write_checkpoint;
	c->text = xstrdup(r->answer.text.data + j->checkpoint);
	memcpy(c->task_id, r->task.id, UUID_LEN);
	c->seq = j->checkpoint_seq++;
	c->offset = j->checkpoint;
	j->checkpoint = r->answer.text.len;
	heartbeat_do(p->heartbeat, &c->work);
}

void
journal_checkpoint(struct process *p)
{
	for (size_t i = 0; i < RUN_BUCKETS; i++)
		for (struct run *r = p->engine->runs[i]; r != NULL; r = r->next)
			checkpoint_run(p, r);
}

/* ---- reading ----------------------------------------------------------------------- */

/* One entry: [id, [k, v, k, v, …]]. */
static bool
parse_entry(const struct redis_reply *entry, struct journal_entry *out)
{
	const char *id = redis_reply_text(redis_reply_at(entry, 0), NULL);
	const struct redis_reply *fields = redis_reply_at(entry, 1);

	*out = (struct journal_entry){ .text = "", .id = "", .name = "" };
	if (id == NULL)
		return false;
	out->end = strtoull(id, NULL, 10);
	for (size_t i = 0; i + 1 < redis_reply_length(fields); i += 2) {
		const char *name = redis_reply_text(redis_reply_at(fields, i), NULL);
		size_t len = 0;
		const char *value = redis_reply_text(redis_reply_at(fields, i + 1), &len);

		if (name == NULL || value == NULL)
			continue;
		if (*name == 'k')
			out->kind = *value;
		else if (*name == 'o')
			out->start = strtoull(value, NULL, 10);
		else if (*name == 't')
			out->text = value, out->len = len;
		else if (*name == 'c')
			out->call = strtoul(value, NULL, 10);
		else if (*name == 'i')
			out->id = value;
		else if (*name == 'n')
			out->name = value;
	}
	return true;
}

bool
journal_ask(struct process *p, const char *task_id, uint64_t position, redis_reply_fn *fn, void *arg)
{
	char key[KEY_LEN], id[32];
	const char *argv[] = { "XREAD", "COUNT", ENTRIES_PER_READ, "STREAMS", journal_key(p->conf, task_id, key), id };

	snprintf(id, sizeof(id), "%" PRIu64 "-0", position);
	return redis_async_command(p->redis, fn, arg, 6, argv, NULL);
}

bool
journal_next(const struct redis_reply *reply, size_t i, struct journal_entry *out)
{
	/* [[key, [entry, …]]], or nil when there is nothing new */
	const struct redis_reply *entries = reply == NULL ? NULL : redis_reply_at(redis_reply_at(reply, 0), 1);

	return i < redis_reply_length(entries) && parse_entry(redis_reply_at(entries, i), out);
}

bool
journal_is_whole(const char *end_json, size_t len)
{
	static const char done[] = "{\"type\":\"done\"", content[] = "\"content\":";

	return len >= sizeof(done) - 1 && memcmp(end_json, done, sizeof(done) - 1) == 0 &&
	    memmem(end_json, len, content, sizeof(content) - 1) != NULL;
}

const char *
journal_whole(struct context *cx, const char *task_id)
{
	AUTO_REPLY struct redis_reply *page = NULL;
	struct journal_entry e;
	char key[KEY_LEN];

	if (redis_call(cx->redis, &page, "XREVRANGE", journal_key(cx->conf, task_id, key), "+", "-", "COUNT", "1") !=
		OK ||
	    redis_reply_length(page) == 0 || !parse_entry(redis_reply_at(page, 0), &e) || e.kind != 'e' ||
	    !journal_is_whole(e.text, e.len))
		return NULL;
	return arena_strndup(cx->arena, e.text, e.len);
}

/* ---- what a dead process left -------------------------------------------------------- */

static void
recall_entry(const struct journal_entry *e, struct answer *a)
{
	if (e->kind == 'e' || !utf8_valid(e->text, e->len) || memchr(e->text, '\0', e->len) != NULL)
		return;
	if (e->kind == 'c') /* of which call no longer matters */
		(void)!answer_add_call(a, 0, NULL, NULL, e->text, e->len);
	else
		answer_add(a,
		    e->kind == 'r'	 ? PIECE_REASONING
			: e->kind == 't' ? PIECE_TEXT
					 : PIECE_SIGNATURE,
		    e->text, e->len);
	answer_given(a);
	a->delivered = e->end;
}

static enum status
recall_redis(struct context *cx, const char *task_id, struct answer *a)
{
	char key[KEY_LEN], from[64] = "-";
	enum status st;

	journal_key(cx->conf, task_id, key);
	for (;;) {
		AUTO_REPLY struct redis_reply *page = NULL;
		size_t n;

		if ((st = redis_call(cx->redis, &page, "XRANGE", key, from, "+", "COUNT", ENTRIES_PER_READ)) != OK)
			return st;
		if ((n = redis_reply_length(page)) == 0)
			return OK;
		for (size_t i = 0; i < n; i++) {
			struct journal_entry e;

			if (parse_entry(redis_reply_at(page, i), &e))
				recall_entry(&e, a);
		}
		snprintf(
		    from, sizeof(from), "(%s", redis_reply_text(redis_reply_at(redis_reply_at(page, n - 1), 0), NULL));
	}
}

enum status
journal_recall(struct context *cx, const char *task_id, const char *checkpoints, struct answer *a)
{
	size_t len = checkpoints != NULL ? strlen(checkpoints) : 0;
	enum status st = recall_redis(cx, task_id, a);

	if (len > a->text.len) {
		buf_clear(&a->text);
		buf_add(&a->text, checkpoints, len);
		if (a->delivered < len + a->reasoning.len)
			a->delivered = len + a->reasoning.len;
	}
	return st == OK ? OK : E_UNAVAILABLE;
}

void
journal_close(struct context *cx, const char *task_id, uint64_t position, const char *end_json)
{
	struct journal_entry entry = end_entry(position, end_json);
	struct xadd x;
	char window[24];
	enum status st;

	xadd_make(&x, cx->conf, task_id, &entry);
	snprintf(window, sizeof(window), "%" PRId64, cx->conf->stream_resume_window);
	st = redis_command(cx->redis, NULL, x.argc, x.argv, x.lens);
	if (st == OK)
		st = redis_call(cx->redis, NULL, "PEXPIRE", x.key, window);
	(void)st; /* followers then find the end in PostgreSQL */
}
