#include "io/pg.h"

#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#define STATEMENTS_MAX 2048 /* the table of prepared statements grows up to it; tests/check/bounds.py counts ours */
#define STATEMENTS_FIRST 64
#define ARGS_MAX 40
#define RECONNECT_PAUSE_MS 250 /* no two connection attempts closer than this */
#define AGAIN_MAX 3
#define AGAIN_WINDOW_MS 5000 /* how long pg_query_again() waits for the server to come back */
#define PATIENCE_MS 5000     /* beyond statement_timeout before the server counts as dead */

static _Atomic uint64_t reconnects;

struct pg {
	PGconn *conn; /* NULL: not connected */
	bool was_connected;
	const struct conf *conf;
	char *url, *name;
	const char **prepared; /* addresses of statement texts, at most half full; NULL: none yet */
	size_t prepared_size, n_prepared;
	int depth;	  /* nested pg_begin() calls */
	bool doomed;	  /* an inner rollback: the outer commit must fail */
	int64_t tried_ms; /* last connection attempt */
	atomic_bool hurried;
	uint64_t spent_us;
	const char *channel; /* to listen to; NULL: none */
	char sqlstate[6], error[256], constraint[64];
};

struct rows {
	PGresult *res;
};

struct pg *
pg_new(const struct conf *conf, const char *url, const char *name)
{
	struct pg *pg = xcalloc(1, sizeof(*pg));

	pg->url = xstrdup(url);
	pg->name = xstrdup(name);
	pg->conf = conf;
	pg->tried_ms = -RECONNECT_PAUSE_MS;
	return pg;
}

void
pg_hurry(struct pg *pg)
{
	atomic_store(&pg->hurried, true);
}

static void
disconnect(struct pg *pg)
{
	PQfinish(pg->conn);
	pg->conn = NULL;
	free(pg->prepared);
	pg->prepared = NULL;
	pg->prepared_size = pg->n_prepared = 0;
}

void
pg_free(struct pg *pg)
{
	if (pg == NULL)
		return;
	disconnect(pg);
	free(pg->url);
	free(pg->name);
	free(pg);
}

/* Remember the failure, without the newline libpq ends its messages with. */
static void
set_error(struct pg *pg, const char *sqlstate, const char *text, const char *constraint)
{
	snprintf(pg->sqlstate, sizeof(pg->sqlstate), "%s", sqlstate == NULL ? "" : sqlstate);
	snprintf(pg->error, sizeof(pg->error), "%s", text == NULL ? "" : text);
	pg->error[strcspn(pg->error, "\n")] = '\0';
	snprintf(pg->constraint, sizeof(pg->constraint), "%s", constraint == NULL ? "" : constraint);
}

static void
ignore_notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static PGresult *await_result(struct pg *pg);
static enum status failure(struct pg *pg, const PGresult *res);

/* Not as start-up options: a pooler in between refuses those it does not know. */
static bool
set_session(struct pg *pg)
{
	char sql[200];
	PGresult *res = NULL;
	bool ok;

	snprintf(sql, sizeof(sql), "SET statement_timeout = %" PRId64 "; SET timezone = 'UTC'%s%s%s",
	    pg->conf->database_statement_timeout, *pg->conf->bridge_url == '\0' ? "" : "; SET weir.bridge = 'on'",
	    pg->channel == NULL ? "" : "; LISTEN ", pg->channel == NULL ? "" : pg->channel);
	ok = PQsendQuery(pg->conn, sql) && (res = await_result(pg)) != NULL && PQresultStatus(res) == PGRES_COMMAND_OK;
	PQclear(res);
	return ok;
}

static enum status
connect_now(struct pg *pg)
{
	char timeout[24];
	const char *keys[] = { "dbname", "application_name", "connect_timeout", "client_encoding", NULL };
	const char *values[] = { pg->url, pg->name, timeout, "UTF8", NULL };

	if (clock_mono_ms() - pg->tried_ms < RECONNECT_PAUSE_MS) {
		set_error(pg, "08001", "not connected; next try in a moment", NULL);
		return E_UNAVAILABLE;
	}
	pg->tried_ms = clock_mono_ms();
	snprintf(timeout, sizeof(timeout), "%" PRId64, (pg->conf->database_connect_timeout + 999) / 1000);
	pg->conn = PQconnectdbParams(keys, values, 1);
	if (PQstatus(pg->conn) != CONNECTION_OK) {
		set_error(pg, "08001", PQerrorMessage(pg->conn), NULL);
		LOG(ERROR, "pg_connect_failed", LS("error", pg->error));
		disconnect(pg);
		return E_UNAVAILABLE;
	}
	PQsetNoticeProcessor(pg->conn, ignore_notice, NULL);
	if (!set_session(pg))
		return failure(pg, NULL);
	if (pg->was_connected)
		atomic_fetch_add(&reconnects, 1);
	pg->was_connected = true;
	pg->tried_ms = -RECONNECT_PAUSE_MS; /* a good connection may be remade at once */
	return OK;
}

static enum status
ensure_connected(struct pg *pg)
{
	if (pg->conn != NULL && PQstatus(pg->conn) == CONNECTION_OK)
		return OK;
	if (pg->depth > 0) { /* the transaction died with its connection */
		set_error(pg, "08006", "connection lost inside a transaction", NULL);
		return E_UNAVAILABLE;
	}
	disconnect(pg);
	return connect_now(pg);
}

void
pg_listen(struct pg *pg, const char *channel)
{
	pg->channel = channel;
}

/* Take what was notified; how much. */
static int
take_notes(struct pg *pg)
{
	PGnotify *note;
	int n = 0;

	for (; (note = PQnotifies(pg->conn)) != NULL; n++)
		PQfreemem(note);
	return n;
}

void
pg_wait(struct pg *pg, int wake_fd, int64_t timeout_ms)
{
	struct pollfd p[] = { { .fd = wake_fd, .events = POLLIN }, { .fd = -1, .events = POLLIN } };
	int64_t deadline_ms = clock_mono_ms() + timeout_ms, left;

	if (pg->conn != NULL)
		p[1].fd = PQsocket(pg->conn);
	if (pg->conn != NULL && take_notes(pg) > 0) /* they came with an answer */
		return;
	while ((left = deadline_ms - clock_mono_ms()) > 0) {
		if (poll(p, 2, (int)left) < 0 && errno != EINTR)
			return;
		if (p[0].revents != 0)
			return;
		if (p[1].revents == 0)
			continue;
		if (!PQconsumeInput(pg->conn) || take_notes(pg) > 0)
			return;
	}
}

/* Wait until the connection is readable (or writable too), at most until `deadline_ms`. */
static bool
wait_io(struct pg *pg, bool write_too, int64_t deadline_ms)
{
	struct pollfd p = { .fd = PQsocket(pg->conn), .events = (short)(POLLIN | (write_too ? POLLOUT : 0)) };
	int64_t left = deadline_ms - clock_mono_ms();
	int n;

	if (left <= 0)
		return false;
	n = poll(&p, 1, (int)left);
	return n > 0 || (n < 0 && errno == EINTR);
}

/* Collect the last result of what was sent; NULL when the connection is lost
 * or the server silent for longer than any statement may take. */
static PGresult *
await_result(struct pg *pg)
{
	int64_t deadline_ms = clock_mono_ms() + pg->conf->database_statement_timeout + PATIENCE_MS;
	PGresult *last = NULL, *res;
	int flushed;

	while ((flushed = PQflush(pg->conn)) == 1)
		if (!wait_io(pg, true, deadline_ms) || !PQconsumeInput(pg->conn))
			return NULL;
	if (flushed < 0)
		return NULL;
	for (;;) {
		while (PQisBusy(pg->conn))
			if (!wait_io(pg, false, deadline_ms) || !PQconsumeInput(pg->conn)) {
				PQclear(last);
				return NULL;
			}
		if ((res = PQgetResult(pg->conn)) == NULL)
			return last;
		PQclear(last);
		last = res;
	}
}

static size_t
slot_of(const struct pg *pg, const char *sql)
{
	size_t i = ((uintptr_t)sql >> 3) % pg->prepared_size;

	while (pg->prepared[i] != NULL && pg->prepared[i] != sql)
		i = (i + 1) % pg->prepared_size;
	return i;
}

/* The failure in `res` (NULL: connection lost) as a status. */
static enum status
failure(struct pg *pg, const PGresult *res)
{
	/* Classes 40 rolled back, 53 resources (disk full), 55 not available, 57
	 * operator intervention (time-out, shutdown); and 08 connection, below. */
	static const char *const passing[] = { "25", "40", "53", "55", "57" };
	const char *state = res == NULL ? NULL : PQresultErrorField(res, PG_DIAG_SQLSTATE);

	set_error(pg, state != NULL ? state : "08006",
	    state != NULL ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : PQerrorMessage(pg->conn),
	    res == NULL ? NULL : PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME));
	if (res == NULL || PQstatus(pg->conn) != CONNECTION_OK) {
		LOG(ERROR, "pg_connection_lost", LS("sqlstate", pg->sqlstate), LS("error", pg->error));
		disconnect(pg);
		return E_UNAVAILABLE;
	}
	if (strcmp(pg->sqlstate, "23505") == 0 || strcmp(pg->sqlstate, "23P01") == 0)
		return E_CONFLICT;
	if (strcmp(pg->sqlstate, "23503") == 0)
		return E_NOT_FOUND;
	if (strncmp(pg->sqlstate, "22", 2) == 0 || strcmp(pg->sqlstate, "23514") == 0)
		return E_INVALID_REQUEST;
	LOG(ERROR, "pg_statement_failed", LS("sqlstate", pg->sqlstate), LS("error", pg->error));
	if (strspn(pg->sqlstate, "0") > 0 && pg->sqlstate[1] == '8')
		return E_UNAVAILABLE;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (strncmp(pg->sqlstate, passing[i], 2) == 0)
			return E_UNAVAILABLE;
	return E_INTERNAL;
}

/* Room for one more.  Most connections see few of the statements there are. */
static void
grow_prepared(struct pg *pg)
{
	const char **old = pg->prepared;
	size_t size = pg->prepared_size;

	if (pg->n_prepared < size / 2)
		return;
	pg->prepared_size = size == 0 ? STATEMENTS_FIRST : size * 2;
	pg->prepared = xcalloc(pg->prepared_size, sizeof(*pg->prepared));
	for (size_t i = 0; i < size; i++)
		if (old[i] != NULL)
			pg->prepared[slot_of(pg, old[i])] = old[i];
	free(old);
}

static enum status
prepare(struct pg *pg, const char *sql, char name[24])
{
	size_t slot;
	PGresult *res;
	enum status st = OK;

	if (pg->n_prepared >= STATEMENTS_MAX / 2) /* more literals than we ever had: start over */
		disconnect(pg);
	if ((st = ensure_connected(pg)) != OK)
		return st;
	grow_prepared(pg);
	slot = slot_of(pg, sql);
	snprintf(name, 24, "w%" PRIxPTR, (uintptr_t)sql);
	if (pg->prepared[slot] == sql)
		return OK;
	if (!PQsendPrepare(pg->conn, name, sql, 0, NULL) || (res = await_result(pg)) == NULL)
		return failure(pg, NULL);
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		st = failure(pg, res);
	else {
		pg->prepared[slot] = sql;
		pg->n_prepared++;
	}
	PQclear(res);
	return st;
}

struct bound {
	const char *values[ARGS_MAX];
	int lengths[ARGS_MAX], formats[ARGS_MAX];
	char text[ARGS_MAX][UCR_TEXT_LEN];
};

static void
bind_args(struct bound *b, const struct pg_arg *args, size_t nargs)
{
	if (nargs > ARGS_MAX)
		abort();
	for (size_t i = 0; i < nargs; i++) {
		b->values[i] = args[i].kind == PG_TEXT || args[i].kind == PG_BYTES ? args[i].text : b->text[i];
		b->lengths[i] = (int)args[i].len;
		b->formats[i] = args[i].kind == PG_BYTES;
		if (args[i].kind == PG_INT)
			snprintf(b->text[i], sizeof(b->text[i]), "%" PRId64, args[i].num);
		else if (args[i].kind == PG_BOOL)
			snprintf(b->text[i], sizeof(b->text[i]), "%s", args[i].num != 0 ? "t" : "f");
		else if (args[i].kind == PG_UCR)
			ucr_format(args[i].num, b->text[i]);
	}
}

/* One try of one statement. */
static enum status
run_once(struct pg *pg, PGresult **out, const char *sql, const struct bound *b, size_t nargs)
{
	char name[24];
	PGresult *res;
	enum status st;

	if ((st = prepare(pg, sql, name)) != OK)
		return st;
	if (!PQsendQueryPrepared(pg->conn, name, (int)nargs, b->values, b->lengths, b->formats, 0) ||
	    (res = await_result(pg)) == NULL)
		return failure(pg, NULL);
	if (PQresultStatus(res) != PGRES_TUPLES_OK && PQresultStatus(res) != PGRES_COMMAND_OK) {
		st = failure(pg, res);
		PQclear(res);
		return st;
	}
	*out = res;
	return OK;
}

/* Take the results of `n` statements that were sent in a pipeline, and its end.
 * `failed` becomes the status of the first that failed. */
static bool
take_results(struct pg *pg, PGresult **results, size_t n, enum status *failed)
{
	PGresult *end;

	for (size_t i = 0; i < n; i++) {
		if ((results[i] = await_result(pg)) == NULL)
			return false;
		if (*failed == OK && PQresultStatus(results[i]) != PGRES_TUPLES_OK &&
		    PQresultStatus(results[i]) != PGRES_COMMAND_OK) {
			*failed = failure(pg, results[i]);
			if (pg->conn == NULL)
				return true;
		}
	}
	end = await_result(pg);
	if (end != NULL && *failed == OK && PQresultStatus(end) != PGRES_PIPELINE_SYNC)
		*failed = failure(pg, end); /* the commit failed */
	PQclear(end);
	return end != NULL && PQexitPipelineMode(pg->conn);
}

/* One try of several statements in one round trip. */
static enum status
run_all_once(struct pg *pg, PGresult **results, const struct pg_call *calls, const struct bound *bound, size_t n)
{
	char names[PG_CALLS_MAX][24];
	enum status st = OK;
	bool good;

	for (size_t i = 0; i < n; i++)
		if ((st = prepare(pg, calls[i].sql, names[i])) != OK)
			return st;
	good = PQenterPipelineMode(pg->conn);
	for (size_t i = 0; i < n && good; i++)
		good = PQsendQueryPrepared(
		    pg->conn, names[i], (int)calls[i].nargs, bound[i].values, bound[i].lengths, bound[i].formats, 0);
	if (!good || !PQpipelineSync(pg->conn) || !take_results(pg, results, n, &st))
		return pg->conn == NULL ? st : failure(pg, NULL);
	return st;
}

/* True when the same statement may succeed if it is run again: it never ran
 * (stale plan), or it was rolled back or lost and the caller said it may. */
static bool
worth_another_try(struct pg *pg, enum status st, bool again)
{
	bool stale_plan = strcmp(pg->sqlstate, "26000") == 0 || strcmp(pg->sqlstate, "0A000") == 0;

	if (pg->depth > 0)
		return false;
	if (stale_plan) {
		disconnect(pg);
		pg->tried_ms = -RECONNECT_PAUSE_MS;
		return true;
	}
	return again && st == E_UNAVAILABLE && strcmp(pg->sqlstate, "57014") != 0 &&
	    strncmp(pg->sqlstate, "53", 2) != 0;
}

/* After try number `tries`: enough?  If not, give a lost server a moment. */
static bool
give_up(const struct pg *pg, int tries, int64_t start_us)
{
	if (tries >= AGAIN_MAX && clock_mono_us() - start_us > AGAIN_WINDOW_MS * INT64_C(1000))
		return true;
	if (pg->conn == NULL && atomic_load(&pg->hurried))
		return true;
	if (pg->conn == NULL && tries > 0)
		usleep(RECONNECT_PAUSE_MS * 1000);
	return false;
}

static struct rows *
rows_of(PGresult *res)
{
	struct rows *rows = xmalloc(sizeof(*rows));

	rows->res = res;
	return rows;
}

enum status
pg_run(struct pg *pg, struct rows **rows, const char *sql, const struct pg_arg *args, size_t nargs, bool again)
{
	int64_t start_us = clock_mono_us();
	struct bound bound;
	PGresult *res = NULL;
	enum status st;

	bind_args(&bound, args, nargs);
	for (int tries = 0;; tries++) {
		st = run_once(pg, &res, sql, &bound, nargs);
		if (st == OK || !worth_another_try(pg, st, again))
			break;
		if (give_up(pg, tries, start_us))
			break;
	}
	pg->spent_us += (uint64_t)(clock_mono_us() - start_us);
	if (st != OK)
		return st;
	if (rows == NULL) {
		PQclear(res);
		return OK;
	}
	*rows = rows_of(res);
	return OK;
}

enum status
pg_run_all(struct pg *pg, struct pg_call *calls, size_t n, bool again)
{
	int64_t start_us = clock_mono_us();
	struct bound *bound;
	PGresult *results[PG_CALLS_MAX] = { NULL };
	enum status st;

	if (n > PG_CALLS_MAX)
		abort();
	bound = xcalloc(n, sizeof(*bound));
	for (size_t i = 0; i < n; i++)
		bind_args(&bound[i], calls[i].args, calls[i].nargs);
	for (int tries = 0;; tries++) {
		st = run_all_once(pg, results, calls, bound, n);
		for (size_t i = 0; i < n && st != OK; i++) {
			PQclear(results[i]);
			results[i] = NULL;
		}
		if (st == OK || !worth_another_try(pg, st, again) || give_up(pg, tries, start_us))
			break;
	}
	free(bound);
	pg->spent_us += (uint64_t)(clock_mono_us() - start_us);
	for (size_t i = 0; i < n && st == OK; i++)
		calls[i].rows = rows_of(results[i]);
	return st;
}

enum status
pg_script(struct pg *pg, const char *sql)
{
	enum status st = ensure_connected(pg);
	PGresult *res;

	if (st != OK)
		return st;
	res = PQexec(pg->conn, sql);
	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK &&
	    PQresultStatus(res) != PGRES_EMPTY_QUERY)
		st = failure(pg, res);
	PQclear(res);
	return st;
}

enum status
pg_begin(struct pg *pg)
{
	enum status st = OK;

	if (pg->depth == 0) {
		pg->doomed = false;
		st = pg_query_again(pg, NULL, "BEGIN");
	}
	if (st == OK)
		pg->depth++;
	return st;
}

enum status
pg_commit(struct pg *pg)
{
	enum status st;

	if (pg->depth > 1) {
		pg->depth--;
		return OK;
	}
	if (pg->doomed) {
		pg_rollback(pg);
		set_error(pg, "40000", "rolled back inside", NULL);
		return E_CONFLICT;
	}
	st = pg_query(pg, NULL, "COMMIT");
	pg->depth = 0;
	return st;
}

void
pg_rollback(struct pg *pg)
{
	char sqlstate[6], error[256], constraint[64];

	if (pg->depth > 1) {
		pg->depth--;
		pg->doomed = true;
		return;
	}
	/* Keep what failed for the caller: ROLLBACK's own success says nothing. */
	memcpy(sqlstate, pg->sqlstate, sizeof(sqlstate));
	memcpy(error, pg->error, sizeof(error));
	memcpy(constraint, pg->constraint, sizeof(constraint));
	if (pg->conn != NULL && pg->depth > 0 && pg_query(pg, NULL, "ROLLBACK") != OK)
		disconnect(pg);
	pg->depth = 0;
	pg->doomed = false;
	memcpy(pg->sqlstate, sqlstate, sizeof(sqlstate));
	memcpy(pg->error, error, sizeof(error));
	memcpy(pg->constraint, constraint, sizeof(constraint));
}

bool
pg_in_transaction(const struct pg *pg)
{
	return pg->depth > 0;
}

const char *
pg_sqlstate(const struct pg *pg)
{
	return pg->sqlstate;
}

const char *
pg_error(const struct pg *pg)
{
	return pg->error;
}

const char *
pg_constraint(const struct pg *pg)
{
	return pg->constraint;
}

uint64_t
pg_reconnects(void)
{
	return atomic_load(&reconnects);
}

uint64_t
pg_spent_us(const struct pg *pg)
{
	return pg->spent_us;
}

void
pg_lost(struct pg *pg)
{
	set_error(pg, "08006", "the connection that ran this for several was lost", NULL);
}

void
rows_free(struct rows *rows)
{
	if (rows == NULL)
		return;
	PQclear(rows->res);
	free(rows);
}

void
pg_array_add(struct buf *b, const char *word)
{
	buf_printf(b, "%c%s", b->len == 0 ? '{' : ',', word);
}

void
pg_array_end(struct buf *b)
{
	buf_puts(b, b->len == 0 ? "{}" : "}");
}

int
rows_count(const struct rows *rows)
{
	return PQntuples(rows->res);
}

int
rows_find(const struct rows *rows, const char *column, const char *text)
{
	for (int i = 0; i < rows_count(rows); i++)
		if (strcmp(row_text(rows, i, column), text) == 0)
			return i;
	return -1;
}

int64_t
rows_affected(const struct rows *rows)
{
	return strtoll(PQcmdTuples(rows->res), NULL, 10);
}

static int
column_of(const struct rows *rows, const char *column)
{
	int n = PQfnumber(rows->res, column);

	if (n < 0) {
		fprintf(stderr, "weir: no column %s in a result\n", column);
		abort();
	}
	return n;
}

const char *
row_text(const struct rows *rows, int row, const char *column)
{
	int n = column_of(rows, column);

	return PQgetisnull(rows->res, row, n) ? NULL : PQgetvalue(rows->res, row, n);
}

bool
row_null(const struct rows *rows, int row, const char *column)
{
	return row_text(rows, row, column) == NULL;
}

int64_t
row_int(const struct rows *rows, int row, const char *column)
{
	const char *text = row_text(rows, row, column);

	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

bool
row_bool(const struct rows *rows, int row, const char *column)
{
	const char *text = row_text(rows, row, column);

	return text != NULL && *text == 't';
}

int64_t
row_ucr(const struct rows *rows, int row, const char *column)
{
	const char *text = row_text(rows, row, column);
	int64_t ucr = 0;

	if (text != NULL && !ucr_parse(text, &ucr)) {
		fprintf(stderr, "weir: column %s holds no credits: %s\n", column, text);
		abort();
	}
	return ucr;
}

json_t *
row_json(const struct rows *rows, int row, const char *column)
{
	const char *text = row_text(rows, row, column);
	json_t *j = text == NULL ? NULL : json_loads(text, JSON_DECODE_ANY, NULL);

	return j == NULL ? json_null() : j;
}

unsigned char *
row_bytes(const struct rows *rows, int row, const char *column, struct arena *a, size_t *len)
{
	const char *text = row_text(rows, row, column);
	unsigned char *raw, *copy;

	if (text == NULL || (raw = PQunescapeBytea((const unsigned char *)text, len)) == NULL)
		return NULL;
	copy = (unsigned char *)arena_strndup(a, (const char *)raw, *len);
	PQfreemem(raw);
	return copy;
}
