#include "engine/follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/queue.h"
#include "core/guard.h"
#include "core/work.h"
#include "engine/private.h"
#include "io/pg.h"
#include "io/reactor.h"
#include "io/redis.h"
#include "score/board.h"

#define TICK_MS 50
/* After its session is over, for the end of a run that is over for the same reason. */
#define LINGER_MS 2500
#define CALLS_MAX 256	     /* of one answer, as it has them */
#define ASK_DATABASE_MS 2000 /* without news from the journal for this long */

struct follower {
	struct work job; /* asking the database; first member */
	struct follower *next, **prev;
	struct process *process;
	const struct kind *kind;
	struct arena *arena;
	struct reader reader;
	const char *task_id, *user_id;
	struct guard guard;
	uint64_t position; /* bytes of the answer the reader has */
	bool seen_start, seen_end;
	bool busy;	    /* a worker or Redis has it */
	bool gone;	    /* the reader left while it was busy */
	bool from_database; /* the journal has a gap at our position: only the end helps */
	bool listed;
	int64_t news_ms;
	int64_t leave_ms;     /* 0: nobody asks him to */
	struct followed told; /* by the database */

	/* of a kind that keeps nothing: */
	char *end_json;		  /* from the journal, with all of the answer; NULL: none yet */
	bool has_call[CALLS_MAX]; /* was told its name */
};

/* ---- what the database knows, on a worker ------------------------------------- */

static void follow_checked(void *arg);

static void
followed_free(struct followed *told)
{
	free(told->start_json);
	free(told->end_json);
	free(told->text);
	*told = (struct followed){ .start_json = NULL };
}

/* What dialects say of an answer beside its text. */
static void
name_answer(struct follower *f)
{
	struct encoder *e = &f->reader.encoder;
	json_t *start = json_loads(f->told.start_json, 0, NULL);
	const char *model = json_string_value(json_object_get(start, "model"));

	if (e->id == NULL) {
		e->id = f->task_id;
		e->model = arena_strdup(f->arena, model == NULL ? "" : model);
		e->created_s = clock_wall_s();
	}
	json_decref(start);
}

/* What is kept in a journal alone ends as that says, once it does; a whole answer at once. */
static void
ask_journal(struct follower *f, struct context *cx)
{
	const char *whole = f->reader.wants.whole ? journal_whole(cx, f->task_id) : NULL;

	free(f->told.end_json);
	f->told.end_json = whole == NULL ? NULL : xstrdup(whole);
}

/* `cx` NULL: the journal has been asked for long enough. */
static void
take_told(struct follower *f, const struct rows *rows, struct context *cx)
{
	followed_free(&f->told);
	f->kind->follow(rows, f->task_id, f->reader.lang, &f->told);
	if (cx != NULL && f->told.end_json != NULL && !f->kind->keeps)
		ask_journal(f, cx);
	name_answer(f);
	reader_keep_start(&f->reader, f->told.start_json);
	if (f->told.end_json != NULL)
		reader_make_whole(&f->reader, f->told.end_json);
}

static void
follow_check_job(struct work *job, struct worker *w)
{
	struct follower *f = (struct follower *)(void *)job;
	AUTO_ROWS struct rows *rows = NULL;

	if (pg_query_again(w->pg, &rows, f->kind->follow_sql, PS(f->task_id), PS(f->user_id)) == OK &&
	    rows_count(rows) == 1)
		take_told(f, rows, NULL);
	reactor_post(f->process->reactor, follow_checked, f);
}

/* ---- on the reactor --------------------------------------------------------------- */

static void
follower_free(struct follower *f)
{
	if (f->listed) {
		*f->prev = f->next;
		if (f->next != NULL)
			f->next->prev = f->prev;
		guard_off(&f->guard);
		atomic_fetch_sub(&f->process->streams, 1);
	}
	reader_abandon(&f->reader);
	reader_free(&f->reader);
	followed_free(&f->told);
	free(f->end_json);
	arena_free(f->arena);
	free(f);
}

/* Give the reader what he lacks of a piece that begins at `start`; false when something
 * before it is missing. */
static bool
catch_up(struct follower *f, uint64_t start, struct piece p)
{
	uint64_t skip = f->position > start ? f->position - start : 0, end = start + p.len, seen = f->reader.seen;
	struct piece before = p;

	if (start > f->position)
		return false;
	if (skip >= p.len)
		return true;
	f->position = end;
	f->news_ms = clock_mono_ms();
	if (seen > start + skip && seen < end && p.kind != PIECE_SIGNATURE) { /* half of it was sent before */
		before.text += skip;
		before.len = seen - start - skip;
		before.position = seen;
		reader_piece(&f->reader, &before);
		p.id = p.name = NULL;
		skip = seen - start;
	}
	p.text += skip;
	p.len -= skip;
	p.position = end;
	reader_piece(&f->reader, &p);
	return true;
}

/* The task has ended and the database told all: rest of the answer, end. */
static void
end_from_database(struct follower *f)
{
	const char *text = f->told.text == NULL ? "" : f->told.text;
	size_t len = strlen(text), reasoning = f->told.reasoning_len;

	if (!f->seen_end && f->position <= len) {
		catch_up(f, 0, (struct piece){ .kind = PIECE_REASONING, .text = text, .len = reasoning });
		catch_up(f, reasoning,
		    (struct piece){ .kind = PIECE_TEXT, .text = text + reasoning, .len = len - reasoning });
	}
	reader_end(&f->reader, f->position, f->told.end_json);
	follower_free(f);
}

static void
tell_text(struct follower *f, enum piece_kind kind, const json_t *text)
{
	catch_up(f, f->position,
	    (struct piece){ .kind = kind, .text = json_string_value(text), .len = json_string_length(text) });
}

static void
tell_call(struct follower *f, const json_t *call, size_t number)
{
	const json_t *arguments = json_object_get(call, "arguments");
	const char *id = json_string_value(json_object_get(call, "id"));
	const char *name = json_string_value(json_object_get(call, "name"));

	catch_up(f, f->position,
	    (struct piece){ .kind = PIECE_CALL,
		.text = json_string_value(arguments),
		.len = json_string_length(arguments),
		.call = number,
		.id = id == NULL ? "" : id,
		.name = name == NULL ? "" : name });
	tell_text(f, PIECE_SIGNATURE, json_object_get(call, "signature"));
}

/* An answer that was not streamed, or not all of it: by its end, which says it whole. */
static void
tell_whole(struct follower *f, const char *end_json)
{
	json_t *end = json_loads(end_json, JSON_ALLOW_NUL, NULL);
	const json_t *data = json_object_get(end, "data"), *call;
	size_t i;

	tell_text(f, PIECE_REASONING, json_object_get(data, "reasoning"));
	tell_text(f, PIECE_SIGNATURE, json_object_get(data, "signature"));
	tell_text(f, PIECE_TEXT, json_object_get(data, "content"));
	json_array_foreach(json_object_get(data, "calls"), i, call)
		tell_call(f, call, i);
	json_decref(end);
	reader_end(&f->reader, f->position, end_json);
	follower_free(f);
}

static void follow_whole_made(void *arg);

/* A worker: it costs what the answer is long. */
static void
follow_whole_job(struct work *job, struct worker *w)
{
	struct follower *f = (struct follower *)(void *)job;

	(void)w;
	reader_make_whole(&f->reader, f->end_json);
	reactor_post(f->process->reactor, follow_whole_made, f);
}

static void
follow_whole_made(void *arg)
{
	struct follower *f = arg;

	f->busy = false;
	if (!f->gone)
		reader_end(&f->reader, f->position, f->end_json);
	follower_free(f);
}

/* The journal says all of it in its end: for who wants it so, or lacks the beginning. */
static void
end_whole(struct follower *f, const struct journal_entry *e)
{
	f->end_json = strndup(e->text, e->len);
	if (!f->reader.wants.whole) {
		tell_whole(f, f->end_json);
		return;
	}
	f->busy = true;
	f->job.run = follow_whole_job;
	queue_push_always(f->process->work, &f->job);
}

static void
follow_checked(void *arg)
{
	struct follower *f = arg;

	f->busy = false;
	f->news_ms = clock_mono_ms();
	if (f->gone)
		follower_free(f);
	else if (f->told.end_json != NULL)
		end_from_database(f);
}

static void
ask_database(struct follower *f)
{
	f->busy = true;
	queue_push_always(f->process->work, &f->job);
}

static bool
take_call(struct follower *f, const struct journal_entry *e)
{
	struct piece p = { .kind = PIECE_CALL, .text = e->text, .len = e->len, .call = e->call };

	if (e->call >= CALLS_MAX)
		return false;
	if (!f->has_call[e->call]) {
		p.id = e->id;
		p.name = e->name;
	}
	f->has_call[e->call] = true;
	return catch_up(f, e->start, p);
}

/* False: something before it is missing, or it cannot be told. */
static bool
take_piece(struct follower *f, const struct journal_entry *e)
{
	struct piece p = { .kind = PIECE_TEXT, .text = e->text, .len = e->len };

	switch (e->kind) {
	case 't': break;
	case 'r': p.kind = PIECE_REASONING; break;
	case 's':
		p.kind = PIECE_SIGNATURE;
		if (!f->kind->keeps)
			break;
		if (e->start == f->position) /* nothing to show, there */
			f->position = e->end;
		return e->start <= f->position;
	case 'c': return !f->kind->keeps && take_call(f, e);
	default: return false;
	}
	return catch_up(f, e->start, p);
}

/* False when nothing can follow; *end is the terminal event then, if it was one. */
static bool
take_entry(struct follower *f, const struct journal_entry *e, const struct journal_entry **end)
{
	bool is_whole = e->kind == 'e' && !f->kind->keeps && journal_is_whole(e->text, e->len) &&
	    (f->reader.wants.whole || f->position == 0);

	if (e->kind == 'e' && (e->start == f->position || is_whole)) {
		*end = e;
		return false;
	}
	/* the end, but not all before it; or a gap */
	f->from_database = !take_piece(f, e);
	return !f->from_database;
}

static void
end_from_journal(struct follower *f, const struct journal_entry *e)
{
	bool is_whole = !f->kind->keeps && journal_is_whole(e->text, e->len);
	char *end_json;

	if (is_whole && (f->reader.wants.whole || e->start != f->position)) {
		end_whole(f, e);
		return;
	}
	if (f->reader.wants.whole) { /* a worker makes it, of what the database has by now */
		ask_database(f);
		return;
	}
	end_json = strndup(e->text, e->len);
	reader_end(&f->reader, f->position, end_json);
	free(end_json);
	follower_free(f);
}

static void
on_journal(void *arg, const struct redis_reply *reply)
{
	struct follower *f = arg;
	const struct journal_entry *end = NULL;
	struct journal_entry e;

	f->busy = false;
	if (f->gone) {
		follower_free(f);
		return;
	}
	for (size_t i = 0; journal_next(reply, i, &e); i++)
		if (!take_entry(f, &e, &end))
			break;
	if (end != NULL)
		end_from_journal(f, end);
	else
		reader_flush(&f->reader);
}

static void
send_away(struct follower *f)
{
	reader_cut(&f->reader, E_UNAUTHENTICATED);
	follower_free(f);
}

void
followers_tick(void *arg)
{
	struct process *p = arg;
	int64_t now_ms = clock_mono_ms();

	for (struct follower *f = p->engine->followers, *next; f != NULL; f = next) {
		next = f->next;
		if (f->busy)
			continue;
		if (f->leave_ms > 0 && now_ms >= f->leave_ms)
			send_away(f);
		else if (now_ms - f->news_ms >= ASK_DATABASE_MS)
			ask_database(f);
		else if (!f->from_database)
			f->busy = journal_ask(p, f->task_id, f->position, on_journal, f);
	}
	if (p->engine->followers != NULL)
		reactor_timer_start(p->engine->follow_timer, TICK_MS);
}

static void
on_reader_gone(void *arg)
{
	struct follower *f = arg;

	f->gone = true;
	if (!f->busy)
		follower_free(f);
}

/* His session was revoked, or the user disabled. */
static void
on_session_over(void *arg)
{
	struct follower *f = arg;

	f->leave_ms = clock_mono_ms() + LINGER_MS;
}

static void
on_reader_drained(void *arg)
{
	(void)arg; /* the next tick goes on; what is read at once is bounded */
}

void
followers_stop_all(struct process *p)
{
	for (struct follower *f = p->engine->followers, *next; f != NULL; f = next) {
		next = f->next;
		f->gone = true;
		if (!f->busy)
			follower_free(f);
	}
}

static void
carry(void *arg, struct fcgi_conn *conn)
{
	struct follower *f = arg;
	struct process *p = f->process;
	struct engine *e = p->engine;

	f->next = e->followers;
	if (f->next != NULL)
		f->next->prev = &f->next;
	else
		reactor_timer_start(e->follow_timer, TICK_MS);
	f->prev = &e->followers;
	e->followers = f;
	f->listed = true;
	f->news_ms = clock_mono_ms();
	guard_set(p, &f->guard, on_session_over, f);
	atomic_fetch_add(&p->streams, 1);
	score_add(p->score, SCORE_STREAMS_RESUMED, 1);
	reader_open(&f->reader, p, conn, on_reader_gone, on_reader_drained, f);
	if (!f->seen_start)
		reader_start(&f->reader, f->told.start_json);
	if (f->told.end_json != NULL)
		end_from_database(f);
	else
		reader_flush(&f->reader);
}

/* ---- beginning, on a worker ---------------------------------------------------------- */

/* "1234" is a position, "1234-1" says that the end was seen too. */
static bool
parse_position(struct follower *f, const char *text)
{
	char *end;

	if (text == NULL)
		return true;
	if (*text < '0' || *text > '9' || strlen(text) > 20)
		return false;
	f->seen_start = true;
	f->position = strtoull(text, &end, 10);
	f->seen_end = strcmp(end, "-1") == 0;
	return *end == '\0' || f->seen_end;
}

enum status
follow_begin(struct request *rq, const struct kind *kind, const char *task_id, const struct reader_wants *wants)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *position = request_header(rq, "Last-Event-ID");
	struct follower *f;
	enum status st;

	if (task_id == NULL)
		return fail(&rq->cx, E_NOT_FOUND, "no such task");
	if (atomic_load(&rq->cx.process->streams) >= (size_t)rq->cx.conf->server_max_streams)
		return fail(&rq->cx, E_OVERLOADED, "streams");
	st = pg_query_again(rq->cx.pg, &rows, kind->follow_sql, PS(task_id), PS(rq->cx.caller.user_id));
	if (st != OK)
		return fail(&rq->cx, st, "follow: %s", pg_error(rq->cx.pg));
	if (rows_count(rows) == 0)
		return fail(&rq->cx, E_NOT_FOUND, "no such task");
	f = xcalloc(1, sizeof(*f));
	f->job.run = follow_check_job;
	f->process = rq->cx.process;
	f->kind = kind;
	f->arena = arena_new(1024, 262144);
	f->task_id = arena_strdup(f->arena, task_id);
	f->user_id = arena_strdup(f->arena, rq->cx.caller.user_id);
	guard_init(&f->guard, &rq->cx.caller);
	reader_prepare(&f->reader, f->arena, rq, wants);
	if (!parse_position(f, position != NULL ? position : query_text(rq, "last_event_id"))) {
		follower_free(f);
		return fail_field(&rq->cx, "Last-Event-ID", "is not a position of this stream");
	}
	if (!kind->keeps) {
		f->reader.seen = f->seen_start ? f->position : wants->seen_bytes;
		f->reader.has_seen_start = f->seen_start;
		f->position = 0;
		f->seen_start = false;
	}
	take_told(f, rows, &rq->cx);
	rq->carry = carry;
	rq->carry_arg = f;
	return OK;
}
