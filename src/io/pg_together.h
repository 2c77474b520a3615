/*
 * Calls of several threads that meet at one hot row, run together.
 *
 * Transactions that change the same row come one after the other, and each holds
 * the row until the disk has its commit: an account that is used by many at once
 * would go no faster than the disk.  Here calls are told apart by a key (the
 * account).  A call that finds none of its key under way runs at once, as
 * pg_run() would; those that come meanwhile wait, and are then run by one of
 * them in one transaction: one round trip, one commit, for all.
 *
 * A call whose transaction failed because of another's statement runs again,
 * alone.  When the connection is lost all of them end with E_UNAVAILABLE, and as
 * with pg_query() the effect is unknown.
 */
#ifndef WEIR_IO_PG_TOGETHER_H
#define WEIR_IO_PG_TOGETHER_H

#include "io/pg.h"

struct pg_together;

struct pg_together *pg_together_new(void);
/* Free one that nobody uses any more; NULL is fine. */
void pg_together_free(struct pg_together *g);

/* Run `call` on `pg`, or let another thread run it on its connection, together
 * with other calls that have the same `key`.  When `lock_sql` is not NULL, calls
 * that run together are preceded by it, with $1 the array of all their
 * `lock_id`s: it locks in one order what they would lock each in its own.
 * Not inside a transaction.  Any thread with its own `pg`. */
enum status pg_together_run(struct pg_together *g, struct pg *pg, const char *key, struct pg_call *call,
    const char *lock_sql, const char *lock_id) MUST_CHECK;

#endif
