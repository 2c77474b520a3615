/*
 * PostgreSQL through libpq: one connection per worker thread, parameters
 * always bound, result columns always named.
 *
 *	AUTO_ROWS struct rows *rows = NULL;
 *	if ((st = pg_query(rq->pg, &rows, "SELECT id, title FROM conversations WHERE user_id = $1", PS(user_id))) != OK)
 *		return st;
 *	for (int i = 0; i < rows_count(rows); i++)
 *		... row_text(rows, i, "title") ...
 *
 * Statements are prepared on first use and kept, keyed by the address of their
 * text: pass string literals (or static text) only, never built SQL.
 *
 * A lost connection is made again at the next use outside a transaction.  A
 * statement during which it was lost fails with E_UNAVAILABLE and its effect
 * is unknown, unless it was run by pg_query_again(), which promises that
 * running it twice does no harm.
 *
 * A connection belongs to one thread at a time.
 */
#ifndef WEIR_IO_PG_H
#define WEIR_IO_PG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/money.h"
#include "base/status.h"

struct pg;
struct rows;

/* The literal of an array for a parameter, in `b`, empty at first: a word at a time, each of what needs no quoting
 * (ids, names), and its end, which makes an array of none of nothing. */
void pg_array_add(struct buf *b, const char *word);
void pg_array_end(struct buf *b);

struct pg_arg {
	const char *text; /* NULL: SQL NULL, unless kind says otherwise */
	int64_t num;
	size_t len;
	enum { PG_TEXT, PG_INT, PG_BOOL, PG_UCR, PG_BYTES } kind;
};

#define PS(s) ((struct pg_arg){ .kind = PG_TEXT, .text = (s) })	       /* text, uuid, json, timestamptz … */
#define PI(n) ((struct pg_arg){ .kind = PG_INT, .num = (int64_t)(n) }) /* int, bigint */
#define PB(b) ((struct pg_arg){ .kind = PG_BOOL, .num = (b) ? 1 : 0 }) /* boolean */
#define PM(ucr) ((struct pg_arg){ .kind = PG_UCR, .num = (ucr) })      /* micro-credits as numeric */
#define PX(p, n) ((struct pg_arg){ .kind = PG_BYTES, .text = (const char *)(p), .len = (n) }) /* bytea */
#define PNULL ((struct pg_arg){ .kind = PG_TEXT })
#define PG_ARGS(...) ((const struct pg_arg[]){ { .kind = PG_TEXT } __VA_OPT__(, ) __VA_ARGS__ })
#define PG_NARGS(...) (sizeof(PG_ARGS(__VA_ARGS__)) / sizeof(struct pg_arg) - 1)

/* A connection object for `url` (conf->database_url or _migrate_url) that
 * connects at first use.  `name` becomes application_name.  Caller owns it. */
struct pg *pg_new(const struct conf *conf, const char *url, const char *name);
void pg_free(struct pg *pg);
/* Its owner is about to end: from now on pg_query_again() does not wait for a
 * server that is away.  Any thread. */
void pg_hurry(struct pg *pg);

/* Run one statement.  *rows (may be NULL: no rows wanted) is the caller's:
 * AUTO_ROWS or rows_free(); untouched on failure.  Errors: E_CONFLICT unique or
 * exclusion violation; E_NOT_FOUND foreign key; E_INVALID_REQUEST a check or a
 * value the type refuses; E_UNAVAILABLE no connection, time-out, shutdown, disk
 * full; E_INTERNAL the rest (logged with SQLSTATE). */
#define pg_query(pg, rows, sql, ...) pg_run((pg), (rows), (sql), PG_ARGS(__VA_ARGS__) + 1, PG_NARGS(__VA_ARGS__), false)
/* The same for statements that do no harm when run twice: retried on a new
 * connection when the old one was lost, and after deadlock or serialization failure. */
#define pg_query_again(pg, rows, sql, ...) \
	pg_run((pg), (rows), (sql), PG_ARGS(__VA_ARGS__) + 1, PG_NARGS(__VA_ARGS__), true)
enum status pg_run(
    struct pg *pg, struct rows **rows, const char *sql, const struct pg_arg *args, size_t nargs, bool again) MUST_CHECK;
/* One of several statements that are run together. */
struct pg_call {
	const char *sql;
	const struct pg_arg *args;
	size_t nargs;
	struct rows *rows; /* the caller's, when all succeeded */
};
#define PG_CALL(sql_, ...) \
	((struct pg_call){ .sql = (sql_), .args = PG_ARGS(__VA_ARGS__) + 1, .nargs = PG_NARGS(__VA_ARGS__) })
#define PG_CALLS_MAX 24
/* Run `n` statements in one round trip and, outside a transaction, as one: all
 * or none take effect.  Errors and `again` as above; what failed first is told. */
enum status pg_run_all(struct pg *pg, struct pg_call *calls, size_t n, bool again) MUST_CHECK;
/* Run a script of several statements without parameters (migrations, tests). */
enum status pg_script(struct pg *pg, const char *sql) MUST_CHECK;

/* Transactions.  Calls nest: only the outermost begins and commits; an inner
 * rollback makes the outer commit fail with E_CONFLICT (and roll back). */
enum status pg_begin(struct pg *pg) MUST_CHECK;
enum status pg_commit(struct pg *pg) MUST_CHECK;
void pg_rollback(struct pg *pg);
bool pg_in_transaction(const struct pg *pg);

/* Hear NOTIFYs on `channel`, a name that needs no quotes, for as long as `pg` lives, on every
 * connection it makes.  Once, before the first use. */
void pg_listen(struct pg *pg, const char *channel);
/* Wait for a NOTIFY, for `wake_fd` to be readable, or for that many ms.  A connection that
 * is lost meanwhile is made again by the next statement, and what was told
 * in between was not heard: ask the tables, too.  Outside a transaction. */
void pg_wait(struct pg *pg, int wake_fd, int64_t timeout_ms);

/* SQLSTATE and message of the last failure; "" when it had none. */
const char *pg_sqlstate(const struct pg *pg);
const char *pg_error(const struct pg *pg);
/* The name of the constraint the last failure broke, or "". */
const char *pg_constraint(const struct pg *pg);
/* Microseconds this thread spent waiting for PostgreSQL since start: for the access log. */
uint64_t pg_spent_us(const struct pg *pg);
/* Connections of this process that were made again after a loss. */
uint64_t pg_reconnects(void);

/* Say of the last statement that its connection was lost: it ran on another's. */
void pg_lost(struct pg *pg);

void rows_free(struct rows *rows);
static inline void
rows_cleanup(struct rows **rows)
{
	rows_free(*rows);
}
#define AUTO_ROWS __attribute__((cleanup(rows_cleanup)))

int rows_count(const struct rows *rows);
/* The first row whose `column` is `text`; -1: none. */
int rows_find(const struct rows *rows, const char *column, const char *text);
/* Rows touched by INSERT/UPDATE/DELETE. */
int64_t rows_affected(const struct rows *rows);
/* Column values by name; a column that is not there aborts: it is a typo.
 * row_text is NULL for SQL NULL and lives as long as `rows`; numbers are 0. */
const char *row_text(const struct rows *rows, int row, const char *column);
int64_t row_int(const struct rows *rows, int row, const char *column);
bool row_bool(const struct rows *rows, int row, const char *column);
bool row_null(const struct rows *rows, int row, const char *column);
/* NUMERIC credits in ucr. */
int64_t row_ucr(const struct rows *rows, int row, const char *column);
/* A json/jsonb column, parsed; the caller owns the reference; JSON null for SQL NULL. */
json_t *row_json(const struct rows *rows, int row, const char *column);
/* A bytea column, decoded into the arena; NULL for SQL NULL. */
unsigned char *row_bytes(const struct rows *rows, int row, const char *column, struct arena *a, size_t *len);

#endif
