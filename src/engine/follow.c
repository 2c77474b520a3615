#include "engine/follow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/queue.h"
#include "core/work.h"
#include "chat/messages.h"
#include "score/board.h"
#include "chat/wire.h"
#include "engine/turn_private.h"
#include "io/pg.h"
#include "io/reactor.h"
#include "io/redis.h"

#define ENTRIES_PER_READ "200"
#define ASK_DATABASE_MS 2000 /* without news from the journal for this long */

struct follower {
	struct job job; /* asking the database; first member */
	struct follower *next, **prev;
	struct process *process;
	struct arena *arena;
	struct reader reader;
	const char *task_id, *user_id, *start_json;
	uint64_t position; /* bytes of the answer the reader has */
	bool seen_start, seen_end;
	bool busy;	    /* a worker or Redis has it */
	bool gone;	    /* the reader left while it was busy */
	bool from_database; /* the journal has a gap at our position: only the end helps */
	bool listed;
	int64_t news_ms;
	/* filled when the task has ended */
	bool ended;
	char *text, *end_json; /* reasoning and content; terminal event */
	size_t reasoning_len;
};

/* ---- what the database knows, on a worker ------------------------------------- */

static const char task_sql[] =
    "SELECT t.status, t.error_code, t.credits_used, t.conversation_id, u.credits AS balance, c.title,"
    " coalesce(l.name, m.model) AS model, m.id AS message_id, m.task_id = t.id AS same, m.content, m.reasoning,"
    " CASE WHEN q.id IS NOT NULL THEN message_json(q) END AS user_message,"
    " CASE WHEN m.id IS NOT NULL THEN message_json(m) END AS message, coalesce(us.request_tokens, 0) AS input_tokens,"
    " coalesce(us.response_tokens, 0) AS output_tokens, coalesce(us.estimated, false) AS estimated"
    " FROM tasks t JOIN users u ON u.id = t.user_id LEFT JOIN llm_models l ON l.id = t.model_id"
    " LEFT JOIN conversations c ON c.id = t.conversation_id"
    " LEFT JOIN conversation_messages m ON m.id = t.message_id"
    " LEFT JOIN conversation_messages q ON q.id = t.user_message_id"
    " LEFT JOIN usage us ON us.task_id = t.id"
    " WHERE t.id = $1 AND t.user_id = $2 AND t.type = 'chat'";

/* Note the end and the whole answer, if the task has ended. */
static void
note_end(struct follower *f, const struct rows *rows)
{
	const char *status = row_text(rows, 0, "status"), *code = row_text(rows, 0, "error_code");
	const char *content = row_text(rows, 0, "content"), *reasoning = row_text(rows, 0, "reasoning");
	json_t *message = row_json(rows, 0, "message");
	struct buf whole = BUF_INIT(0);

	f->ended = strcmp(status, "pending") != 0 && strcmp(status, "running") != 0;
	if (!f->ended) {
		json_decref(message);
		return;
	}
	if (row_bool(rows, 0, "same")) { /* a restored message holds another turn's text */
		buf_puts(&whole, reasoning == NULL ? "" : reasoning);
		f->reasoning_len = whole.len;
		buf_puts(&whole, content == NULL ? "" : content);
	}
	f->text = whole.data;
	f->end_json = turn_end_json(&(struct turn_end){ .task_id = f->task_id,
	    .outcome = turn_outcome_parse(status),
	    .why = code == NULL ? E_INTERRUPTED : status_from_code(code),
	    .lang = f->reader.lang,
	    .message = message,
	    .charged_ucr = row_ucr(rows, 0, "credits_used"),
	    .balance_ucr = row_ucr(rows, 0, "balance"),
	    .input_tokens = row_int(rows, 0, "input_tokens"),
	    .output_tokens = row_int(rows, 0, "output_tokens"),
	    .estimated = row_bool(rows, 0, "estimated") });
}

static void
note_start(struct follower *f, const struct rows *rows)
{
	json_t *user = row_json(rows, 0, "user_message"), *data;
	char *text;

	message_localize(user, f->reader.lang);
	data = json_pack("{s:s?, s:s, s:s?, s:s?, s:o, s:s?}", "model", row_text(rows, 0, "model"), "task_id",
	    f->task_id, "conversation_id", row_text(rows, 0, "conversation_id"), "title", row_text(rows, 0, "title"),
	    "user_message", user, "assistant_message_id", row_text(rows, 0, "message_id"));
	text = json_dumps(data, JSON_WIRE);
	f->start_json = arena_strdup(f->arena, text);
	free(text);
	json_decref(data);
}

static void follow_checked(void *arg);

static void
follow_check_job(struct job *job, struct worker *w)
{
	struct follower *f = (struct follower *)(void *)job;
	AUTO_ROWS struct rows *rows = NULL;

	if (pg_query_again(w->pg, &rows, task_sql, PS(f->task_id), PS(f->user_id)) == OK && rows_count(rows) == 1)
		note_end(f, rows);
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
		atomic_fetch_sub(&f->process->streams, 1);
	}
	reader_abandon(&f->reader);
	free(f->text);
	free(f->end_json);
	arena_free(f->arena);
	free(f);
}

/* Give the reader what he lacks of `len` bytes that begin at `start`; false
 * when something before them is missing. */
static bool
catch_up(struct follower *f, bool reasoning, uint64_t start, const char *text, size_t len)
{
	uint64_t skip = f->position > start ? f->position - start : 0;

	if (start > f->position)
		return false;
	if (skip >= len)
		return true;
	f->position = start + len;
	f->news_ms = clock_mono_ms();
	reader_delta(&f->reader, reasoning, f->position, text + skip, len - skip);
	return true;
}

/* The task has ended and the database told all: rest of the answer, end. */
static void
end_from_database(struct follower *f)
{
	size_t len = f->text == NULL ? 0 : strlen(f->text);

	if (!f->seen_end && f->position <= len) {
		catch_up(f, true, 0, f->text == NULL ? "" : f->text, f->reasoning_len);
		catch_up(f, false, f->reasoning_len, f->text == NULL ? "" : f->text + f->reasoning_len,
		    len - f->reasoning_len);
	}
	reader_end(&f->reader, f->position, f->end_json);
	follower_free(f);
}

static void
follow_checked(void *arg)
{
	struct follower *f = arg;

	f->busy = false;
	f->news_ms = clock_mono_ms();
	if (f->gone)
		follower_free(f);
	else if (f->ended)
		end_from_database(f);
}

static void
ask_database(struct follower *f)
{
	f->busy = true;
	queue_push_always(f->process->work, &f->job);
}

/* One journal entry: [id, [k, v, k, v, …]].  False when nothing can follow. */
static bool
take_entry(struct follower *f, const struct redis_reply *entry)
{
	const struct redis_reply *fields = redis_reply_at(entry, 1);
	const char *kind = "", *start = "0", *text = "";
	size_t len = 0;

	for (size_t i = 0; i + 1 < redis_reply_length(fields); i += 2) {
		const char *name = redis_reply_text(redis_reply_at(fields, i), NULL);
		size_t value_len = 0;
		const char *value = redis_reply_text(redis_reply_at(fields, i + 1), &value_len);

		if (name == NULL || value == NULL)
			continue;
		if (*name == 'k')
			kind = value;
		else if (*name == 'o')
			start = value;
		else if (*name == 't')
			text = value, len = value_len;
	}
	if (*kind != 'e') {
		f->from_database = !catch_up(f, *kind == 'r', strtoull(start, NULL, 10), text, len);
		return !f->from_database;
	}
	if (strtoull(start, NULL, 10) != f->position) { /* the end, but not all before it */
		f->from_database = true;
		return false;
	}
	f->end_json = strndup(text, len);
	return false;
}

static void
on_journal(void *arg, const struct redis_reply *reply)
{
	struct follower *f = arg;
	const struct redis_reply *entries;

	f->busy = false;
	if (f->gone) {
		follower_free(f);
		return;
	}
	/* [[key, [entry, …]]], or nil when there is nothing new */
	entries = reply == NULL ? NULL : redis_reply_at(redis_reply_at(reply, 0), 1);
	for (size_t i = 0; i < redis_reply_length(entries); i++)
		if (!take_entry(f, redis_reply_at(entries, i)))
			break;
	if (f->end_json != NULL) {
		reader_end(&f->reader, f->position, f->end_json);
		follower_free(f);
	} else {
		reader_flush(&f->reader);
	}
}

static void
read_journal(struct follower *f)
{
	char key[JOURNAL_KEY_LEN], id[32];
	const char *argv[] = { "XREAD", "COUNT", ENTRIES_PER_READ, "STREAMS",
		journal_key(f->process->conf, f->task_id, key), id };

	snprintf(id, sizeof(id), "%" PRIu64 "-0", f->position);
	f->busy = redis_async_command(f->process->redis, on_journal, f, 6, argv, NULL);
}

void
followers_tick(void *arg)
{
	struct process *p = arg;
	int64_t now_ms = clock_mono_ms();

	for (struct follower *f = p->followers, *next; f != NULL; f = next) {
		next = f->next;
		if (f->busy)
			continue;
		if (now_ms - f->news_ms >= ASK_DATABASE_MS)
			ask_database(f);
		else if (!f->from_database)
			read_journal(f);
	}
}

static void
on_reader_gone(void *arg)
{
	struct follower *f = arg;

	f->gone = true;
	if (!f->busy)
		follower_free(f);
}

static void
on_reader_drained(void *arg)
{
	(void)arg; /* the next tick goes on; what is read at once is bounded by ENTRIES_PER_READ */
}

void
followers_stop_all(struct process *p)
{
	for (struct follower *f = p->followers, *next; f != NULL; f = next) {
		next = f->next;
		f->gone = true;
		if (!f->busy)
			follower_free(f);
	}
}

static void
follow_carry(void *arg, struct fcgi_conn *conn)
{
	struct follower *f = arg;
	struct process *p = f->process;

	f->next = p->followers;
	if (f->next != NULL)
		f->next->prev = &f->next;
	f->prev = &p->followers;
	p->followers = f;
	f->listed = true;
	f->news_ms = clock_mono_ms();
	atomic_fetch_add(&p->streams, 1);
	score_add(p->score, SCORE_STREAMS_RESUMED, 1);
	reader_open(&f->reader, p, conn, on_reader_gone, on_reader_drained, f);
	if (!f->seen_start)
		reader_start(&f->reader, f->start_json);
	if (f->ended)
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
follow_begin(struct request *rq, const char *task_id, enum reader_wire wire)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *position = request_header(rq, "Last-Event-ID");
	struct follower *f;
	enum status st;

	if (task_id == NULL)
		return fail(&rq->cx, E_NOT_FOUND, "no such task");
	if (atomic_load(&rq->cx.process->streams) >= (size_t)rq->cx.conf->server_max_streams)
		return fail(&rq->cx, E_OVERLOADED, "streams");
	st = pg_query_again(rq->cx.pg, &rows, task_sql, PS(task_id), PS(rq->cx.caller.user_id));
	if (st != OK)
		return fail(&rq->cx, st, "follow: %s", pg_error(rq->cx.pg));
	if (rows_count(rows) == 0)
		return fail(&rq->cx, E_NOT_FOUND, "no such task");
	f = xcalloc(1, sizeof(*f));
	f->job.run = follow_check_job;
	f->process = rq->cx.process;
	f->arena = arena_new(1024, 262144);
	f->task_id = arena_strdup(f->arena, task_id);
	f->user_id = arena_strdup(f->arena, rq->cx.caller.user_id);
	reader_prepare(&f->reader, f->arena, rq, wire);
	if (!parse_position(f, position != NULL ? position : query_text(rq, "last_event_id"))) {
		follower_free(f);
		return fail_field(&rq->cx, "Last-Event-ID", "is not a position of this stream");
	}
	note_start(f, rows);
	note_end(f, rows);
	rq->carry = follow_carry;
	rq->carry_arg = f;
	return OK;
}
