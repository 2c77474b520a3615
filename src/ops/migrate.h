/*
 * Migrations: numbered pairs of files, NNNN_AREA.up.sql and .down.sql, which
 * make the tables, and functions/AREA.sql, which makes the functions.  Tables
 * schema_migrations and schema_functions say what the database has got.
 *
 * Each numbered file runs once, in a transaction of its own that holds an
 * advisory lock, so that two runs at once take turns and a failed one leaves
 * nothing behind.  The checksum of the up file is kept: a file that changed
 * after it was applied is found out.
 *
 * Functions are code, not history: their files may change, and are applied
 * whole when their checksum is not the one on record, in the order of the
 * numbered files of the same names, all in one transaction.  A numbered file,
 * up or down, takes them off the record, for they were made for other tables.
 *
 * WHICH DATABASE A PROGRAM TAKES.  The number of the last migration is the
 * schema's version; a release whose functions differ has a new number too.
 *
 *	fits	 has all files as they are here: start
 *	ahead	 has all numbered ones, and later ones that are not here: start,
 *		 with a warning, and whatever its functions are, for they belong
 *		 to the later ones.  A release leaves all that the one before it
 *		 asks of the database working (HACKING.md, "To add a migration")
 *	behind	 lacks some, and weirctl migrate up will bring them: the start of
 *		 a pool and the worker wait for that, as connections wait in the
 *		 socket; a reload is refused, for the old responders go on
 *	foreign	 has others than these under the same numbers: refuse
 *
 * It is asked until it fits once, when a set of responders starts, not
 * afterwards: what runs, goes on, and one that replaces a dead one of the set
 * (server/pool.h) starts.
 *
 * TO ADD A MIGRATION: see HACKING.md.
 */
#ifndef WEIR_OPS_MIGRATE_H
#define WEIR_OPS_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/status.h"
#include "io/pg.h"

enum migration_state {
	MIGRATION_PENDING, /* a file, not in the database */
	MIGRATION_APPLIED,
	MIGRATION_CHANGED, /* applied, but the file is not the one that was */
	MIGRATION_UNKNOWN, /* applied, but there is no such file */
};

struct migration {
	int version;
	const char *name;     /* "accounts" */
	const char *checksum; /* SHA-256 of the up file, hex; NULL when unknown */
	const char *up_path, *down_path;
	const char *applied_at; /* RFC 3339; NULL: not applied */
	enum migration_state state;
};

/* functions/AREA.sql: pending (never applied, or not as it is now), applied, or unknown. */
struct function_file {
	const char *area;
	const char *checksum; /* SHA-256, hex; NULL when unknown */
	const char *path;
	const char *applied_at; /* RFC 3339; NULL: not applied */
	enum migration_state state;
	int version; /* of the first migration of that name; 0 when unknown */
};

struct migrations {
	struct migration *list; /* by version */
	size_t n;
	struct function_file *functions; /* in the order in which they are applied */
	size_t n_functions;
};

/* The folder in use: `given` (weirctl --migrations), the configuration's, or
 * the installed one.  Never NULL. */
const char *migrate_dir(const struct conf *conf, const char *given);

/* Read the folder: everything pending.  E_INVALID_REQUEST (and a sentence in
 * *problem) when it cannot be read, a file's name is malformed, a pair is not
 * complete, a number is used twice or functions belong to no migration of that
 * name.  A folder without functions/ has none.  Any thread. */
enum status migrate_read(struct arena *a, const char *dir, struct migrations *out, struct buf *problem) MUST_CHECK;

/* Compare with the database: sets each state and adds the unknown ones.
 * E_UNAVAILABLE when the database cannot be asked.  A database without
 * schema_migrations has none applied. */
enum status migrate_compare(struct arena *a, struct pg *pg, struct migrations *m, struct buf *problem) MUST_CHECK;

enum migrate_fit {
	MIGRATE_FITS,
	MIGRATE_AHEAD,
	MIGRATE_BEHIND,
	MIGRATE_FOREIGN, /* or the folder cannot be read */
	MIGRATE_UNASKED, /* the database cannot be asked: the caller may go on and ask later */
};

/* What the start of every program asks: see "Which database a program takes"
 * above.  Unless it fits, a sentence in *problem tells what is wrong and what
 * to run. */
enum migrate_fit migrate_check(struct pg *pg, const struct conf *conf, struct buf *problem) MUST_CHECK;
/* It fits, as far as this process is concerned, from now on: /readyz asks no
 * more, for the folder may be the next release's by then.  Any thread. */
void migrate_admit(void);
bool migrate_admitted(void);
/* The same as migrate_check() until it is not behind, asking every second and logging the reason
 * once a minute.  *stop (NULL: never) ends the wait: MIGRATE_BEHIND.  With
 * `for_server` it waits for a database that cannot be asked as well. */
enum migrate_fit migrate_await(
    struct pg *pg, const struct conf *conf, bool for_server, bool (*stop)(void), struct buf *problem) MUST_CHECK;

/* Called before (us = -1) and after each file: "0001_ground", "functions/task". */
typedef void migrate_note_fn(void *arg, const char *name, const char *direction, int64_t us);

/* Apply every pending migration, in order, then the functions that are pending.  Stops at the first failure with
 * its SQL error in *problem: E_CONFLICT when the database has changed or
 * unknown migrations (nothing is done then), otherwise what pg_script() said. */
enum status migrate_up(
    struct arena *a, struct pg *pg, const char *dir, migrate_note_fn *note, void *arg, struct buf *problem) MUST_CHECK;
/* Take back the last `count` applied migrations, newest first; the first of an
 * area takes its functions with it. */
enum status migrate_down(struct arena *a, struct pg *pg, const char *dir, int count, migrate_note_fn *note, void *arg,
    struct buf *problem) MUST_CHECK;
/* Write the next pair of empty files; the paths in *up and *down. */
enum status migrate_create(struct arena *a, const char *dir, const char *name, const char **up, const char **down,
    struct buf *problem) MUST_CHECK;

#endif
